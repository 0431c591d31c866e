package sftp

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// judge allows what it is asked, but for paths with "forbidden" in them; paths with "pending" wait for release.
type judge struct {
	mu      sync.Mutex
	asked   []string
	results []Result
	release chan struct{}
}

func (j *judge) Ask(r *Request) (uint64, string, error) {
	j.mu.Lock()
	j.asked = append(j.asked, string(r.Op)+" "+r.Path)
	token := uint64(len(j.asked))
	j.mu.Unlock()
	switch {
	case strings.Contains(r.Path, "broken"):
		return 0, "", errors.New("the journal is broken")
	case strings.Contains(r.Path, "forbidden"):
		return 0, "no", nil
	case strings.Contains(r.Path, "pending"):
		<-j.release
	}
	return token, "", nil
}

func (j *judge) Tell(r Result) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.results = append(j.results, r)
	return nil
}

// line is a driver between two pipes: what is written to one end is read at the other, and waits until it is.
type line struct {
	t              *testing.T
	j              *judge
	client, server net.Conn
	up, down       chan error
	ended          chan error
}

func newLine(t *testing.T, m Machine) *line {
	client, near := net.Pipe()
	server, far := net.Pipe()
	l := &line{t: t, j: &judge{release: make(chan struct{})}, client: client, server: server,
		up: make(chan error, 1), down: make(chan error, 1), ended: make(chan error, 1)}
	d := NewDriver(m, l.j, far, near)
	go func() { l.up <- d.FromClient(near) }()
	go func() {
		l.down <- d.FromServer(far)
		l.ended <- d.End()
	}()
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return l
}

// begin has SFTP begin.
func (l *line) begin() *line {
	l.write(l.client, initV3)
	l.read(l.server, initV3)
	l.write(l.server, versionV3)
	l.read(l.server, askHome)
	l.write(l.server, homeIs)
	l.read(l.client, versionV3)
	return l
}

func (l *line) write(to net.Conn, p []byte) {
	l.t.Helper()
	to.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := to.Write(p); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) read(from net.Conn, want []byte) {
	l.t.Helper()
	from.SetDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != string(want) {
		l.t.Fatalf("%q: %v, want %q", got, err, want)
	}
}

func (l *line) over(what chan error) error {
	l.t.Helper()
	select {
	case err := <-what:
		return err
	case <-time.After(10 * time.Second):
		l.t.Fatal("it goes on")
		return nil
	}
}

// A request that waits for its verdict holds those behind it, and nothing of the other direction.
func TestDriverPending(t *testing.T) {
	l := newLine(t, New(Limits{})).begin()
	l.write(l.client, packet(fxpStat, 1, "/a"))
	l.read(l.server, packet(fxpStat, 1, "/a"))
	go l.client.Write(append(packet(fxpStat, 2, "/pending"), packet(fxpStat, 3, "/b")...))
	l.write(l.server, packet(fxpAttrs, 1, 0))
	l.read(l.client, packet(fxpAttrs, 1, 0))
	close(l.j.release)
	l.read(l.server, packet(fxpStat, 2, "/pending"))
	l.read(l.server, packet(fxpStat, 3, "/b"))
}

// A verdict that comes when the channel is over has a Result all the same.
func TestDriverLateVerdict(t *testing.T) {
	l := newLine(t, New(Limits{})).begin()
	l.write(l.client, packet(fxpStat, 1, "/pending"))
	l.server.Close()
	if err := l.over(l.ended); err != nil {
		t.Fatal(err)
	}
	close(l.j.release)
	if err := l.over(l.up); !errors.Is(err, ErrOther) {
		t.Error(err)
	}
	if len(l.j.results) != 1 || !l.j.results[0].Unknown || l.j.results[0].Token != 1 {
		t.Errorf("%+v", l.j.results)
	}
}

// A direction that waits for the other ends with it.
func TestDriverEnds(t *testing.T) {
	l := newLine(t, New(Limits{}))
	l.write(l.client, initV3)
	l.read(l.server, initV3)
	l.write(l.client, packet(fxpStat, 1, "/a")) // waits for the version
	l.server.Close()
	if err := l.over(l.down); err != nil {
		t.Error(err)
	}
	if err := l.over(l.up); !errors.Is(err, ErrOther) {
		t.Error(err)
	}

	l = newLine(t, New(Limits{})).begin()
	l.write(l.server, packet(fxpStatus, 9, 0, "", ""))
	var broke *Error
	if err := l.over(l.down); !errors.As(err, &broke) || broke.Side != theServer {
		t.Error(err)
	}
	l.write(l.client, packet(fxpStat, 1, "/a"))
	if err := l.over(l.up); !errors.Is(err, ErrOther) {
		t.Error(err)
	}

	l = newLine(t, New(Limits{})).begin()
	l.write(l.client, packet(fxpStat, 1, "/broken"))
	if err := l.over(l.up); err == nil || !strings.Contains(err.Error(), "the journal is broken") {
		t.Error(err)
	}

	l = newLine(t, New(Limits{})).begin()
	l.write(l.client, packet(fxpStat, 1, "/a")[:7])
	l.client.Close()
	if err := l.over(l.up); !errors.As(err, &broke) || broke.Text != "ended within a packet" {
		t.Error(err)
	}
}

// A client that reads no answers doesn't keep what it sends, nor what the server takes, from passing.
func TestDriverStalledClient(t *testing.T) {
	l := newLine(t, New(Limits{})).begin()
	l.write(l.client, packet(fxpStat, 1, "/a"))
	l.read(l.server, packet(fxpStat, 1, "/a"))
	l.write(l.server, packet(fxpAttrs, 1, 0)) // nobody reads it at the client
	l.write(l.client, packet(fxpStat, 2, "/b"))
	l.read(l.server, packet(fxpStat, 2, "/b"))
	l.read(l.client, packet(fxpAttrs, 1, 0))
}

// Much passes a buffer that grows and shrinks again, in order.
func TestDriverBuffers(t *testing.T) {
	l := newLine(t, New(Limits{})).begin()
	l.write(l.client, packet(fxpOpen, 1, "/data", openWrite, 0))
	l.read(l.server, packet(fxpOpen, 1, "/data", openWrite, 0))
	l.write(l.server, packet(fxpHandle, 1, "h"))
	l.read(l.client, packet(fxpHandle, 1, "h"))
	for i, size := range []int{1, 5000, 200_000, 60_000, 3, 128 << 10, 10} {
		p := packet(fxpWrite, 10+i, "h", offset0, strings.Repeat("x", size))
		go l.client.Write(p)
		l.read(l.server, p)
		long := packet(fxpStat, 50+i, "/"+strings.Repeat("y", min(size, MinBuffer-100)))
		go l.client.Write(long)
		l.read(l.server, long)
	}
}
