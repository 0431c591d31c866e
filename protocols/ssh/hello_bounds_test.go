package ssh

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// Six proofs that fail end the connection, as with sshd.
func TestTriesAreBounded(t *testing.T) {
	d := newDoor(t, nil)
	tried := 0
	_, err := d.dial(t, ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) { tried++; return wrongPassword, nil }), 100))
	if err == nil || tried != maxTries {
		t.Errorf("%d passwords could be tried: %v", tried, err)
	}
	if c := d.next(t); c.err == nil || protocols.AsError(c.err).Class != protocols.ClassLogin {
		t.Errorf("the login was %+v", c)
	}
}

// Asking about keys is a try, too: a client can't go through the keys of the world on one connection.
func TestKeysThatAreAskedAboutAreCounted(t *testing.T) {
	d := newDoor(t, nil)
	var keys []ssh.Signer
	for range 20 {
		keys = append(keys, newSigner(t))
	}
	if _, err := d.dial(t, ssh.PublicKeys(keys...)); err == nil {
		t.Error("it is in")
	}
	c := d.next(t)
	if n := strings.Count(c.err.Error(), errKey.Error()); n != maxTries {
		t.Errorf("%d keys were looked at: %v", n, c.err)
	}
}

// A client that says nothing, or not all, is gone when its time is over.
func TestClientsThatSayNothing(t *testing.T) {
	d := newDoor(t, func(d *door) { d.patience = 50 * time.Millisecond })
	for _, said := range []string{"", "SSH-2.0-x", "SSH-2.0-x\r\n", "SSH-2.0-x\r\n\x00\x00\x00"} {
		nc := d.raw(t)
		io.WriteString(nc, said)
		c := d.next(t)
		if e := protocols.AsError(c.err); e.Class != protocols.ClassTime {
			t.Errorf("%q: %v", said, c.err)
		}
	}
}

func TestAHealthCheckHasFailedAtNothing(t *testing.T) {
	d := newDoor(t, nil)
	d.raw(t).Close()
	if c := d.next(t); !errors.Is(c.err, io.EOF) {
		t.Errorf("a health check: %v", c.err)
	}
}

func (d *door) raw(t testing.TB) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", d.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// What is no SSH is said to be none.
func TestGarbage(t *testing.T) {
	d := newDoor(t, nil)
	for _, said := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("x", 400), "SSH-2.0-x\r\n\xff\xff\xff\xff\x00", strings.Repeat("\x00", 1000)} {
		nc := d.raw(t)
		io.WriteString(nc, said)
		c := d.next(t)
		if e := protocols.AsError(c.err); e.Class != protocols.ClassBadRequest && !errors.Is(c.err, io.EOF) {
			t.Errorf("%.20q: %v", said, c.err)
		}
	}
}

// A client sends no more than 128 KiB before it is in: x/crypto would keep megabytes of whoever sends them.
func TestWhatIsReadBeforeTheLoginIsBounded(t *testing.T) {
	far, near := net.Pipe()
	defer far.Close()
	in := newInbound(near, netip.AddrPort{})
	go func() {
		for { // until the pipe is closed
			if _, err := far.Write(make([]byte, 4<<10)); err != nil {
				return
			}
		}
	}()
	n, err := io.Copy(io.Discard, in)
	if n != maxHello || !errors.Is(err, errTooMuch) {
		t.Errorf("%d bytes were read: %v", n, err)
	}
	in.proved()
	if n, err := in.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("once it is in: %d, %v", n, err)
	}
	near.Close()
}

// The same through the login: a password of 200 KiB.
func TestALoginThatIsTooLong(t *testing.T) {
	d := newDoor(t, nil)
	if _, err := d.dial(t, ssh.Password(strings.Repeat("x", 200<<10))); err == nil {
		t.Error("it is in")
	}
	if c := d.next(t); !errors.Is(c.err, errTooMuch) {
		t.Errorf("the login was %v", c.err)
	}
}

// MaxStartups 128:30:256, and 100 of one address.
func TestStartups(t *testing.T) {
	for n, want := range map[int]int{0: 0, 127: 0, 128: 30, 192: 65, 255: 99, 256: 100, 1000: 100} {
		gone := 0
		for throw := range 100 {
			if dropped(n, throw) {
				gone++
			}
		}
		if gone != want {
			t.Errorf("with %d there, %d of 100 are dropped, want %d", n, gone, want)
		}
	}
	var s startups
	var leave []func()
	in := func(addr string) error {
		l, err := s.enter(netip.MustParseAddr(addr))
		if err == nil {
			leave = append(leave, l)
		}
		return err
	}
	for range startupsSource {
		if err := in("2001:db8::1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := in("2001:db8::ffff"); !errors.Is(err, errStartups) {
		t.Errorf("one more of the same /64: %v", err)
	}
	if err := errors.Join(in("2001:db8:0:1::1"), in("192.0.2.1")); err != nil {
		t.Errorf("others: %v", err)
	}
	leave[0]()
	if err := in("2001:db8::2"); err != nil {
		t.Errorf("in the place of one that left: %v", err)
	}
	for _, l := range leave[1:] {
		l()
	}
	if s.all != 0 || len(s.from) != 0 {
		t.Errorf("%d and %v are left of nobody", s.all, s.from)
	}
}

// One address can hold so many silent connections and no more; a client of another comes in all the same, and the next of the
// same when they are gone.
func TestAFloodOfOneAddress(t *testing.T) {
	d := newDoor(t, nil)
	var silent []net.Conn
	for range startupsSource {
		nc := d.raw(t)
		if _, err := bufio.NewReader(nc).ReadString('\n'); err != nil { // the server's version: it is in Hello
			t.Fatal(err)
		}
		silent = append(silent, nc)
	}
	said, err := io.ReadAll(d.raw(t))
	if string(said) != "gatefold: too many connections are logging in\r\n" || err != nil {
		t.Errorf("one more hears %q, %v", said, err)
	}
	if c := d.next(t); !errors.Is(c.err, errStartups) {
		t.Errorf("its login was %v", c.err)
	}
	for _, nc := range silent {
		nc.Close()
	}
	for range silent {
		d.next(t)
	}
	said2, _ := d.ssh(t, d.keygen(t, true, "-t", "ed25519"))
	d.in(t, said2, "publickey")
}

// hog is what a hostile client can have a server keep before it has logged in: a packet's length that says 256 KiB, and then
// as many bytes as are read.
func hog(t testing.TB, address string) net.Conn {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(nc, "SSH-2.0-hog\r\n")
	nc.Write(binary.BigEndian.AppendUint32(nil, 255<<10))
	nc.Write(bytes.Repeat([]byte{4}, maxHello-100))
	return nc
}

// As many hogs as there may be take less than 512 KiB each.
func TestMemoryBeforeTheLoginIsBounded(t *testing.T) {
	const hogs = startupsSource
	d := newDoor(t, nil)
	before := heap()
	for range hogs {
		nc := hog(t, d.Address())
		defer nc.Close()
	}
	var peak uint64
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && peak < hogs*(200<<10); time.Sleep(10 * time.Millisecond) {
		peak = max(peak, heap()-min(before, heap()))
	}
	t.Logf("%d hogs take %d KiB each", hogs, peak/hogs>>10)
	if peak > hogs*512<<10 {
		t.Errorf("%d hogs take %d KiB each", hogs, peak/hogs>>10)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// FuzzHello: whatever a client says before there are keys, Hello comes back and lets nobody in.
func FuzzHello(f *testing.F) {
	f.Add([]byte("SSH-2.0-x\r\n"))
	f.Add([]byte("SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14aaaaaaaaaa"))
	f.Add(recorded(f))
	people := newPeople(f)
	key := newSigner(f)
	p := New(Options{Log: slog.New(slog.DiscardHandler), HostKeys: func() []ssh.Signer { return []ssh.Signer{key} }})
	f.Fuzz(func(t *testing.T, said []byte) {
		far, near := net.Pipe()
		defer near.Close()
		go func() { far.Write(said); far.Close() }()
		go io.Copy(io.Discard, far)
		c := p.Accept(protocols.Origin{Conn: near, Client: mustAddr("192.0.2.1:1")})
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if r, err := c.Hello(ctx, people); err == nil {
			t.Fatalf("%+v is in", r)
		}
	})
}

// recorded is what x/crypto's client says until the keys are there.
func recorded(t testing.TB) []byte {
	far, near := net.Pipe()
	var said bytes.Buffer
	var wg sync.WaitGroup
	wg.Go(func() { io.WriteString(near, "SSH-2.0-y\r\n") })
	wg.Go(func() {
		buf := make([]byte, 4<<10)
		for said.Len() < 600 {
			n, err := near.Read(buf)
			said.Write(buf[:n])
			if err != nil {
				break
			}
		}
		near.Close()
	})
	ssh.NewClientConn(far, "", &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	wg.Wait()
	return said.Bytes()
}

// sever is a connection that the client can reset.
type sever struct{ *net.TCPConn }

func (s sever) reset() {
	s.SetLinger(0)
	s.Close()
}

// Whoever guesses and resets the connection before it is told has guessed all the same: five passwords a connection, uncounted,
// would be as many as anybody likes.
func TestAGuesserThatResetsIsCounted(t *testing.T) {
	d := newDoor(t, nil)
	for what, c := range map[string]struct {
		user string
		last func(tried int, reset func()) (string, error)
		why  string // empty: it failed at nothing
	}{
		"after a wrong password": {"alice@web1", func(n int, reset func()) (string, error) {
			if n == 2 {
				reset()
			}
			return wrongPassword, nil
		}, "wrong user or password"},
		"at the code":     {"carol@web1", func(int, func()) (string, error) { return goodPassword, nil }, "no code came"},
		"at the password": {"alice@web1", func(_ int, reset func()) (string, error) { reset(); return "", io.EOF }, ""},
	} {
		nc, err := net.Dial("tcp", d.Address())
		if err != nil {
			t.Fatal(err)
		}
		s, tried := sever{nc.(*net.TCPConn)}, 0
		_, _, _, err = ssh.NewClientConn(s, "", &ssh.ClientConfig{User: c.user, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Auth: []ssh.AuthMethod{
			ssh.RetryableAuthMethod(ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
				if len(questions) == 1 && questions[0] == "Code: " {
					s.reset()
					return nil, io.EOF
				}
				tried++
				said, err := c.last(tried, s.reset)
				return []string{said}, err
			}), 10)}})
		if err == nil {
			t.Fatalf("%s: it is in", what)
		}
		came := d.next(t)
		counted := came.err != nil && protocols.AsError(came.err).Class == protocols.ClassLogin
		if counted != (c.why != "") || counted && !strings.Contains(came.err.Error(), c.why) || !counted && !errors.Is(came.err, io.EOF) {
			t.Errorf("%s: the login was %v", what, came.err)
		}
	}
}
