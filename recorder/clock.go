package recorder

import (
	"errors"
	"fmt"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Clock reads both clocks at once: the wall's, in unix nanoseconds, that people and NTP may set, and one that only goes
// forward, from wherever it began. It is called from many goroutines.
type Clock func() (wall int64, steady time.Duration)

func machineClock() Clock {
	began := time.Now()
	return func() (int64, time.Duration) {
		now := time.Now()
		return now.UnixNano(), now.Sub(began)
	}
}

// maxStep is by how much the wall clock may differ from the time that passed and nothing is said.
const maxStep = time.Second

// date sets r's time where it isn't set. When the wall clock was set since the record before, by more than a second, or the
// machine was suspended, a Notice goes before r: whoever reads the times must know. Order is Seq and never time.
func (t *Tape) date(r *record.Record) error {
	wall, steady := t.r.opts.Clock()
	if r.At == 0 {
		r.At = wall
	}
	ahead := wall - int64(steady)
	step := time.Duration(ahead - t.ahead)
	if t.begun && (step > maxStep || step < -maxStep) {
		if r.Kind == record.KindData { // it stands right behind what it goes on with
			return nil
		}
		notice := record.Record{Kind: record.KindNotice, Session: t.id, Seq: t.next, At: wall, Message: stepMessage(step)}
		if err := t.append(&notice, 0); errors.Is(err, record.ErrNoRoom) {
			return nil // r may have room set aside; the next record tries again
		} else if err != nil {
			return err
		}
	}
	t.begun, t.ahead = true, ahead
	return nil
}

func stepMessage(step time.Duration) []byte {
	where, by := "forward", step
	if step < 0 {
		where, by = "back", -step
	}
	return fmt.Appendf(nil, "the gateway's clock went %s by %v since the record before; the order of records is their number",
		where, by.Round(time.Millisecond))
}
