package identity

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	throttled    = 16384                  // addresses remembered; about 2 MiB
	freeFailures = 3                      // cost nothing: people mistype
	firstDelay   = 250 * time.Millisecond // then doubled by each failure
	maxDelay     = 8 * time.Second        // stays below the default hello_timeout of 15 s
	forgetOne    = 30 * time.Second       // a failure is forgotten after so long
	maxFailures  = 20                     // counted; so an address is clean again after 10 minutes
	forgiveEvery = time.Minute            // how often a success may halve the failures
)

// Throttle slows addresses down that fail to log in. It reads no clock: the caller says what time it is. It remembers
// a bounded number of addresses, the least recently failed forgotten first. An IPv6 address counts as its /64, which
// one person has whole. Safe for concurrent use.
type Throttle struct {
	mu    sync.Mutex
	addrs *simplelru.LRU[netip.Addr, failures]
}

// failures of one address, as of a moment.
type failures struct {
	count    int
	since    time.Time // when count was right; it shrinks by one each forgetOne
	forgiven time.Time
}

// NewThrottle returns one that has seen nothing yet.
func NewThrottle() *Throttle {
	addrs, err := simplelru.NewLRU[netip.Addr, failures](throttled, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Throttle{addrs: addrs}
}

// Delay is how long to wait before addr's next login is answered. Zero for most.
func (t *Throttle) Delay(addr netip.Addr, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, _ := t.addrs.Peek(network(addr))
	over := f.at(now).count - freeFailures
	if over <= 0 {
		return 0
	}
	return min(firstDelay<<(over-1), maxDelay)
}

// Failed counts a failed login.
func (t *Throttle) Failed(addr netip.Addr, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, _ := t.addrs.Get(network(addr))
	f = f.at(now)
	f.count = min(f.count+1, maxFailures)
	t.addrs.Add(network(addr), f)
}

// Succeeded halves what addr is held to, once a minute at most: many people share an address, and one with a password
// of their own must not guess those of others for free.
func (t *Throttle) Succeeded(addr netip.Addr, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.addrs.Peek(network(addr))
	if !ok || !f.forgiven.IsZero() && now.Sub(f.forgiven) < forgiveEvery {
		return
	}
	f = f.at(now)
	f.count /= 2
	f.forgiven = now
	t.addrs.Add(network(addr), f)
}

// at is f with what was forgotten until now.
func (f failures) at(now time.Time) failures {
	if f.count == 0 || f.since.IsZero() {
		f.count, f.since = 0, now
		return f
	}
	if gone := int(now.Sub(f.since) / forgetOne); gone > 0 {
		f.count = max(f.count-gone, 0)
		f.since = f.since.Add(time.Duration(gone) * forgetOne)
	}
	return f
}

func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return p.Addr()
}
