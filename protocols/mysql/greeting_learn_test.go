package mysql

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Many clients that come at once have the target asked once.
func TestGreetingIsAskedForOnce(t *testing.T) {
	p := pretend(t, func(p *packets) {
		time.Sleep(20 * time.Millisecond) // so that the others wait
		p.write(pretended.append(nil))
	})
	var gs greetings
	var asked atomic.Int32
	dial := func(ctx context.Context) (net.Conn, error) {
		asked.Add(1)
		return new(net.Dialer).DialContext(ctx, "tcp", p.Addr)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if said := gs.get(t.Context(), "shop", dial); said == nil || said.version != pretended.version {
				t.Errorf("%+v", said)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestGreetingOfATargetThatIsDown(t *testing.T) {
	var gs greetings
	asked := 0
	down := func(context.Context) (net.Conn, error) {
		asked++
		return nil, errors.New("down")
	}
	for range 3 {
		if said := gs.get(t.Context(), "shop", down); said != nil {
			t.Errorf("%+v", said)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	gs.learn("shop", &pretended)
	if said := gs.get(t.Context(), "shop", down); said == nil || said.caps != pretended.caps {
		t.Errorf("%+v", said)
	}
	gs.of("shop").said = nil
	gs.of("shop").failed = time.Now().Add(-probeAgain)
	gs.get(t.Context(), "shop", down)
	if asked != 2 {
		t.Errorf("asked %d times after a while", asked)
	}
	if gs.get(t.Context(), "other", nil) != nil {
		t.Error("something is known of a target that nobody asked")
	}
}

// A client that leaves does not keep the target from being asked for the next, and does not wait longer than it may.
func TestClientLeavesWhileTheTargetIsAsked(t *testing.T) {
	var gs greetings
	left, leave := context.WithCancel(t.Context())
	begun, go2 := make(chan struct{}), make(chan struct{})
	p := pretend(t, func(p *packets) {
		close(begun)
		<-go2
		p.write(pretended.append(nil))
	})
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", p.Addr) }
	var wg sync.WaitGroup
	wg.Go(func() {
		if gs.get(left, "shop", dial) == nil {
			t.Error("the client that left made the question fail")
		}
	})
	<-begun
	leave()
	if gs.get(left, "shop", dial) != nil {
		t.Error("an answer before there is one")
	}
	close(go2)
	wg.Wait()
}
