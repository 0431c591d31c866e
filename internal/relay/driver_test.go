package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a machine that passes everything on. Of the client's bytes, some have a meaning: '?' waits for the server's
// next bytes, '!' waits for ready, '#' is an error, '~' a panic. Its last words are "bye".
type echo struct {
	waited bool
	ready  chan struct{}
	cause  error
	ended  int
	seen   []byte // of the client's
}

var errHash = errors.New("a hash")

func (e *echo) Client(p []byte, out *Out) (int, error) {
	for i, c := range p {
		switch {
		case c == '?' && !e.waited:
			e.waited = true
			return i, nil
		case c == '!' && !e.waited:
			e.waited = true
			out.Wait = func(stop <-chan struct{}) {
				select {
				case <-e.ready:
				case <-stop:
				}
			}
			return i, nil
		case c == '#':
			return i, errHash
		case c == '~':
			panic("a tilde")
		}
		if c == '?' || c == '!' {
			e.waited = false
		}
		e.seen = append(e.seen, c)
		out.ToServer.Forward(p[i : i+1])
	}
	return len(p), nil
}

func (e *echo) Server(p []byte, out *Out) error {
	out.ToClient.Forward(p[:len(p)/2])
	out.ToClient.Append([]byte("+"))
	out.ToClient.Forward(p[len(p)/2:])
	return nil
}

func (e *echo) HalfClosed() bool { return true }

func (e *echo) End(cause error, out *Out) error {
	e.cause = cause
	e.ended++
	out.ToClient.AppendString("bye")
	return cause
}

// rig is a driver between two connections whose other ends the test holds.
type rig struct {
	t              *testing.T
	client, server net.Conn // the test's ends
	echo           *echo
	driver         *Driver
	cancel         context.CancelCauseFunc
	done           chan error
	barrier        func() error
}

// kinds are the connections that a driver may be given.
var kinds = map[string]func(*testing.T) (near, far net.Conn){"socket": socketPair, "tls": tlsPair, "pipe": pipePair}

func pipePair(*testing.T) (near, far net.Conn) { return net.Pipe() }

func socketPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

func tlsPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	n, f := socketPair(t)
	client := tls.Client(n, &tls.Config{InsecureSkipVerify: true})
	server := tls.Server(f, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	var shaking sync.WaitGroup
	shaking.Go(func() {
		if err := server.Handshake(); err != nil {
			t.Error(err)
		}
	})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	shaking.Wait()
	return client, server
}

func newRig(t *testing.T, pair func(*testing.T) (near, far net.Conn)) *rig {
	r := &rig{t: t, echo: &echo{ready: make(chan struct{})}, done: make(chan error, 1), barrier: func() error { return nil }}
	near, client := pair(t)
	server, far := pair(t)
	r.client, r.server = near, far
	deadline := time.Now().Add(20 * time.Second) // a test that hangs fails
	near.SetDeadline(deadline)
	far.SetDeadline(deadline)
	ctx, cancel := context.WithCancelCause(context.Background())
	r.cancel = cancel
	r.driver = New(client, server, r.echo, func() error { return r.barrier() })
	t.Cleanup(func() {
		cancel(nil)
		for _, c := range []net.Conn{near, far, client, server} {
			c.Close()
		}
	})
	go func() { r.done <- r.driver.Run(ctx) }()
	return r
}

func (r *rig) write(conn net.Conn, s string) {
	r.t.Helper()
	if _, err := conn.Write([]byte(s)); err != nil {
		r.t.Fatalf("write %q: %v", s, err)
	}
}

func (r *rig) expect(conn net.Conn, s string) {
	r.t.Helper()
	got := make([]byte, len(s))
	if n, err := io.ReadFull(conn, got); err != nil || string(got) != s {
		r.t.Fatalf("read %q (%v), want %q", got[:n], err, s)
	}
}

// ends waits for Run and checks what it returns.
func (r *rig) ends(want error) {
	r.t.Helper()
	select {
	case err := <-r.done:
		if !errors.Is(err, want) || want == nil && err != nil {
			r.t.Fatalf("Run returned %v, want %v", err, want)
		}
	case <-time.After(20 * time.Second):
		r.t.Fatal("Run does not return")
	}
	if r.echo.ended != 1 {
		r.t.Fatalf("End was called %d times", r.echo.ended)
	}
}

func eachKind(t *testing.T, test func(*testing.T, *rig)) {
	for name, pair := range kinds {
		t.Run(name, func(t *testing.T) { test(t, newRig(t, pair)) })
	}
}

func TestBothWays(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		r.write(r.client, "hello")
		r.expect(r.server, "hello")
		r.write(r.server, "olleh!")
		r.expect(r.client, "oll+eh!")
		r.server.Close()
		r.expect(r.client, "bye")
		r.ends(ErrServerClosed)
	})
}

// A panic in a machine ends its session as an error would, and nothing of that step goes out.
func TestPanicEndsOneSession(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		r.write(r.client, "a")
		r.expect(r.server, "a")
		r.write(r.client, "secret~")
		r.expect(r.client, "bye")
		var fault *Fault
		if err := <-r.done; !errors.As(err, &fault) || fault.Value != "a tilde" {
			t.Fatalf("Run returned %v, want the fault", err)
		}
		r.server.SetReadDeadline(time.Now()) // what was sent before Run returned is there
		if n, _ := r.server.Read(make([]byte, 10)); n > 0 {
			t.Errorf("%d bytes of the step went out", n)
		}
	})
}

// More than any buffer holds arrives in order while the other direction is blocked.
func TestBackPressure(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
		go r.client.Write(sent)
		r.expect(r.server, string(sent))
		r.client.Close()
		if r.canHalfClose() {
			if _, err := r.server.Read(make([]byte, 1)); err != io.EOF {
				t.Fatalf("the server is not told that the client is gone: %v", err)
			}
		}
		r.server.Close()
		<-r.done
	})
}

func (r *rig) canHalfClose() bool {
	_, can := r.server.(interface{ CloseWrite() error })
	return can
}

// A client that says no more may still be answered.
func TestHalfClose(t *testing.T) {
	for _, kind := range []string{"socket", "tls"} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, kinds[kind])
			r.write(r.client, "last")
			if err := r.client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			r.expect(r.server, "last")
			if _, err := r.server.Read(make([]byte, 1)); err != io.EOF {
				t.Fatalf("the server is not told: %v", err)
			}
			r.write(r.server, "well")
			r.expect(r.client, "we+ll")
			r.server.Close()
			r.expect(r.client, "bye")
			r.ends(ErrServerClosed)
		})
	}
}

// A kill reaches a session that nobody speaks in, with last words for the client.
func TestKill(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		cause := errors.New("killed")
		r.write(r.client, "a")
		r.expect(r.server, "a")
		r.cancel(cause)
		r.expect(r.client, "bye")
		r.ends(cause)
	})
}

// A session that was killed between its login and its relay ended with a read that had timed out, an "internal error" to its client.
func TestKillBeforeRun(t *testing.T) {
	for name, pair := range kinds {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				near, client := pair(t)
				server, far := pair(t)
				ctx, cancel := context.WithCancelCause(context.Background())
				cause := errors.New("killed")
				cancel(cause)
				for _, c := range []net.Conn{client, server} { // as a guard of the login does
					c.SetDeadline(time.Unix(1, 0))
				}
				go io.Copy(io.Discard, near)
				if err := New(client, server, &echo{}, func() error { return nil }).Run(ctx); !errors.Is(err, cause) {
					t.Errorf("Run returned %v, want %v", err, cause)
				}
				for _, c := range []net.Conn{near, far, client, server} {
					c.Close()
				}
			}
		})
	}
}

// A kill ends a session whose target does not read.
func TestKillWhileBlocked(t *testing.T) {
	for _, kind := range []string{"socket", "tls"} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, kinds[kind])
			blocked := make(chan struct{})
			go func() {
				defer close(blocked)
				for {
					r.client.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
					if _, err := r.client.Write(make([]byte, 1<<20)); err != nil {
						return
					}
				}
			}()
			<-blocked // the target reads nothing, so in the end the client can't write
			cause := errors.New("killed")
			r.cancel(cause)
			r.ends(cause)
		})
	}
}

// While the machine waits for the server nothing is read from the client, and the server's bytes let it go on.
func TestWaitForServer(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		r.write(r.client, "a?b")
		r.expect(r.server, "a")
		r.write(r.server, "xy")
		r.expect(r.client, "x+y")
		r.expect(r.server, "?b")
		r.server.Close()
		r.expect(r.client, "bye")
		r.ends(ErrServerClosed)
	})
}

// While the machine waits for an answer the server's bytes still reach the client.
func TestWaitForAnswer(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		r.write(r.client, "a!b")
		r.expect(r.server, "a")
		r.write(r.server, "xy")
		r.expect(r.client, "x+y")
		close(r.echo.ready)
		r.expect(r.server, "!b")
		r.server.Close()
		r.expect(r.client, "bye")
		r.ends(ErrServerClosed)
	})
}

// A kill reaches a machine that waits, for an answer or for the server.
func TestKillWhileWaiting(t *testing.T) {
	for _, what := range []string{"!", "?"} {
		eachKind(t, func(t *testing.T, r *rig) {
			r.write(r.client, "a"+what)
			r.expect(r.server, "a")
			cause := errors.New("killed")
			r.cancel(cause)
			r.expect(r.client, "bye")
			r.ends(cause)
		})
	}
}

// A client that hangs up while an answer is awaited is noticed, though nothing is read from it: what it asked for never
// reaches the server.
func TestHangUpWhileWaiting(t *testing.T) {
	for _, kind := range []string{"socket", "tls"} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, kinds[kind])
			r.write(r.client, "a!")
			r.expect(r.server, "a")
			r.write(r.client, "more that is never read")
			r.client.Close()
			r.ends(errClientGone)
			if string(r.echo.seen) != "a" {
				t.Errorf("the machine let %q go", r.echo.seen)
			}
		})
	}
}

// A client may hang up behind what waits for the server only: that still goes on.
func TestHangUpBehind(t *testing.T) {
	for _, kind := range []string{"socket", "tls"} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, kinds[kind])
			r.write(r.client, "a?b")
			if err := r.client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			r.expect(r.server, "a")
			r.write(r.server, "xy")
			r.expect(r.server, "?b")
			r.server.Close()
			r.ends(ErrServerClosed)
		})
	}
}

// Nothing goes to the server when the record can't be made durable.
func TestBarrier(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		r.write(r.client, "a")
		r.expect(r.server, "a")
		failed := errors.New("no room")
		r.driver.Do(func() { r.barrier = func() error { return failed } })
		r.write(r.client, "b")
		r.expect(r.client, "bye")
		r.ends(failed)
		if err := r.server.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, _ := r.server.Read(make([]byte, 1)); n != 0 {
			t.Error("the server got what was not recorded")
		}
	})
}

// A machine's error ends the session; what it released before still goes out.
func TestMachineError(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		go r.client.Write([]byte("a#"))
		r.expect(r.server, "a")
		r.expect(r.client, "bye")
		r.ends(errHash)
	})
}

// Close of a connection from outside makes Run return.
func TestClosedFromOutside(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig) {
		r.write(r.client, "a")
		r.expect(r.server, "a")
		r.driver.client.conn.Close()
		r.driver.server.conn.Close()
		<-r.done
	})
}
