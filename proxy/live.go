package proxy

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

var (
	errShutdown = &protocols.Error{Class: protocols.ClassShutdown, Message: "terminating connection: the gateway is shutting down"}
	errKilled   = &protocols.Error{Class: protocols.ClassShutdown, Message: "terminating connection: the session was ended by an administrator"}
	errIdle     = &protocols.Error{Class: protocols.ClassIdle, Message: "terminating connection: idle_timeout is over"}
	errMaxTime  = &protocols.Error{Class: protocols.ClassTime, Message: "terminating connection: max_session is over", Hint: "connect again"}
)

// enter makes s live, or says which limit it would break.
func (g *Gateway) enter(s *session, lim Limits) *protocols.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	user := s.subject.User
	if lim.MaxSessions > 0 && len(g.live) >= lim.MaxSessions {
		return &protocols.Error{Class: protocols.ClassTooMany, Message: "sorry, too many sessions already", Hint: "the gateway's limits.max_sessions is reached; try again later"}
	}
	if lim.MaxSessionsPerUser > 0 && g.perUser[user] >= lim.MaxSessionsPerUser {
		return &protocols.Error{Class: protocols.ClassTooMany, Message: "too many sessions for this user", Hint: "close one, or have limits.max_sessions_per_user raised"}
	}
	if full := g.targetFull(s); full != nil {
		return full
	}
	g.live[s.id] = s
	g.perUser[user]++
	g.Open.Store(int64(len(g.live)))
	return nil
}

// targetFull says which of its target's own limits s would break. The caller holds g.mu.
func (g *Gateway) targetFull(s *session) *protocols.Error {
	lim := s.world.limitsOf(s.target.Name)
	if lim.MaxSessions == 0 && lim.MaxSessionsPerUser == 0 {
		return nil
	}
	all, users := 0, 0
	for _, other := range g.live {
		if other.target.Name == s.target.Name {
			all++
			if other.subject.User == s.subject.User {
				users++
			}
		}
	}
	switch {
	case lim.MaxSessions > 0 && all >= lim.MaxSessions:
		return &protocols.Error{Class: protocols.ClassTooMany, Message: "sorry, too many sessions on this target already", Hint: "the target's limits.max_sessions is reached; try again later"}
	case lim.MaxSessionsPerUser > 0 && users >= lim.MaxSessionsPerUser:
		return &protocols.Error{Class: protocols.ClassTooMany, Message: "too many sessions for this user on this target", Hint: "close one, or have the target's limits.max_sessions_per_user raised"}
	}
	return nil
}

func (g *Gateway) leave(s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live[s.id] != s {
		return
	}
	delete(g.live, s.id)
	if g.perUser[s.subject.User]--; g.perUser[s.subject.User] == 0 {
		delete(g.perUser, s.subject.User)
	}
	g.Open.Store(int64(len(g.live)))
}

// Live is an open session, for whoever runs the gateway.
type Live struct {
	ID       string
	User     string
	Account  string
	Target   string
	Database string
	Client   string
	PID      uint64        // the target's own name for it
	Began    time.Time     //
	Idle     time.Duration // since the last statement; 0: one is running
}

// Sessions lists the open sessions, the oldest first.
func (g *Gateway) Sessions() []Live {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, all := time.Now(), make([]Live, 0, len(g.live))
	for _, s := range g.live {
		all = append(all, Live{ID: s.id.String(), User: s.subject.User, Account: s.env.Account, Target: s.target.Name,
			Database: s.env.Database, Client: s.client.String(), PID: s.pid.Load(), Began: s.began, Idle: s.idleSince(now)})
	}
	slices.SortFunc(all, func(a, b Live) int { return strings.Compare(a.ID, b.ID) }) // ids begin with the time
	return all
}

// Kill ends a session; false: there is none of that id.
func (g *Gateway) Kill(id record.ID) bool {
	g.mu.Lock()
	s := g.live[id]
	g.mu.Unlock()
	if s == nil {
		return false
	}
	s.kill(errKilled)
	return true
}

// EndAll tells every open session that the gateway shuts down.
func (g *Gateway) EndAll() { g.killAll(errShutdown) }

func (g *Gateway) killAll(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.live {
		s.kill(cause)
	}
}

// sweep ends sessions that were idle or open for too long, and shells of those who may not be here any more.
func (g *Gateway) sweep(now time.Time) {
	w := g.world.Load()
	g.mu.Lock()
	var shells []*session
	for _, s := range g.live {
		if s.speaks == "ssh" {
			shells = append(shells, s)
		}
		idle, whole := w.timeouts(s.target.Name)
		switch {
		case whole > 0 && now.Sub(s.began) >= whole:
			s.kill(errMaxTime)
		case idle > 0 && s.idleSince(now) >= idle:
			s.kill(errIdle)
		}
	}
	g.mu.Unlock()
	for _, s := range shells {
		s.renew(w)
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
