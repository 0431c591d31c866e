package ssh

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// The client's signals and breaks reach what runs, as they came.
func TestSignal(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.start(t, c, "cat")
	near.send(t, far, "signal", signalRequest{"USR1"}, true)
	near.send(t, far, "break", breakRequest{500}, false)
	near.SendRequest("signal", false, ssh.Marshal(signalRequest{"TERM"}))
	if q := <-far.requests; q.Type != "signal" || q.WantReply {
		t.Errorf("%+v", q)
	}
	g.tape(t, 0).expect(t, `
		signal #1 USR1
		signal #1 break
		signal #1 TERM`, record.KindSignal)
}

// What a target says of a program's end reaches the client behind the data that came first, however long that takes.
func TestTheEndComesBehindTheData(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.start(t, c, "cat")
	content := strings.Repeat("x", 3<<20) // 3 MiB, more than the client's window
	go func() {
		io.WriteString(far, content)
		far.SendRequest("exit-signal", false, ssh.Marshal(exitSignal{"SEGV", true, "out of \x1b luck", "en"}))
		far.Close()
	}()
	shown := func() int { return len(g.tape(t, 0).text(record.KindOutput, 1, 0)) }
	testenv.Eventually(t, "a full window", func() bool { return shown() > 2<<20 })
	select {
	case q := <-near.requests:
		t.Errorf("%s came before the data", q.Type)
	case <-time.After(quietTime + quietTime/2):
	}
	if data, err := io.ReadAll(near); err != nil || string(data) != content {
		t.Errorf("%d bytes: %v", len(data), err)
	}
	var m exitSignal
	if q := <-near.requests; q == nil || q.Type != "exit-signal" || ssh.Unmarshal(q.Payload, &m) != nil || m.Name != "SEGV" || !m.Dumped {
		t.Errorf("%+v", q)
	}
	g.tape(t, 0).await(t, "code=SIGSEGV") // it is told behind what the client hears
	g.tape(t, 0).expect(t, `result #1 of=1 failed bytes=3145728 code=SIGSEGV message="out of ? luck (core dumped)"`, record.KindResult)
}

// eow@openssh.com, which ends a client's input, goes both ways.
func TestEndOfWrite(t *testing.T) {
	_, c, f := newFake(t, nil)
	near, far := f.start(t, c, "cat")
	far.SendRequest("eow@openssh.com", false, nil)
	if q := <-near.requests; q.Type != "eow@openssh.com" {
		t.Errorf("%+v", q)
	}
	near.SendRequest("eow@openssh.com", false, nil)
	if q := <-far.requests; q.Type != "eow@openssh.com" {
		t.Errorf("%+v", q)
	}
}

// A target that refuses is a failure for the client and on record.
func TestTargetRefuses(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.open(t, c)
	near.send(t, far, "pty-req", ptyRequest{"xterm", 80, 24, 0, 0, "\x00"}, false)
	near.send(t, far, "exec", programRequest{"cat"}, false)
	near.send(t, far, "subsystem", programRequest{"netconf"}, true)
	far.Close()
	if data, err := io.ReadAll(near); err != nil || len(data) > 0 {
		t.Errorf("%q: %v", data, err)
	}
	g.tape(t, 0).await(t, "unknown")
	g.tape(t, 0).expect(t, `
		resize #1 xterm rows=24 bytes=80
		notice #1 pty-req message="the target gave no terminal"
		exec #1 exec "cat"
		result #1 of=3 failed message="the target refused to run it"
		exec #1 subsystem "netconf"
		result #1 of=5 unknown message="the target closed the channel and told no exit status"`)
}

// A target that answers nothing doesn't keep a session whose client is gone.
func TestTargetAnswersNothing(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.open(t, c)
	near.SendRequest("exec", false, ssh.Marshal(programRequest{"cat"}))
	<-far.requests
	c.Close()
	if err := g.ended(t, 0); err != nil {
		t.Error(err)
	}
}

// A channel that the target doesn't open is refused in its words, without what would harm a terminal.
func TestTargetOpensNoChannel(t *testing.T) {
	_, c, f := newFake(t, nil)
	go func() { (<-f.channels).Reject(ssh.ResourceShortage, "no \x1b]0;more") }()
	_, _, err := c.OpenChannel("session", nil)
	var e *ssh.OpenChannelError
	if !errors.As(err, &e) || e.Reason != ssh.ResourceShortage || e.Message != "no ?]0;more" {
		t.Errorf("%v", err)
	}
}

// The target opens no channels, and one that goes on trying is hostile.
func TestTargetOpensChannels(t *testing.T) {
	g, c, f := newFake(t, nil)
	_, _, err := f.OpenChannel("forwarded-tcpip", ssh.Marshal(tcpChannel{"localhost", 80, "evil.example", 1}))
	var e *ssh.OpenChannelError
	if !errors.As(err, &e) || e.Reason != ssh.Prohibited {
		t.Errorf("%v", err)
	}
	g.tape(t, 0).expect(t, `
		forward denied #1 forwarded-tcpip "localhost:80"
		result #1 of=1 refused message="forwarding is refused: forwarded-tcpip"`)
	for range maxIntruding {
		f.OpenChannel("auth-agent@openssh.com", nil)
	}
	c.Close()
	if err := g.ended(t, 0); err == nil || !strings.Contains(err.Error(), "nobody asked for") {
		t.Errorf("the session ended with %v", err)
	}
}

// A target that goes ends the session; what it had said is shown first.
func TestTargetLeaves(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.start(t, c, "cat")
	io.WriteString(far, "last words")
	g.tape(t, 0).await(t, "last words") // x/crypto may lose what is still on its way
	f.Close()
	if data, _ := io.ReadAll(near); string(data) != "last words" {
		t.Errorf("%q", data)
	}
	if words, _ := io.ReadAll(near.Stderr()); string(words) != "gatefold: the target closed the connection\n" {
		t.Errorf("%q", words)
	}
	if err := g.ended(t, 0); !errors.Is(err, errTargetLeft) {
		t.Errorf("the session ended with %v", err)
	}
	g.tape(t, 0).await(t, "result #1 of=1 unknown bytes=10")
}

// A target that is silent ends the session, with a word to the client.
func TestTargetIsDead(t *testing.T) {
	g, c, f := newFake(t, func(g *relayGate) { g.alive = 10 * time.Millisecond })
	near, far := f.start(t, c, "cat")
	for range 20 { // it is asked, and stays as long as it answers
		q := <-f.requests
		if q.Type != "keepalive@openssh.com" {
			t.Errorf("%+v", q)
		}
		q.Reply(false, nil)
	}
	go ssh.DiscardRequests(far.requests)
	words, _ := io.ReadAll(near.Stderr())
	if want := "gatefold: the target answers no keepalive\n"; string(words) != want {
		t.Errorf("%q", words)
	}
	c.Close()
	if err := g.ended(t, 0); err != errTargetDead {
		t.Errorf("the session ended with %v", err)
	}
}

// Keepalives of the target are answered, on the connection and on its channels.
func TestTargetKeepsAlive(t *testing.T) {
	_, c, f := newFake(t, nil)
	_, far := f.start(t, c, "cat")
	if ok, err := far.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	if ok, _, err := f.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	if ok, _, err := f.SendRequest("hostkeys-00@openssh.com", true, []byte("keys")); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

// They are, too, while a program waits for its answer.
func TestTargetKeepsAliveWhileItWaits(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.open(t, c)
	near.SendRequest("exec", false, ssh.Marshal(programRequest{"pending"}))
	g.tape(t, 0).await(t, "pending")
	if ok, err := far.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	g.tape(t, 0).allow()
	if q := <-far.requests; q.Type != "exec" {
		t.Errorf("%+v", q)
	}
}

// What the gateway ends, it ends at the target at once, and tells the client why on each open channel.
func TestKill(t *testing.T) {
	g, c, f := newFake(t, nil)
	one, _ := f.start(t, c, "cat")
	two, _ := f.open(t, c)
	killed := &protocols.Error{Class: protocols.ClassShutdown, Message: "terminating connection: the session was ended by an administrator"}
	g.kill(0, killed)
	f.Wait()
	for _, near := range []*played{one, two} {
		if words, _ := io.ReadAll(near.Stderr()); string(words) != "gatefold: "+killed.Message+"\n" {
			t.Errorf("%q", words)
		}
	}
	c.Close()
	if err := g.ended(t, 0); err != killed {
		t.Errorf("the session ended with %v", err)
	}
}

// A program's data that can't be recorded isn't shown: the session ends.
func TestNotRecorded(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.start(t, c, "cat")
	full := &protocols.Error{Class: protocols.ClassNotRecorded, Message: "not recorded, not run"}
	g.tape(t, 0).fail(full)
	io.WriteString(far, "secret")
	words := make(chan string, 1)
	go func() { b, _ := io.ReadAll(near.Stderr()); words <- string(b) }()
	if data, _ := io.ReadAll(near); len(data) > 0 {
		t.Errorf("%q was shown", data)
	}
	if got := <-words; got != "gatefold: not recorded, not run\n" {
		t.Errorf("%q", got)
	}
	c.Close()
	if err := g.ended(t, 0); err != full {
		t.Errorf("the session ended with %v", err)
	}
}

// A client that reads nothing stops the target, whose data is neither read nor gathered without bound.
func TestStalledClient(t *testing.T) {
	g, c, f := newFake(t, nil)
	_, far := f.start(t, c, "cat")
	const window = 2 << 20 // 2 MiB, of x/crypto
	chunk := make([]byte, 32<<10)
	sent := make(chan int, 1<<16)
	go func() {
		defer close(sent)
		for range 10 * window / len(chunk) {
			if _, err := far.Write(chunk); err != nil {
				return
			}
			sent <- len(chunk)
		}
	}()
	total := 0
	for quiet := false; !quiet; {
		select {
		case n, ok := <-sent:
			if !ok {
				t.Fatal("all was taken from the target")
			}
			total += n
		case <-time.After(300 * time.Millisecond):
			quiet = true
		}
	}
	if total < window || total > 2*window+2*largeBuffer {
		t.Errorf("%d bytes were taken from the target", total)
	}
	if ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil { // it is alive all the same
		t.Errorf("%v %v", ok, err)
	}
	c.Close()
	if err := g.ended(t, 0); err != nil {
		t.Error(err)
	}
}

// A target that reads nothing stops the client; a client that gives up is let go, and the target told.
func TestStalledTarget(t *testing.T) {
	g, c, f := newFake(t, nil)
	near, far := f.start(t, c, "cat")
	stalled := make(chan error, 1)
	go func() {
		_, err := near.Write(make([]byte, 10<<20)) // 10 MiB
		stalled <- err
	}()
	testenv.Eventually(t, "input", func() bool { return g.tape(t, 0).sum(record.KindInput) > 2<<20 })
	near.Close()
	for range far.requests { // closed with the channel
	}
	if err := <-stalled; err == nil {
		t.Error("all was taken from the client")
	}
	g.tape(t, 0).await(t, "result #1 of=1 cancelled")
}
