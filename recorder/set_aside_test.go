package recorder

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// What one session had set aside was forgotten when another reserved room while a segment was being made for the first:
// then a record that is split stood half, and a Result could be without its room.
func TestRoomSetAsideIsKeptWhileASegmentIsMade(t *testing.T) {
	b := newBed(t)
	r := b.open()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil && talkOnce(ctx, t, r) {
			}
		})
	}
	wg.Wait()
}

// talkOnce is a session of actions and results, long ones among them, that waits for room where there is none.
func talkOnce(ctx context.Context, t *testing.T, r *Recorder) bool {
	tape, err := r.Start(record.NewID(time.Now()))
	if errors.Is(err, record.ErrNoRoom) {
		time.Sleep(time.Millisecond)
		return true
	}
	if err != nil {
		t.Error(err)
		return false
	}
	defer tape.Close(record.Record{Outcome: record.OutcomeDone})
	say := func(rec record.Record) (seq uint64, ok bool) {
		for ctx.Err() == nil {
			switch seq, err := tape.Append(rec); {
			case err == nil:
				return seq, true
			case tape.closed || !errors.Is(err, record.ErrNoRoom) || rec.Kind == record.KindResult:
				t.Errorf("a %v stands half or without its room: %v", rec.Kind, err)
				return 0, false
			}
			time.Sleep(time.Millisecond)
		}
		return 0, false
	}
	if _, ok := say(record.Record{Kind: record.KindOpen, User: "alice"}); !ok {
		return ctx.Err() != nil
	}
	for range rand.IntN(100) {
		text := strings.Repeat("x", rand.IntN(300))
		if rand.IntN(20) == 0 {
			text = strings.Repeat("long ", 5000) // split
		}
		seq, ok := say(record.Record{Kind: record.KindQuery, Text: []byte(text)})
		if ok {
			_, ok = say(record.Record{Kind: record.KindResult, Of: seq, Outcome: record.OutcomeDone})
		}
		if !ok {
			return ctx.Err() != nil
		}
	}
	return true
}
