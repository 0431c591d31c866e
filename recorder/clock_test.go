package recorder

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// setClock is a clock that a test sets.
type setClock struct{ wall, steady atomic.Int64 }

func (c *setClock) read() (int64, time.Duration) {
	return c.wall.Load(), time.Duration(c.steady.Load())
}

// pass lets time pass; step is by how much the wall clock is set meanwhile.
func (c *setClock) pass(d, step time.Duration) {
	c.steady.Add(int64(d))
	c.wall.Add(int64(d + step))
}

func (b *bed) setClock() *setClock {
	c := &setClock{}
	c.wall.Store(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).UnixNano())
	b.opts.Clock = c.read
	return c
}

// A step of more than a second is told in each open session, before its next record; the records stay in their order and
// the chain holds whatever the clock says.
func TestAStepOfTheClockIsTold(t *testing.T) {
	b := newBed(t)
	clock := b.setClock()
	r := b.open()
	one, other := start(t, r), start(t, r)
	query := record.Record{Kind: record.KindQuery, Text: []byte("select 1")}
	put(t, one, query)
	clock.pass(time.Hour, 900*time.Millisecond) // NTP at work
	put(t, one, query)
	clock.pass(time.Second, -time.Hour)
	put(t, one, query)
	put(t, one, query)
	clock.pass(time.Minute, 3*time.Second)
	if err := one.Close(record.Record{}); err != nil {
		t.Fatal(err)
	}
	put(t, other, query)
	b.close(r)
	sessions := b.verify()
	var said []string
	for i, rec := range sessions[one.id] {
		if rec.Seq != uint64(i) {
			t.Fatalf("record %d has number %d", i, rec.Seq)
		}
		if rec.Kind == record.KindNotice {
			said = append(said, string(rec.Message))
		}
	}
	if len(said) != 2 || !strings.Contains(said[0], "back by 1h0m0s") || !strings.Contains(said[1], "forward by 3s") {
		t.Errorf("it is said: %q", said)
	}
	list := sessions[one.id]
	if before, notice, after := list[2], list[3], list[4]; notice.Kind != record.KindNotice || after.At >= before.At || notice.At != after.At {
		t.Errorf("around the step: %+v, %+v, %+v", before, notice, after)
	}
	if list := sessions[other.id]; len(list) != 3 || list[1].Kind != record.KindNotice || !strings.Contains(string(list[1].Message), "back by 59m56.1s") {
		t.Errorf("the other session: %+v", list)
	}
}

// With a full journal a step keeps no result from being told, and is told itself when there is room.
func TestAStepIsToldWhenThereIsRoom(t *testing.T) {
	b := newBed(t)
	clock := b.setClock()
	r := b.open()
	b.home.failWith(errDown)
	tape := start(t, r)
	query := record.Record{Kind: record.KindQuery, Text: []byte(strings.Repeat("select ", 30))}
	var open []uint64
	var err error
	for err == nil {
		var seq uint64
		if seq, err = tape.Append(query); err == nil {
			open = append(open, seq)
		}
	}
	for err = nil; err == nil; { // to the last byte
		_, err = tape.Append(record.Record{Kind: record.KindState})
	}
	clock.pass(time.Second, time.Minute)
	for _, seq := range open { // each leaves a little of the room that was set aside for it
		put(t, tape, record.Record{Kind: record.KindResult, Of: seq})
	}
	b.home.failWith(nil)
	if err := tape.Close(record.Record{}); err != nil {
		t.Fatal(err)
	}
	b.close(r)
	var said []int
	for i, rec := range b.verify()[tape.id] {
		if rec.Kind == record.KindNotice {
			said = append(said, i)
		}
	}
	if len(said) != 1 || b.verify()[tape.id][said[0]-1].Kind != record.KindResult {
		t.Errorf("it is said in %v: want it once, after a result for which there was room", said)
	}
}

// What goes on with a record stands right behind it, whatever the clock does.
func TestAStepDoesNotTearAValue(t *testing.T) {
	b := newBed(t)
	clock := b.setClock()
	r := b.open()
	tape := start(t, r)
	seq := put(t, tape, record.Record{Kind: record.KindBind, Flags: record.FlagMore, Params: []record.Param{{Value: []byte("be")}}})
	clock.pass(0, time.Hour)
	put(t, tape, record.Record{Kind: record.KindData, Of: seq, Text: []byte("gin")})
	put(t, tape, record.Record{Kind: record.KindState})
	b.close(r)
	list := b.verify()[tape.id]
	if len(list) != 4 || string(list[1].Params[0].Value) != "begin" || list[2].Kind != record.KindNotice {
		t.Errorf("%+v", list)
	}
}
