package ssh

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// channel is one session channel (RFC 4254, section 6) of the client and its twin at the target. Each side's requests have one
// goroutine: the client's, in which the channel begins, decides what runs; the target's tells how that ended. Once a program
// runs, its data has three more.
//
//	client's requests  ->  asked, on record  ->  target      and their replies back
//	client's data      ->  on record         ->  target      (the program's carrier)
//	target's data      ->  on record         ->  client      (the program's carrier)
//	target's requests  ->                        client      behind the data that came before
type channel struct {
	r         *relay
	number    uint32 // Stream of its records
	near, far end    // the client's, the target's; set before anything else

	// Owned by the client's requests until a program runs, and not changed from then on.
	terminal *terminal // nil: none was asked for, or the target gave none
	notices  []*protocols.Error
	queue    []*ssh.Request // came while one before waited for its answer

	mu      sync.Mutex              // held while a program starts
	program *program                // nil: none runs yet
	left    bool                    // the client closed the channel
	runs    atomic.Pointer[program] // program, for who can't wait

	fed  chan struct{} // closed when the program has all that the client sent
	away chan struct{} // closed when the client closed the channel and fed is, or won't be
	over chan struct{} // closed when the client has all that the target sent on both streams

	words sync.Mutex // one writes to the client's stderr at a time
	told  sync.Once  // farewell

	noticed atomic.Int32 // notices so far
}

// end is one side of a channel.
type end struct {
	ssh.Channel
	requests <-chan *ssh.Request
}

// carry opens the twin of a channel and carries both until both are closed.
func (r *relay) carry(n ssh.NewChannel, ch *channel) {
	far, farRequests, err := r.target.OpenChannel("session", nil)
	if err != nil {
		rejected(n, err)
		return
	}
	ch.far = end{far, farRequests}
	near, nearRequests, err := n.Accept()
	if err != nil { // the client is gone
		far.Close()
		ssh.DiscardRequests(farRequests)
		return
	}
	ch.near = end{near, nearRequests}
	r.list(ch)
	if r.ctx.Err() != nil { // too late for relay.close to see it
		ch.farewell(context.Cause(r.ctx))
	}
	done := make(chan struct{})
	r.spawn(func() {
		defer close(done)
		ch.targetRequests()
	})
	ch.clientRequests()
	<-done
}

// clientRequests takes the client's requests, one at a time and in order, until it closes the channel. What it sent before is
// still given to the program; then the twin is closed, too.
func (ch *channel) clientRequests() {
	defer close(ch.away)
	for q := ch.next(); q != nil; q = ch.next() {
		ch.request(q)
	}
	ch.mu.Lock()
	ch.left = true
	runs := ch.program != nil
	ch.mu.Unlock()
	if runs {
		patience := time.NewTimer(leaveTime)
		defer patience.Stop()
		select {
		case <-ch.fed:
		case <-patience.C:
		case <-ch.r.ctx.Done():
		}
	}
	ch.far.Close()
}

// targetRequests takes the target's requests until it closes the channel. All that it sent before goes to the client and on
// record, then the client's is closed.
//
// A client may close a channel whose data has ended both ways. golang.org/x/crypto/ssh then closes it, too, and an exit status
// that comes later, as it may from an sshd, can't be told any more. So the end of the target's data waits for the exit status;
// where the client still sends, which keeps it from closing, for a moment only.
func (ch *channel) targetRequests() {
	over := ch.over
	var late <-chan time.Time
	for open := true; open; {
		var q *ssh.Request
		select {
		case q, open = <-ch.far.requests:
			if open {
				ch.answer(q)
			}
		case <-over:
			over, late = nil, time.After(endTime)
		case <-late:
			late = nil
			if !closed(ch.fed) {
				ch.endOutput()
			}
		}
	}
	p := ch.running()
	if p != nil {
		<-ch.over
	}
	if ch.r.ctx.Err() != nil {
		return // the client is told why first
	}
	if p != nil {
		ch.r.tell(p.result(ch))
		ch.mourn(p)
	}
	ch.near.Close()
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// endOutput tells the client that the target sends no more on either stream.
func (ch *channel) endOutput() {
	ch.words.Lock()
	defer ch.words.Unlock()
	if ch.r.ctx.Err() == nil { // else there is something to say yet
		ch.near.CloseWrite()
	}
}

// mourn tells the client of a program whose end nobody told that the target's connection is lost, where it is.
func (ch *channel) mourn(p *program) {
	if p.ended() || ch.wasLeft() {
		return
	}
	select {
	case <-ch.r.targetGone:
		ch.say(errTargetLeft)
	case <-time.After(lostTime): // it only closed the channel
	}
}

// running is the program that runs or ran; nil: none. It waits for one that is just being started.
func (ch *channel) running() *program {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.program
}

// begin carries the data of a program that runs now. The caller holds mu.
func (ch *channel) begin(p *program) {
	ch.program = p
	ch.runs.Store(p)
	ch.r.spawn(func() {
		defer close(ch.fed)
		ch.check(p.carrier.feed(&p.in, ch.far))
		ch.far.CloseWrite()
	})
	var streams sync.WaitGroup
	streams.Add(2)
	for _, show := range []func() error{
		func() error { return p.carrier.show(&p.out, ch.near) },
		func() error { return ch.showStderr(p) },
	} {
		ch.r.spawn(func() {
			defer streams.Done()
			ch.check(show())
		})
	}
	ch.r.spawn(func() {
		defer close(ch.over)
		streams.Wait()
	})
}

// check ends the channel where its data can't go on. What ended the session is told by the relay, and a side that is closed
// ends the channel by itself.
func (ch *channel) check(err error) {
	var e *protocols.Error
	if !errors.As(err, &e) || ch.r.ctx.Err() != nil {
		return
	}
	ch.say(e)
	ch.far.Close()
}

// farewell tells the client why its session ends.
func (ch *channel) farewell(cause error) {
	ch.told.Do(func() {
		if !errors.Is(cause, errOver) {
			ch.say(protocols.AsError(cause))
		}
		ch.near.Close()
	})
}

// say tells the client something on the channel's stderr.
func (ch *channel) say(e *protocols.Error) {
	newline := "\n"
	if ch.terminal != nil {
		newline = "\r\n" // it is raw at the client
	}
	ch.words.Lock()
	defer ch.words.Unlock()
	ch.near.Stderr().Write(words(e, newline))
}

// maxNotices bounds how often a channel's record tells of nonsense.
const maxNotices = 100

// notice records something that the client did and that doesn't go on.
func (ch *channel) notice(name, message string) {
	switch n := ch.noticed.Add(1); {
	case n > maxNotices:
		return
	case n == maxNotices:
		message += "; no more of this channel's are told"
	}
	ch.r.tell(record.Record{Kind: record.KindNotice, Stream: ch.number, Name: []byte(brief(name)), Message: []byte(message)})
}
