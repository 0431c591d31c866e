package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// serve is the life of one connection: one session, or several where its protocol lets a client begin again. login ends
// when the client loses its place among those that log in; proved is called once it needs none any more, and returns
// false where it has lost it.
func (g *Gateway) serve(ctx, login context.Context, l *Listener, nc net.Conn, proved func() bool) {
	defer nc.Close()
	defer g.survive("a connection")
	client := addrOf(nc.RemoteAddr()) // reads the PROXY protocol header, where one is due
	conn := l.Protocol.Accept(protocols.Origin{
		Conn: nc, Client: client, TLS: l.TLS(), Plaintext: l.plaintextFrom(client.Addr()),
		Target: l.Target, Dial: g.dialTarget(l.Target), Announce: l.Announce, Keys: l.Keys,
	})
	defer conn.Close()
	v := visit{g: g, l: l, conn: conn, client: client, log: g.Log.With("listener", l.Name, "client", client.String())}
	for v.session(ctx, login, proved) {
		login, proved = ctx, func() bool { return true } // it has given its place up, and came back by itself
	}
}

// visit is one client's connection, from accept to its end.
type visit struct {
	g      *Gateway
	l      *Listener
	conn   protocols.Conn
	client netip.AddrPort
	log    *slog.Logger
}

// session is the life of one session: hello, open the record, admit, fetch the credential, join, relay, close the
// record. again: the client is still there and asks for another.
func (v *visit) session(ctx, login context.Context, proved func() bool) (again bool) {
	g, conn, log := v.g, v.conn, v.log
	auth := &authenticator{world: g.world.Load, own: v.l.Target, logins: v.l.Speaks == "ssh", certificates: v.l.Certificates, authorities: v.l.Authorities, revoked: v.l.Revoked, log: log}
	req, err := g.hello(login, v, auth)
	placed := proved()
	switch {
	case !placed:
		log.Debug("dropped while it was logging in: too many were")
		return false
	case errors.Is(err, protocols.ErrServed):
		return false
	case errors.Is(err, io.EOF): // a health check, or psql that goes to ask for a password: nobody failed at anything
		log.Debug("the client left before its login was over", "err", err)
		return false
	case err != nil && ctx.Err() != nil: // a drain: nobody failed at anything either
		conn.Refuse(errShutdown)
		return false
	}
	s := g.newSession(ctx, v.l, v.client, g.world.Load()) // what was in force at accept may not be any more
	s.login(req, auth.claimed)
	if err != nil {
		g.away.record(s, protocols.AsError(err), log)
		conn.Refuse(err)
		return false
	}
	log = log.With("session", s.id.String(), "user", s.subject.User, "target", s.target.Name)
	if err := g.admitted(s, conn, req); err != nil {
		log.Warn("session refused", "err", err)
		conn.Refuse(err)
		return false
	}
	log.Info("session open", "account", s.env.Account, "pid", s.pid.Load())
	err = s.relay(conn)
	if fault := (*relay.Fault)(nil); errors.As(err, &fault) {
		log.Error("please report this", "panic", fault.Value, "stack", string(fault.Stack))
	}
	again = errors.Is(err, protocols.ErrAgain)
	log.Info("session closed", "actions", s.actions, "err", err, "again", again)
	return again
}

// dialTarget reaches a listener's own target; nil where it has none.
func (g *Gateway) dialTarget(name string) func(context.Context) (net.Conn, error) {
	if name == "" {
		return nil
	}
	return func(ctx context.Context) (net.Conn, error) {
		t := g.world.Load().Targets[name]
		if t == nil {
			return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "unknown target " + quoted(name)}
		}
		return t.dial(ctx)
	}
}

// survive keeps a fault in one connection from ending all others. Nothing of it reaches the client, whose connection is
// closed; a record that was open is closed by the next start.
func (g *Gateway) survive(what string) {
	if p := recover(); p != nil {
		g.Log.Error("a fault in the gateway ended "+what+"; please report it", "panic", p, "stack", string(debug.Stack()))
	}
}

// hello lets the protocol find out who is there. An address that failed before waits first.
func (g *Gateway) hello(ctx context.Context, v *visit, auth *authenticator) (protocols.Request, error) {
	from, within := v.client.Addr(), auth.world().Limits.HelloTimeout
	if v.l.Typed {
		within = max(within, auth.world().Limits.LoginGrace)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	sleep(ctx, g.throttle.Delay(from, time.Now()))
	req, err := v.conn.Hello(ctx, auth)
	var e *protocols.Error
	switch {
	case err == nil:
		g.throttle.Succeeded(from, time.Now())
	case errors.As(err, &e) && e.Class == protocols.ClassLogin:
		g.throttle.Failed(from, time.Now())
		sleep(ctx, g.throttle.Delay(from, time.Now())) // before it is told: many guesses at once pay as well
	}
	return req, err
}

// admitted takes a proved client to its target, or says why not. Either way the record tells. It goes by the session's
// context: a drain that begins meanwhile ends it as it ends every session.
func (g *Gateway) admitted(s *session, conn protocols.Conn, req protocols.Request) (err error) {
	tape, err := g.Recorder.Start(s.id)
	if err != nil {
		g.TurnedAway.Add(1)
		return notRecorded(err)
	}
	s.tape = tape
	err = errFault // unless nothing panics
	defer func() {
		if err != nil {
			g.TurnedAway.Add(1)
			g.leave(s)
			s.finish(protocols.AsError(err))
		}
	}()
	target, decision, refusal := s.admit(req)
	if err := s.opened(decision, refusal); err != nil {
		return notRecorded(err)
	}
	if refusal != nil {
		return refusal
	}
	if full := g.enter(s, s.world.Limits); full != nil {
		return full
	}
	g.Opened.Add(1)
	return s.join(conn, target)
}

// admit decides whether the session may be: the user is one, the target exists, the account is the target's, and
// policy lets this subject open it.
func (s *session) admit(req protocols.Request) (*Target, policy.Decision, *protocols.Error) {
	none := policy.Decision{}
	u, ok := s.world.Users.Lookup(s.subject.User)
	if !ok || u.Disabled {
		return nil, none, &protocols.Error{Class: protocols.ClassLogin, Message: "the login failed"}
	}
	t := s.world.Targets[req.Target]
	if t == nil {
		return nil, none, &protocols.Error{Class: protocols.ClassTarget, Message: "unknown target " + quoted(req.Target),
			Hint: "log in as identity@target, or name the database target/database"}
	}
	if t.Protocol != s.speaks {
		return nil, none, &protocols.Error{Class: protocols.ClassTarget, Message: "target " + quoted(t.Name) + " does not speak " + s.speaks}
	}
	d := s.world.Policy.Connect(s.subject, s.target, s.env)
	if !d.Allow {
		return t, d, denied(d)
	}
	if t.Accounts[s.env.Account] == "" {
		return t, d, &protocols.Error{Class: protocols.ClassTarget, Message: "target " + quoted(t.Name) + " has no account " + quoted(s.env.Account)}
	}
	return t, d, nil
}

// join fetches the credential, has the protocol log in with it and wipes it.
func (s *session) join(conn protocols.Conn, t *Target) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.world.Limits.JoinTimeout)
	defer cancel()
	fetch := func(ctx context.Context) (*vault.Credential, error) {
		return s.world.Vault.Fetch(ctx, t.Accounts[s.env.Account])
	}
	cred, err := fetch(ctx)
	if err != nil {
		return &protocols.Error{Class: protocols.ClassTarget, Message: "the credential for target " + quoted(t.Name) + " can't be had",
			Hint: "ask whoever runs the gateway; its log names the cause", Cause: err}
	}
	defer cred.Wipe()
	way := t.SSH
	way.User = s.subject.User
	joined, err := conn.Join(ctx, protocols.Route{
		Session: s.id, Credential: cred, Database: s.env.Database, TLS: t.TLS, Floor: t.Floor, MaxText: s.world.Limits.MaxStatement,
		Dial: t.dial, Fetch: fetch, SSH: way,
	})
	if err != nil {
		return err
	}
	s.pid.Store(joined.PID)
	return s.Tell(record.Record{Kind: record.KindJoin, Peer: joined.Peer, PID: joined.PID, Version: joined.Version,
		TLS: joined.TLS, Credential: cred.Version})
}

// relay runs until either side ends and closes the record. After protocols.ErrAgain the connection stays.
func (s *session) relay(conn protocols.Conn) (err error) {
	err = errFault // unless nothing panics
	defer func() {
		if !errors.Is(err, protocols.ErrAgain) {
			conn.Close()
		}
		s.g.leave(s)
		s.finish(err)
	}()
	ended := make(chan error, 1)
	conn.Relay(s.ctx, s, func(err error) { ended <- err })
	err = <-ended
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	return err
}

// errFault is what a session ended with whose goroutine panicked.
var errFault = errors.New("a fault in the gateway")

func quoted(name string) string { return "\"" + name + "\"" }

func denied(d policy.Decision) *protocols.Error {
	return &protocols.Error{Class: protocols.ClassDenied, Message: d.Message, Hint: d.Advice, Rule: d.Rule}
}

func notRecorded(err error) *protocols.Error {
	return &protocols.Error{Class: protocols.ClassNotRecorded, Message: "not recorded, not run: the gateway's journal can't take a record",
		Hint: "the disk under the gateway's state folder is full or failing; ask whoever runs it", Cause: err}
}
