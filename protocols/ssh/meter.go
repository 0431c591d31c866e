package ssh

import (
	"net"
	"sync/atomic"

	"github.com/gatefold/gatefold/protocols"
)

// maxUnread bounds what one side sends that nobody reads: the windows of all channels, and what goes around the data.
const maxUnread = (maxChannels*2 + 32) << 20 // 96 MiB

var errFlood = &protocols.Error{Class: protocols.ClassBadRequest, Message: "too much was sent in small pieces that nobody reads"}

// meter is the connection of one side. golang.org/x/crypto/ssh keeps each packet of a channel that nobody reads by itself, at
// some fifty bytes beside its data, and bounds the data alone: single bytes could fill gigabytes. What is kept is bounded by what
// came from the socket and was not taken out of a channel, which is counted here. The count errs upwards where packets are
// small, so where it grows too large it is asked whether anything waits at all.
type meter struct {
	net.Conn
	limit  int64                       // bytes; 0: maxUnread
	unread atomic.Int64                // bytes
	idle   atomic.Pointer[func() bool] // reports whether all channels are empty; false and the session has ended. nil: not yet
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	limit := m.limit
	if limit == 0 {
		limit = maxUnread
	}
	if m.unread.Add(int64(n)) <= limit {
		return n, err
	}
	if idle := m.idle.Load(); idle != nil && !(*idle)() {
		return 0, errFlood
	}
	m.unread.Store(0)
	return n, err
}

// took notes that n bytes of data were taken out of a channel, and about what stood around them.
func (m *meter) took(n int) {
	for {
		before := m.unread.Load()
		if m.unread.CompareAndSwap(before, max(0, before-int64(n+n/32+64))) {
			return
		}
	}
}

// watch has the meters ask whether what the client, or the target, sent has been taken.
func (r *relay) watch() {
	r.client.meter.ask(r, func(p *program) bool { return p.in.waits.Load() })
	r.target.meter.ask(r, func(p *program) bool { return p.out.waits.Load() && p.err.waits.Load() })
}

// ask has m ask empty of each channel.
func (m *meter) ask(r *relay, empty func(*program) bool) {
	if m == nil {
		return
	}
	idle := func() bool {
		for _, ch := range r.listed() {
			if p := ch.runs.Load(); p == nil || !empty(p) {
				r.end(errFlood)
				return false
			}
		}
		return true
	}
	m.idle.Store(&idle)
}
