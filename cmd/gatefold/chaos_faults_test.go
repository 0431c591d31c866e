package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/proxy"
	"github.com/gatefold/gatefold/recorder"
)

// A gateway under test that runs in a process of its own finds in this variable what is to go wrong between its recorder
// and its archive: names of faults, with commas.
const faultsVariable = "GATEFOLD_TEST_FAULTS"

// child is main, with what a test wants to go wrong.
func child() {
	relaxTimers(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	m := &Main{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, home: withFaults(os.Getenv(faultsVariable))}
	if os.Getenv(clockVariable) != "" {
		m.clock, m.tape = jumpingClock(), func(t proxy.Tape) proxy.Tape { return undated{t} }
	}
	if os.Getenv(lateVariable) != "" {
		m.tape = func(t proxy.Tape) proxy.Tape { return &late{Tape: t} }
	}
	os.Exit(m.Run(ctx, os.Args[1:]))
}

// lateVariable, set to anything, has such a gateway put its records into the journal later than it says.
const lateVariable = "GATEFOLD_TEST_LATE"

// late is a tape that keeps the last records back: what is killed then has run what is not on record.
type late struct {
	proxy.Tape
	mu   sync.Mutex
	seq  uint64
	kept []record.Record
}

const keptBack = 3 // records

func (l *late) Append(r record.Record) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, r.Clone())
	if len(l.kept) > keptBack {
		if _, err := l.Tape.Append(l.kept[0]); err != nil {
			return 0, err
		}
		l.kept = l.kept[1:]
	}
	l.seq++
	return l.seq - 1, nil
}

func (l *late) Close(r record.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.kept {
		if _, err := l.Tape.Append(k); err != nil {
			return err
		}
	}
	return l.Tape.Close(r)
}

// clockVariable, set to anything, has the clock of such a gateway jump.
const clockVariable = "GATEFOLD_TEST_CLOCK"

// jumpingClock is set every 20 ms, to some time from an hour ago to an hour ahead.
func jumpingClock() recorder.Clock {
	began := time.Now()
	return func() (wall int64, steady time.Duration) {
		now := time.Now()
		steady = now.Sub(began)
		step := uint64(steady / (20 * time.Millisecond))
		off := time.Duration(rand.New(rand.NewPCG(step, 1)).Int64N(int64(2*time.Hour))) - time.Hour
		return now.Add(off).UnixNano(), steady
	}
}

// undated is a tape that has the recorder's clock date its records.
type undated struct{ proxy.Tape }

func (t undated) Append(r record.Record) (uint64, error) {
	r.At = 0
	return t.Tape.Append(r)
}

func (t undated) Close(r record.Record) error {
	r.At = 0
	return t.Tape.Close(r)
}

var errInjected = errors.New("injected by a test")

// faults is the archive of a gateway under test, half of whose Puts meet trouble.
type faults struct {
	recorder.Sink
	kinds []string
}

// The kinds. Whatever happens, a block must be at home exactly once.
const (
	faultFail  = "fail"  // it doesn't take the block
	faultLate  = "late"  // it takes the block and says that it didn't: the block comes again
	faultSlow  = "slow"  // it takes its time
	faultDie   = "die"   // the process is gone before it has the block
	faultDying = "dying" // the process is gone when it has the block and hasn't said so
)

// withFaults puts the faults that the environment names before the archive; nil: there are none.
func withFaults(names string) func(recorder.Sink) recorder.Sink {
	if names == "" {
		return nil
	}
	return func(s recorder.Sink) recorder.Sink { return &faults{s, strings.Split(names, ",")} }
}

func (f *faults) Put(ctx context.Context, b *record.Block, raw []byte) error {
	if rand.IntN(2) > 0 {
		return f.Sink.Put(ctx, b, raw)
	}
	kind := f.kinds[rand.IntN(len(f.kinds))]
	fmt.Fprintf(os.Stderr, "fault=%s block=%016x\n", kind, b.Pos)
	switch kind {
	case faultFail:
		return errInjected
	case faultLate:
		return errors.Join(f.Sink.Put(ctx, b, raw), errInjected)
	case faultSlow:
		time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
		return f.Sink.Put(ctx, b, raw)
	case faultDie:
		die()
	case faultDying:
		if err := f.Sink.Put(ctx, b, raw); err != nil {
			return err
		}
		die()
	}
	return fmt.Errorf("there is no fault %q", kind)
}

// die is SIGKILL by one's own hand.
func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
