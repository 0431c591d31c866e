package postgres

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

const (
	maxCancelKey = 256 // bytes, protocol 3.2
	cancelKey30  = 4   // bytes of a key in protocols 3.0 and 3.1
	cancelKey32  = 32  // bytes of ours in 3.2
)

var errEnded = errors.New("ask to cancel: the session is not relaying")

// cancels knows the sessions that a CancelRequest may name. The keys are the gateway's own: a target's never reaches a
// client. Process ids are the targets', so that two sessions may share one.
type cancels struct {
	mu    sync.Mutex
	byPID map[uint32][]*cancelEntry
}

// cancelEntry is one session's place there, from Join to its end.
type cancelEntry struct {
	in     *cancels
	secret []byte // what the client has
	pid    uint32
	key    []byte // the target's
	route  protocols.Route

	mu      sync.Mutex // guards the rest: the session is not asked once it has ended
	session protocols.Session
	driver  *relay.Driver
	machine *machine
	closed  bool
}

// issue makes a key for a session and keeps it until the entry is closed.
func (cs *cancels) issue(t *target, route protocols.Route, version uint32) *cancelEntry {
	size := cancelKey30
	if version >= version32 {
		size = cancelKey32
	}
	route.Credential = nil
	e := &cancelEntry{in: cs, secret: make([]byte, size), pid: t.pid, key: t.key, route: route}
	rand.Read(e.secret)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.byPID == nil {
		cs.byPID = map[uint32][]*cancelEntry{}
	}
	cs.byPID[e.pid] = append(cs.byPID[e.pid], e)
	return e
}

// find returns the entry that pid and secret name; nil: there is none.
func (cs *cancels) find(pid uint32, secret []byte) (found *cancelEntry) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, e := range cs.byPID[pid] {
		if subtle.ConstantTimeCompare(e.secret, secret) == 1 {
			found = e
		}
	}
	return found
}

func (cs *cancels) remove(e *cancelEntry) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	rest := cs.byPID[e.pid][:0]
	for _, other := range cs.byPID[e.pid] {
		if other != e {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(cs.byPID, e.pid)
		return
	}
	cs.byPID[e.pid] = rest
}

// open lets requests through: the session has begun to relay.
func (e *cancelEntry) open(s protocols.Session, d *relay.Driver, m *machine) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.session, e.driver, e.machine = s, d, m
}

// close ends the entry. When it returns nothing more is asked of the session or told to it. e may be nil.
func (e *cancelEntry) close() {
	if e == nil {
		return
	}
	e.in.remove(e)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
}

// do runs f with the session's machine to itself, and reports whether the session still lives.
func (e *cancelEntry) do(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.driver == nil {
		return false
	}
	e.driver.Do(f)
	return true
}

// serveCancel passes a CancelRequest on. The client learns nothing of what came of it, as with PostgreSQL itself; its
// connection is closed after the target closed ours, since clients take that for "the signal was sent".
func (c *conn) serveCancel(ctx context.Context, body []byte) error {
	if n := len(body); n < 4+cancelKey30 || n > 4+maxCancelKey {
		return violation("invalid length of cancel request")
	}
	pid, secret := binary.BigEndian.Uint32(body), body[4:]
	log := c.protocol.opt.Log.With("client", c.origin.Client.String(), "pid", pid)
	e := c.protocol.cancels.find(pid, secret)
	if e == nil {
		log.Info("cancel request for no session of this gateway")
		return protocols.ErrServed
	}
	if err := e.cancel(ctx); err != nil {
		log.Warn("cancel request not passed on", "session", e.route.Session.String(), "err", err)
	}
	return protocols.ErrServed
}

// cancel records the request on the session's tape, then passes it on.
func (e *cancelEntry) cancel(ctx context.Context) error {
	seq, err := e.ask(ctx)
	if err != nil {
		return err
	}
	err = e.pass(ctx)
	e.do(func() {
		if told := e.machine.toldCancel(seq, err); err == nil {
			err = told
		}
	})
	return err
}

// ask asks and waits until the record is as safe as any before it.
func (e *cancelEntry) ask(ctx context.Context) (seq uint64, err error) {
	var answer protocols.Answer
	if !e.do(func() { answer = e.machine.askCancel() }) {
		return 0, errEnded
	}
	if answer.Verdict == record.VerdictWait {
		select {
		case answer = <-answer.Ready:
		case <-ctx.Done():
			return 0, fmt.Errorf("ask to cancel: %w", context.Cause(ctx))
		}
	}
	if answer.Verdict != record.VerdictAllow {
		return 0, fmt.Errorf("ask to cancel: %w", error(answer.Refusal))
	}
	if !e.do(func() { err = e.session.Sync() }) {
		return 0, errEnded
	}
	if err != nil {
		return 0, fmt.Errorf("record the cancel request: %w", err)
	}
	return answer.Seq, nil
}

// leaveTime is how long the target may take to be told that nobody waits for its answer any more.
const leaveTime = 5 * time.Second

// leave cancels what a session that was ended still has running: PostgreSQL itself would notice only when it next writes.
func (e *cancelEntry) leave(s protocols.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	said := "what was still running was cancelled at the target"
	if err := e.pass(ctx); err != nil {
		said = "what was still running may go on at the target: it could not be cancelled"
	}
	s.Tell(record.Record{Kind: record.KindNotice, Message: []byte(said)}) // the session is over; there is nobody to fail
}

// pass sends the target its own key on a connection like the session's, and waits for the target to close it.
func (e *cancelEntry) pass(ctx context.Context) error {
	nc, err := dialTarget(ctx, e.route)
	if err != nil {
		return err
	}
	defer nc.Close()
	release := protocols.Guard(ctx, nc)
	defer release()
	if _, err := nc.Write(encode(&pgproto3.CancelRequest{ProcessID: e.pid, SecretKey: e.key})); err != nil {
		return targetIO("send the cancel request", err)
	}
	_, _ = io.CopyN(io.Discard, nc, maxAnswer) // its end is all there is to read; an error is one too
	return nil
}
