package ssh

import (
	"time"

	"github.com/gatefold/gatefold/protocols"
)

const (
	defaultKeepAlive = time.Minute
	maxSilences      = 5 // unanswered keepalives after which a side is taken for dead
)

var (
	errClientDead = &protocols.Error{Class: protocols.ClassIdle, Message: "the client answers no keepalive"}
	errTargetDead = &protocols.Error{Class: protocols.ClassTarget, Message: "the target answers no keepalive"}
)

// keepAlive asks a side now and then whether it is still there, which also keeps the tables of routers on the way fresh. One
// that is stalled still answers: flow control stops channels only.
func (r *relay) keepAlive(s *side, dead error) {
	every := r.KeepAlive
	if every == 0 {
		every = defaultKeepAlive
	}
	gone := time.AfterFunc(every*(maxSilences+1), func() { r.end(dead) })
	defer gone.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			return
		}
		if _, _, err := s.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			return
		}
		gone.Reset(every * (maxSilences + 1))
	}
}
