package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/recorder"
)

// A gateway under test that runs in a process of its own finds in this variable what is to go wrong between its recorder
// and its archive: names of faults, with commas.
const faultsVariable = "GATEFOLD_TEST_FAULTS"

// child is main, with what a test wants to go wrong.
func child() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	m := &Main{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, home: withFaults(os.Getenv(faultsVariable))}
	os.Exit(m.Run(ctx, os.Args[1:]))
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
