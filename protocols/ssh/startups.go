package ssh

import (
	"math/rand/v2"
	"net/netip"
	"sync"

	"github.com/gatefold/gatefold/protocols"
)

// Connections that have not logged in yet, as sshd's MaxStartups and PerSourceMaxStartups: from startupsBegin on, one more is
// dropped with a chance of startupsRate percent, which grows until at startupsFull each one is. People who type a password
// stay, unlike where the oldest goes; and one address can't take all the room. Each may take 512 KiB.
const (
	startupsBegin  = 128
	startupsRate   = 30 // percent
	startupsFull   = 256
	startupsSource = 100 // of one address, an IPv6 /64
)

type startups struct {
	mu   sync.Mutex
	all  int
	from map[netip.Addr]int
}

var errStartups = &protocols.Error{Class: protocols.ClassTooMany, Message: "too many connections are logging in", Hint: "try again in a moment"}

// enter counts one that begins to log in. leave is called when it is in, or gone.
func (s *startups) enter(client netip.Addr) (leave func(), err error) {
	client = household(client)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.from[client] >= startupsSource || dropped(s.all, rand.IntN(100)) {
		return nil, errStartups
	}
	if s.from == nil {
		s.from = map[netip.Addr]int{}
	}
	s.all++
	s.from[client]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.from[client]--; s.from[client] == 0 {
			delete(s.from, client)
		}
	}, nil
}

// dropped says whether one more than n goes, at a throw of 0 to 99 (sshd_config(5), MaxStartups).
func dropped(n, throw int) bool {
	switch {
	case n < startupsBegin:
		return false
	case n >= startupsFull:
		return true
	}
	return throw < startupsRate+(100-startupsRate)*(n-startupsBegin)/(startupsFull-startupsBegin)
}

// household is who counts as one address.
func household(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
}
