package ssh

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// master starts a connection of OpenSSH's client that others share; with gives a command that does.
func master(t *testing.T, g *relayGate, args ...string) (with func(args ...string) *exec.Cmd) {
	t.Helper()
	config, err := g.login().Config(t.TempDir(), "target", "target")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	client := func(args ...string) *exec.Cmd {
		return exec.Command("ssh", append([]string{"-F", config, "-S", socket}, args...)...)
	}
	m := client(append([]string{"-M", "-N"}, append(args, "target")...)...)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client("-O", "exit", "target").Run()
		m.Wait()
	})
	testenv.Eventually(t, "a master", func() bool { return client("-O", "check", "target").Run() == nil })
	return client
}

// Ten channels of one connection at once, each with its own number on record.
func TestManyChannels(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	with := master(t, g)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			out, errs, code := runCommand(t, with("target", fmt.Sprintf("cat; exit %d", i)), fmt.Sprintf("input %d", i))
			if out != fmt.Sprintf("input %d", i) || code != i {
				t.Errorf("%q %q, exit code %d", out, errs, code)
			}
		})
	}
	wg.Wait()
	tape := g.tape(t, 0)
	for n := 1; n <= 10; n++ {
		tape.await(t, fmt.Sprintf("exec #%d ", n))
		tape.await(t, fmt.Sprintf("result #%d ", n))
	}
}

// A connection that is shared doesn't outlive its right: what it opens next is judged anew.
func TestSharedConnectionLosesItsRight(t *testing.T) {
	g, server := newRelayGate(t, nil)
	with := master(t, g)
	if out, _, _ := runCommand(t, with("target", "echo before"), ""); out != "before\n" {
		t.Fatalf("%q", out)
	}
	g.tape(t, 0).bar(&protocols.Error{Class: protocols.ClassDenied, Message: `user "alice" is disabled`, Rule: "user disabled"})
	out, errs, code := runCommand(t, with("target", "echo after"), "")
	if out != "" || code == 0 || !strings.Contains(errs, `gatefold: user "alice" is disabled`) {
		t.Errorf("%q %q, exit code %d", out, errs, code)
	}
	if ran(t, server, "echo after") {
		t.Error("it ran")
	}
}

// Forwards of every kind are refused by name and on record.
func TestForwardsAreRefused(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	for i, args := range [][]string{
		{"-W", "127.0.0.1:1", "target"},
		{"-o", "ExitOnForwardFailure=yes", "-R", "2222:localhost:22", "-N", "target"},
		{"-o", "ExitOnForwardFailure=yes", "-R", "/tmp/no.sock:localhost:22", "-N", "target"},
		{"-o", "ExitOnForwardFailure=yes", "-w", "0:0", "-N", "target"},
	} {
		_, errs, code := g.run(t, "", args...)
		if code == 0 {
			t.Errorf("%v: %q", args, errs)
		}
		g.ended(t, i)
	}
	for i, want := range []string{
		`forward denied #1 direct-tcpip "127.0.0.1:1"`, `forward denied tcpip-forward "localhost:2222"`,
		`forward denied streamlocal-forward@openssh.com "/tmp/no.sock"`, `forward denied #1 tun@openssh.com`,
	} {
		lines := strings.Join(g.tape(t, i).lines(), "\n")
		if !strings.Contains(lines, want) || !strings.Contains(lines, "refused message=\"forwarding is refused: ") {
			t.Errorf("on the tape, want %s:\n%s", want, lines)
		}
	}
}

// X11 and an agent are refused, too; who sits at a terminal reads it, a program's stderr is left alone.
func TestX11AndAgentAreRefused(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		g, c, f := newFake(t, nil)
		near, far := f.open(t, c)
		near.SendRequest("auth-agent-req@openssh.com", false, nil)
		if request(t, near, "x11-req", nil) {
			t.Error("X11 was forwarded")
		}
		want := ""
		if terminal {
			near.send(t, far, "pty-req", ptyRequest{"xterm", 80, 24, 0, 0, "\x00"}, true)
			want = "gatefold: forwarding is refused: auth-agent-req@openssh.com\r\ngatefold: forwarding is refused: x11-req\r\n"
		}
		near.send(t, far, "shell", nil, true)
		far.Close()
		if words, _ := io.ReadAll(near.Stderr()); string(words) != want {
			t.Errorf("%q", words)
		}
		g.tape(t, 0).expect(t, `
			forward denied #1 auth-agent-req@openssh.com
			forward denied #1 x11-req`, record.KindForward)
	}
}

// Global requests that we don't know are answered with a failure; nothing more is opened where the client said so.
func TestGlobalRequests(t *testing.T) {
	g, c, f := newFake(t, nil)
	for _, name := range []string{"keepalive@openssh.com", "hostkeys-prove-00@openssh.com", "cancel-tcpip-forward", "what@example.com"} {
		if ok, _, err := c.SendRequest(name, true, nil); ok || err != nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
	f.start(t, c, "cat")
	if ok, _, err := c.SendRequest("no-more-sessions@openssh.com", true, nil); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	_, _, err := c.OpenChannel("session", nil)
	var e *ssh.OpenChannelError
	if !errors.As(err, &e) {
		t.Errorf("%v", err)
	}
	g.tape(t, 0).expect(t, `
		exec #1 exec "cat"
		notice session message="a channel was refused: the client said that it opens no more sessions"`)
}

// Keys are exchanged anew on both sides while data goes both ways.
func TestRekey(t *testing.T) {
	g, _ := newRelayGate(t, func(g *relayGate) {
		g.change = func(c *ssh.Config) { c.RekeyThreshold = 256 << 10 }
	})
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	out, errs, code := g.run(t, string(content), "-o", "RekeyLimit=512K", "target", "cat")
	if code != 0 || sha256.Sum256([]byte(out)) != sha256.Sum256(content) {
		t.Errorf("%d bytes, %q, exit code %d", len(out), errs, code)
	}
}

// A client that goes without a word ends its session, and its channels at the target.
func TestClientIsDead(t *testing.T) {
	g, c, f := newFake(t, func(g *relayGate) { g.alive = 10 * time.Millisecond })
	go ssh.DiscardRequests(f.requests) // the target lives
	_, far := f.start(t, c, "cat")
	g.freeze(0)
	for range far.requests {
	}
	if err := g.ended(t, 0); err != errClientDead {
		t.Errorf("the session ended with %v", err)
	}
}

// A client that goes while its command runs ends the session, and the command is on record as what it left.
func TestClientLeaves(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	c := g.client(t)
	ch := session(t, c)
	request(t, ch, "exec", programRequest{"echo $$; exec sleep 1000"})
	var pid int
	fmt.Fscan(ch, &pid)
	defer syscall.Kill(pid, syscall.SIGKILL) // an sshd lets it go on
	c.Close()
	if err := g.ended(t, 0); err != nil {
		t.Error(err)
	}
	g.tape(t, 0).await(t, "result #1 of=1 cancelled ")
}

// A hostile client: thousands of channels, requests of all kinds without end, large and torn payloads.
func TestHostileClient(t *testing.T) {
	g, server := newRelayGate(t, nil)
	c := g.client(t)
	var opened []ssh.Channel
	refused := 0
	for range 1000 {
		ch, requests, err := c.OpenChannel("session", nil)
		if err != nil {
			refused++
			continue
		}
		go ssh.DiscardRequests(requests)
		opened = append(opened, ch)
	}
	if len(opened) != maxChannels || refused != 1000-maxChannels {
		t.Errorf("%d channels were opened, %d refused", len(opened), refused)
	}
	for _, ch := range opened[1:] {
		ch.Close()
	}
	huge := strings.Repeat("x", 200<<10)
	for i := range 200 {
		opened[0].SendRequest("what@example.com", false, []byte(huge))
		opened[0].SendRequest("pty-req", false, []byte{0, 0, 0, 200, 1})
		opened[0].SendRequest("exec", false, []byte{0xff, 0xff, 0xff, 0xff})
		opened[0].SendRequest("signal", false, ssh.Marshal(signalRequest{huge}))
		opened[0].SendRequest("window-change", false, ssh.Marshal(windowChange{1 << 31, 1 << 31, uint32(i), 0}))
	}
	if ok, err := opened[0].SendRequest("exec", true, ssh.Marshal(programRequest{"exit 0 #" + huge[:100<<10]})); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	io.ReadAll(opened[0])
	g.tape(t, 0).await(t, "result #1 ")
	if ran(t, server, "\xff\xff\xff\xff") {
		t.Error("it ran")
	}
	testenv.Eventually(t, "room for another", func() bool {
		ch, requests, err := c.OpenChannel("session", nil)
		if err != nil {
			return false
		}
		go ssh.DiscardRequests(requests)
		ch.Close()
		return true
	})
	if n := len(g.tape(t, 0).lines(record.KindForward)); n != 0 {
		t.Errorf("%d forwards", n)
	}
}

// A client that sends single bytes which nobody reads could have gigabytes kept. It is stopped at a bound.
func TestFlood(t *testing.T) {
	g, c, f := newFake(t, func(g *relayGate) { g.limit = 4 << 20 }) // 4 MiB, of which 36 bytes go for each
	near, _ := f.start(t, c, "sleep 1000")
	near.Write(make([]byte, 3<<20)) // fills the target's window: what comes from now on waits in the gateway's
	for one := []byte{1}; ; {
		if _, err := near.Write(one); err != nil {
			break
		}
	}
	if err := g.ended(t, 0); err != errFlood {
		t.Errorf("the session ended with %v", err)
	}
}

// One that sends as little as that, but is read, goes on for as long as it likes.
func TestKeystrokesAreNoFlood(t *testing.T) {
	g, _ := newRelayGate(t, func(g *relayGate) { g.limit = 64 << 10 })
	ch := session(t, g.client(t))
	request(t, ch, "exec", programRequest{"cat"})
	buf := make([]byte, 1)
	for range 5000 { // 36 bytes each
		if _, err := ch.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(ch, buf); err != nil {
			t.Fatal(err)
		}
	}
}
