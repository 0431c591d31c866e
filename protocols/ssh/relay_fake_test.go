package ssh

import (
	"net"
	"testing"

	"golang.org/x/crypto/ssh"
)

// fake is a target that a test plays itself, for what a real server can't be made to do.
type fake struct {
	ssh.Conn
	channels <-chan ssh.NewChannel
	requests <-chan *ssh.Request
}

// newFake starts a gate to a fake target, logs a client in and gives both ends.
func newFake(t *testing.T, change func(*relayGate)) (*relayGate, *ssh.Client, *fake) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	key := newSigner(t)
	targets := make(chan *fake, 1)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		config := &ssh.ServerConfig{NoClientAuth: true}
		config.AddHostKey(key)
		c, channels, requests, err := ssh.NewServerConn(nc, config)
		if err != nil {
			nc.Close()
			close(targets)
			return
		}
		targets <- &fake{c, channels, requests}
	}()
	g := startRelayGate(t, l.Addr().String(), &ssh.ClientConfig{User: "root", HostKeyCallback: ssh.FixedHostKey(key.PublicKey())}, change)
	c := g.client(t)
	f := <-targets
	if f == nil {
		t.Fatal("the gate did not log in")
	}
	t.Cleanup(func() { f.Close() })
	return g, c, f
}

// open is one channel, from the client's end to the target's.
func (f *fake) open(t *testing.T, c *ssh.Client) (near, far *played) {
	t.Helper()
	accepted := make(chan *played, 1)
	go func() {
		if n, ok := <-f.channels; ok {
			if ch, requests, err := n.Accept(); err == nil {
				accepted <- &played{ch, requests}
				return
			}
		}
		close(accepted)
	}()
	ch, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	far = <-accepted
	if far == nil {
		t.Fatal("no channel was opened at the target")
	}
	return &played{ch, requests}, far
}

// played is an end of a channel that a test plays.
type played struct {
	ssh.Channel
	requests <-chan *ssh.Request
}

// start runs a program on both ends.
func (f *fake) start(t *testing.T, c *ssh.Client, command string) (near, far *played) {
	t.Helper()
	near, far = f.open(t, c)
	near.send(t, far, "exec", programRequest{command}, true)
	return near, far
}

// send sends a request from one end, whose answer the other gives.
func (p *played) send(t *testing.T, to *played, kind string, payload any, answer bool) {
	t.Helper()
	var content []byte
	if payload != nil {
		content = ssh.Marshal(payload)
	}
	replied := make(chan bool, 1)
	go func() {
		ok, err := p.SendRequest(kind, true, content)
		replied <- ok && err == nil
	}()
	q := <-to.requests
	if q == nil || q.Type != kind || string(q.Payload) != string(content) {
		t.Fatalf("%+v came, want %s %+v", q, kind, payload)
	}
	q.Reply(answer, nil)
	if got := <-replied; got != answer {
		t.Errorf("%s was answered %v", kind, got)
	}
}
