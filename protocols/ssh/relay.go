package ssh

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	gate "github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

const (
	leaveTime = 5 * time.Second // for the target to take what a client that left had sent, or the client what the target had
	wordsTime = 2 * time.Second // for a client to read why its session ends

	lostTime = 20 * time.Millisecond // for a connection that is lost to be known as lost, when its channels are
)

// errOver ends a relay whose client left as it should.
var errOver = errors.New("over")

// relay carries one session's channels between its client and its target. It ends by its context, whose cause says why: the
// client left, the target did, the gateway ends the session, or what should be on record can't be.
type relay struct {
	*conn
	s   protocols.Session
	ctx context.Context
	end context.CancelCauseFunc
	wg  sync.WaitGroup // all goroutines

	clientGone, targetGone chan struct{} // closed when the connection has ended

	mu       sync.Mutex // guards all below
	numbers  uint32     // given to channels so far
	admitted int        // sessions that are open or about to be
	open     map[*channel]struct{}
	noMore   bool          // the client said that it opens none
	emptied  chan struct{} // gets one when admitted comes down to 0
}

// Relay carries channels until either side is gone.
func (c *conn) Relay(ctx context.Context, s protocols.Session, done func(error)) {
	r := &relay{conn: c, s: s, open: map[*channel]struct{}{}, emptied: make(chan struct{}, 1), clientGone: make(chan struct{}), targetGone: make(chan struct{})}
	r.ctx, r.end = context.WithCancelCause(ctx)
	r.watch()
	r.spawn(r.clientChannels)
	r.spawn(r.clientRequests)
	r.spawn(r.targetChannels)
	r.spawn(r.targetRequests)
	r.spawn(func() { r.keepAlive(c.client, errClientDead) })
	r.spawn(func() { r.keepAlive(c.target, errTargetDead) })
	r.spawn(r.targetEnd)
	go func() {
		<-r.ctx.Done()
		cause := context.Cause(r.ctx)
		r.close(cause)
		r.wg.Wait()
		if errors.Is(cause, errOver) {
			cause = nil
		}
		done(cause)
	}()
}

// spawn runs f as a goroutine of the relay. A fault in it ends this session and no other.
func (r *relay) spawn(f func()) {
	r.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.end(&gate.Fault{Value: p, Stack: debug.Stack()})
			}
		}()
		f()
	})
}

// close ends both connections. The target's goes first: what ends a session ends it there at once. The client is told why on
// each channel that is open, and has a moment to read it.
func (r *relay) close(cause error) {
	r.target.Close()
	defer r.client.Close()
	open := r.listed()
	if errors.Is(cause, errOver) || len(open) == 0 {
		return
	}
	told := make(chan struct{})
	go func() {
		var wg sync.WaitGroup
		for _, ch := range open {
			wg.Go(func() { ch.farewell(cause) })
		}
		wg.Wait()
		r.client.Wait() // it hangs up when its last channel is closed
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(wordsTime):
		r.client.Close()
		<-told
	}
}

// targetEnd waits for the target's connection to end by itself.
func (r *relay) targetEnd() {
	r.target.Wait()
	close(r.targetGone)
	if !closed(r.clientGone) {
		r.settle()
		r.end(errTargetLeft)
	}
}

var errTargetLeft = &protocols.Error{Class: protocols.ClassTarget, Message: "the target closed the connection"}

// ask proposes an action and waits for the answer. What is allowed is on record for good when ask returns; what can't be
// asked any more is refused.
func (r *relay) ask(rec record.Record) protocols.Answer {
	return r.askAction(protocols.Action{Record: rec})
}

func (r *relay) askAction(action protocols.Action) protocols.Answer {
	answer := r.propose(action)
	if answer.Verdict == record.VerdictWait {
		select {
		case answer = <-answer.Ready:
		case <-r.ctx.Done():
			return refused(protocols.AsError(context.Cause(r.ctx)))
		}
	}
	return r.settled(answer)
}

// propose asks and doesn't wait.
func (r *relay) propose(action protocols.Action) protocols.Answer {
	if r.ctx.Err() != nil {
		return refused(protocols.AsError(context.Cause(r.ctx)))
	}
	return r.s.Ask(action)
}

// settled is an answer that is there, with what it allows on record for good.
func (r *relay) settled(answer protocols.Answer) protocols.Answer {
	switch {
	case answer.Verdict != record.VerdictAllow && answer.Refusal == nil:
		answer.Refusal = &protocols.Error{Class: protocols.ClassInternal, Message: "refused without a reason"}
	case answer.Verdict == record.VerdictAllow && r.sync() != nil:
		return refused(protocols.AsError(context.Cause(r.ctx)))
	}
	return answer
}

func refused(e *protocols.Error) protocols.Answer {
	return protocols.Answer{Verdict: record.VerdictDeny, Refusal: e}
}

// tell records what needn't be asked. An error has ended the session.
func (r *relay) tell(rec record.Record) error {
	err := r.s.Tell(rec)
	if err != nil {
		r.end(err)
	}
	return err
}

// tellFirst records what goes to the target next.
func (r *relay) tellFirst(rec record.Record) error {
	if err := r.tell(rec); err != nil {
		return err
	}
	return r.sync()
}

func (r *relay) sync() error {
	err := r.s.Sync()
	if err != nil {
		r.end(err)
	}
	return err
}
