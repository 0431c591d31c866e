package proxy

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

const (
	awayPerMinute = 10   // failed logins of one address that are recorded one by one
	awayAddresses = 4096 // addresses kept count of
)

// turnedAway records logins that failed: one by one up to ten a minute from an address, then as a count, so that a
// password guesser can't fill the archive.
type turnedAway struct {
	g  *Gateway
	mu sync.Mutex
	by *simplelru.LRU[netip.Addr, *awayCount]
}

type awayCount struct {
	since      time.Time
	n          int
	suppressed uint64
	last       *session
}

func newTurnedAway(g *Gateway) *turnedAway {
	t := &turnedAway{g: g}
	t.by, _ = simplelru.NewLRU(awayAddresses, func(_ netip.Addr, c *awayCount) { t.tally(c) })
	return t
}

// record writes down that s never got past its login.
func (t *turnedAway) record(s *session, why *protocols.Error, log *slog.Logger) {
	t.g.TurnedAway.Add(1)
	if !t.oneByOne(s) {
		return
	}
	log.Warn("login refused", "session", s.id.String(), "user", s.subject.User, "why", why.Message, "err", why.Cause)
	t.write(s, why, 0)
}

// oneByOne counts a failure and reports whether it is to be recorded by itself.
func (t *turnedAway) oneByOne(s *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	addr := household(s.client.Addr())
	c, ok := t.by.Get(addr)
	if !ok {
		c = &awayCount{since: s.began}
		t.by.Add(addr, c)
	}
	if s.began.Sub(c.since) >= time.Minute {
		t.tally(c)
		*c = awayCount{since: s.began}
	}
	c.n++
	if c.n <= awayPerMinute {
		return true
	}
	c.suppressed++
	c.last = s
	return false
}

// household is who counts as one address: in IPv6 a /64, as for the throttle.
func household(a netip.Addr) netip.Addr {
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
}

// flush writes the counts of minutes that are over; all of them when the gateway stops.
func (t *turnedAway) flush(now time.Time, all bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, addr := range t.by.Keys() {
		if c, ok := t.by.Peek(addr); ok && (all || now.Sub(c.since) >= time.Minute) {
			t.by.Remove(addr) // tallies
		}
	}
}

func (t *turnedAway) tally(c *awayCount) {
	if c.suppressed == 0 {
		return
	}
	why := &protocols.Error{Class: protocols.ClassLogin, Message: fmt.Sprintf("%d more failed logins from %s within a minute; this is the last", c.suppressed, c.last.client.Addr())}
	t.g.Log.Warn(why.Message)
	t.write(c.last, why, c.suppressed)
	c.suppressed = 0
}

// write makes a session of a failed login: an Open that was denied and a Close that says why.
func (t *turnedAway) write(s *session, why *protocols.Error, more uint64) {
	tape, err := t.g.Recorder.Start(s.id)
	if err != nil {
		t.g.Log.Error("record a failed login", "client", s.client.String(), "err", err)
		return
	}
	s.tape = tape
	if err := s.opened(policy.Decision{}, why); err != nil {
		t.g.Log.Error("record a failed login", "client", s.client.String(), "err", err)
	}
	if more > 0 {
		s.Tell(record.Record{Kind: record.KindGap, Rows: more, Message: []byte(why.Message)})
	}
	s.finish(why)
}
