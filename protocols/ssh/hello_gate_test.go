package ssh

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// people are who may log in: alice with a password and keys, and carol, who has a second factor, too.
type people struct {
	verifier scram.Verifier // of alice's and carol's password
	invented scram.Verifier

	mu          sync.Mutex
	keys        [][]byte // alice's
	authorities [][]byte
	revoked     []byte // a key or certificate
	code        string // carol's next
}

const (
	goodPassword  = "correct horse"
	wrongPassword = "battery staple"
)

func newPeople(t testing.TB) *people {
	t.Helper()
	p := &people{code: "123456"}
	var err error
	if p.verifier, err = scram.NewVerifier([]byte(goodPassword), scram.Iterations); err != nil {
		t.Fatal(err)
	}
	if p.invented, err = scram.NewVerifier([]byte("nobody has this"), scram.Iterations); err != nil {
		t.Fatal(err)
	}
	return p
}

// Resolve reads user[=account]@web1, as the gateway does.
func (p *people) Resolve(login, _ string) (protocols.Login, error) {
	name, target, _ := strings.Cut(login, "@")
	user, account, _ := strings.Cut(name, "=")
	l := protocols.Login{User: user, Account: account, Target: target}
	if target != "web1" {
		return l, &protocols.Error{Class: protocols.ClassBadRequest, Message: "the login names no target", Hint: "a login is identity[=account][@target]"}
	}
	return l, nil
}

func (p *people) Verifier(user string) scram.Verifier {
	if user == "alice" || user == "carol" {
		return p.verifier
	}
	return p.invented
}

func (p *people) Native(string) []byte { return nil }

func (p *people) Certified(string, [][]*x509.Certificate) bool { return false }

func (p *people) Keys(user string) [][]byte {
	if user != "alice" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys
}

func (p *people) Authorities() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.authorities
}

func (p *people) Revoked(key []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.revoked != nil && bytes.Equal(key, p.revoked)
}

func (p *people) Factor(user string) bool { return user == "carol" }

func (p *people) Code(user, code string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	good := user == "carol" && code == p.code && code != ""
	if good {
		p.code = ""
	}
	return good
}

// came is how one client's login ended.
type came struct {
	request protocols.Request
	grant   grant
	err     error
}

// door is a listener that logs clients in and then tells them, on their first channel, who they are.
type door struct {
	testenv.SSHLogin
	people   *people
	came     chan came
	client   netip.AddrPort // whom a load balancer names; not valid: the socket's
	patience time.Duration
	keys     []ssh.Signer
	onlyKeys bool
}

func newDoor(t testing.TB, change func(*door)) *door {
	t.Helper()
	d := &door{people: newPeople(t), came: make(chan came, 1024), keys: []ssh.Signer{newSigner(t), rsaSigner(t)}, patience: 20 * time.Second}
	if change != nil {
		change(d)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.Host, d.Port, d.User = "127.0.0.1", l.Addr().(*net.TCPAddr).Port, "alice=root@web1"
	for _, k := range d.keys {
		if _, is := k.PublicKey().(*ssh.Certificate); !is {
			d.HostKeys = append(d.HostKeys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.PublicKey()))))
		}
	}
	p := New(Options{Log: slog.New(slog.DiscardHandler), HostKeys: func() []ssh.Signer { return d.keys }})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { d.serve(p, nc) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return d
}

// serve logs one client in, as the gateway does, and lets it go.
func (d *door) serve(p protocols.Protocol, nc net.Conn) {
	defer nc.Close()
	from := d.client
	if !from.IsValid() {
		from = nc.RemoteAddr().(*net.TCPAddr).AddrPort()
	}
	c := p.Accept(protocols.Origin{Conn: nc, Client: from, Keys: d.onlyKeys})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	r, err := c.Hello(ctx, d.people)
	d.came <- came{r, c.(*conn).grant, err}
	if err == nil {
		err = &protocols.Error{Class: protocols.ClassDenied, Message: "you are " + r.User + " as " + r.Account + " on " + r.Target}
	}
	c.Refuse(err)
}

// next is how the next login ended.
func (d *door) next(t testing.TB) came {
	t.Helper()
	select {
	case c := <-d.came:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("nobody logged in")
		return came{}
	}
}

// ssh runs OpenSSH's client with a key file ("": none) and returns what it says.
func (d *door) ssh(t testing.TB, key string, args ...string) (said string, code int) {
	t.Helper()
	l := d.SSHLogin
	if l.Key = key; key == "" {
		l.Key = "none"
	}
	return finish(t, l.Program(t, "ssh", append(args, "-o", "LogLevel=INFO", "target", "true")...))
}

func finish(t testing.TB, cmd *exec.Cmd) (said string, code int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

const inAsAlice = "you are alice as root on web1"

// in fails the test unless alice is in, proved by what begins so.
func (d *door) in(t testing.TB, said, by string) came {
	t.Helper()
	c := d.next(t)
	if c.err != nil || !strings.HasPrefix(c.request.Proof, by) || !strings.Contains(said, inAsAlice) {
		t.Errorf("the login was %+v, and the client says %q; want one by %q", c, said, by)
	}
	return c
}

// out fails the test unless the client is refused as everybody is, and the log says why.
func (d *door) out(t testing.TB, said, why string) {
	t.Helper()
	c := d.next(t)
	e := protocols.AsError(c.err)
	if c.err == nil || e.Class != protocols.ClassLogin || e.Message != "the login failed" || !strings.Contains(c.err.Error(), why) {
		t.Errorf("the login was %+v, %v; want one that failed of %q", c, c.err, why)
	}
	if !strings.Contains(said, ": Permission denied (") || strings.Contains(said, "gatefold") {
		t.Errorf("the client says %q", said)
	}
}

// keygen makes a key with ssh-keygen, lets alice in with it where known, and returns its path.
func (d *door) keygen(t testing.TB, known bool, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	sshKeygen(t, append(args, "-q", "-N", "", "-f", path)...)
	if known {
		d.people.mu.Lock()
		defer d.people.mu.Unlock()
		d.people.keys = append(d.people.keys, publicKey(t, path+".pub").Marshal())
	}
	return path
}

func sshKeygen(t testing.TB, args ...string) {
	t.Helper()
	if said, code := finish(t, exec.Command(testenv.SSHTool(t, "ssh-keygen"), args...)); code != 0 {
		t.Fatalf("ssh-keygen %s: %s", strings.Join(args, " "), said)
	}
}

func publicKey(t testing.TB, path string) ssh.PublicKey {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var rsaSigner = func() func(testing.TB) ssh.Signer {
	made := sync.OnceValues(func() (ssh.Signer, error) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		return ssh.NewSignerFromKey(key)
	})
	return func(t testing.TB) ssh.Signer {
		t.Helper()
		key, err := made()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
}()
