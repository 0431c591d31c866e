package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/recorder"
)

// Feeder writes a generator's records to the tapes of a recorder, as sessions do, with the times that they have.
type Feeder struct {
	Recorder *recorder.Recorder
	Records  *gen.Generator
	Seen     func(*record.Record) // each record, on its way; nil: nobody looks

	tapes map[record.ID]*recorder.Tape
}

// Feed writes n records. Where the journal has no room it waits.
func (f *Feeder) Feed(ctx context.Context, n int) error {
	if f.tapes == nil {
		f.tapes = make(map[record.ID]*recorder.Tape)
	}
	for range n {
		r := f.Records.Next()
		if f.Seen != nil {
			f.Seen(r)
		}
		for {
			room := f.Recorder.Room()
			err := f.put(r)
			if err == nil {
				break
			}
			if !errors.Is(err, record.ErrNoRoom) {
				return fmt.Errorf("feed the recorder: %w", err)
			}
			select {
			case <-room:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func (f *Feeder) put(r *record.Record) error {
	tape := f.tapes[r.Session]
	if tape == nil {
		var err error
		if tape, err = f.Recorder.Start(r.Session); err != nil {
			return err
		}
		f.tapes[r.Session] = tape
	}
	if r.Kind == record.KindClose {
		delete(f.tapes, r.Session)
		return tape.Close(*r)
	}
	seq, err := tape.Append(*r)
	if err == nil && seq != r.Seq {
		err = fmt.Errorf("the tape numbered a record %d, the generator %d", seq, r.Seq)
	}
	return err
}

// Tape is the tape of an open session, to go on with by hand.
func (f *Feeder) Tape(id record.ID) *recorder.Tape { return f.tapes[id] }

// CPU is the processor time, user and system, that this process has used.
func CPU() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

// ThreadCPU is that of the calling thread; the goroutine must be locked to it.
func ThreadCPU() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err) // no kernel that Go runs on lacks them
	}
	return time.Duration(t.Nano())
}
