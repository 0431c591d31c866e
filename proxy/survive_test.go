package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/protocols"
)

// panics is a protocol with a fault in its Hello.
type panics struct{ protocols.Conn }

func (panics) Accept(protocols.Origin) protocols.Conn { return panics{} }
func (panics) Close() error                           { return nil }
func (panics) Hello(context.Context, protocols.Authenticator) (protocols.Request, error) {
	panic("on purpose")
}

// A fault in one connection ends that one and no other.
func TestAPanicEndsOneConnection(t *testing.T) {
	log := &lines{}
	g := New(Options{Log: slog.New(slog.NewTextHandler(log, nil))}, &World{Limits: Limits{HelloTimeout: time.Minute}})
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- g.Serve(ctx, &Listener{Listen: in, Protocol: panics{}, TLS: func() *tls.Config { return nil }})
	}()
	for range 2 {
		c, err := net.Dial("tcp", in.Addr().String())
		if err != nil {
			t.Fatalf("the gateway is gone: %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection ended with %v, want its end", err)
		}
		c.Close()
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	g.wg.Wait()
	if n := strings.Count(log.String(), "on purpose"); n != 2 {
		t.Errorf("the log tells of %d faults, want 2:\n%s", n, log)
	}
}

type lines struct{ strings.Builder }

func (l *lines) Write(p []byte) (int, error) { return l.Builder.Write(p) } // slog's handler locks
