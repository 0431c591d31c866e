package mysql

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gatefold/gatefold/protocols"
)

const (
	probeTime  = 2 * time.Second  // for a target to greet
	probeAgain = 30 * time.Second // after one that failed
)

// announced is what a listener says of its target before it is known who is there.
type announced struct {
	version   string
	caps      capabilities // the target's own
	collation byte
	status    uint16
}

// greetings are what targets said of themselves, by the target's name. Each Join brings them up to date. Where there was
// none yet a connection asks, one at a time: to the servers that is a client which left before its login, of which they
// count some (max_connect_errors) until one succeeds, so it is done rarely.
type greetings struct {
	mu      sync.Mutex
	targets map[string]*knownTarget
}

// knownTarget is one target's. The zero value: nothing is known.
type knownTarget struct {
	said    *announced
	failed  time.Time     // when it last did not greet
	probing chan struct{} // closed when who asks has an answer; nil: nobody does
}

func (gs *greetings) of(name string) *knownTarget {
	if gs.targets == nil {
		gs.targets = map[string]*knownTarget{}
	}
	k := gs.targets[name]
	if k == nil {
		k = &knownTarget{}
		gs.targets[name] = k
	}
	return k
}

// learn keeps what a target said.
func (gs *greetings) learn(name string, g *greeting) {
	if name == "" {
		return
	}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.of(name).said = &announced{version: g.version, caps: g.caps, collation: g.collation, status: g.status}
}

// get returns what the target says of itself, or nil where that can't be known now.
func (gs *greetings) get(ctx context.Context, name string, dial func(context.Context) (net.Conn, error)) *announced {
	for {
		gs.mu.Lock()
		k := gs.of(name)
		if k.said != nil || dial == nil || time.Since(k.failed) < probeAgain {
			gs.mu.Unlock()
			return k.said
		}
		if probing := k.probing; probing != nil {
			gs.mu.Unlock()
			select {
			case <-probing:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		k.probing = make(chan struct{})
		gs.mu.Unlock()
		return gs.probe(ctx, name, dial)
	}
}

// probe asks the target. A client that leaves meanwhile does not make it fail for others.
func (gs *greetings) probe(ctx context.Context, name string, dial func(context.Context) (net.Conn, error)) *announced {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime)
	defer cancel()
	g, err := askGreeting(ctx, dial)
	gs.mu.Lock()
	defer gs.mu.Unlock()
	k := gs.of(name)
	close(k.probing)
	k.probing = nil
	switch {
	case err != nil && k.said == nil:
		k.failed = time.Now()
	case k.said == nil: // else a Join was quicker
		k.said = &announced{version: g.version, caps: g.caps, collation: g.collation, status: g.status}
	}
	return k.said
}

func askGreeting(ctx context.Context, dial func(context.Context) (net.Conn, error)) (*greeting, error) {
	nc, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	release := protocols.Guard(ctx, nc)
	defer release()
	return readGreeting(&packets{nc: nc})
}

// readGreeting reads a target's greeting, or why it does not greet.
func readGreeting(p *packets) (*greeting, error) {
	payload, err := p.read(maxGreeting)
	if err != nil {
		return nil, fmt.Errorf("read the greeting: %w", err)
	}
	if len(payload) > 0 && payload[0] == answerError {
		return nil, parseError(payload)
	}
	return parseGreeting(payload)
}
