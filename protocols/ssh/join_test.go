package ssh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// joiner is a connection whose client doesn't matter.
func joiner(t *testing.T) *conn {
	t.Helper()
	c := &conn{Options: Options{Log: slog.New(slog.DiscardHandler)}, socket: pipeEnd(t)}
	t.Cleanup(func() { c.Close() })
	return c
}

// wire is a key's line in wire form.
func wire(t testing.TB, lines ...string) (keys [][]byte) {
	t.Helper()
	for _, line := range lines {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.Marshal())
	}
	return keys
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// routeTo is the way to a real server, with its own key and its host keys pinned.
func routeTo(t *testing.T, s *testenv.SSHServer) protocols.Route {
	t.Helper()
	return protocols.Route{
		Session:    record.NewID(time.Now()),
		Credential: &vault.Credential{User: s.Superuser, Secret: readFile(t, s.Key)},
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.Login().Address())
		},
		SSH: protocols.SSHRoute{User: "alice", HostKeys: wire(t, s.HostKeys...), HostName: s.Host},
	}
}

func join(t *testing.T, route protocols.Route) (*conn, protocols.Joined, error) {
	t.Helper()
	c := joiner(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	joined, err := c.Join(ctx, route)
	return c, joined, err
}

// logged waits for the server's log to say something.
func logged(t *testing.T, s *testenv.SSHServer, what string) {
	t.Helper()
	testenv.Eventually(t, "the server's log says "+what, func() bool { return strings.Contains(string(readFile(t, s.LogPath)), what) })
}

func TestJoinWithAKey(t *testing.T) {
	s := testenv.SSHForTest(t)
	c, joined, err := join(t, routeTo(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if joined.Peer != s.Login().Address() || joined.PID == 0 || !strings.HasPrefix(joined.Version, "SSH-2.0-OpenSSH") || !strings.HasPrefix(joined.TLS, "SSH2 ") {
		t.Errorf("the target said %+v", joined)
	}
	logged(t, s, fmt.Sprintf("Accepted publickey for %s from 127.0.0.1 port %d", s.Superuser, joined.PID))
	if c.route.User != "alice" {
		t.Errorf("the relay goes by %+v", c.route)
	}
}

// The certificate that an authority's secret signs names the user and the session, and sshd's log tells them.
func TestJoinWithACertificateForMinutes(t *testing.T) {
	s := testenv.SSHForTest(t)
	route := routeTo(t, s)
	secret, err := vault.Authority(readFile(t, s.UserCA))
	if err != nil {
		t.Fatal(err)
	}
	route.Credential.Secret = secret
	if _, _, err := join(t, route); err != nil {
		t.Fatal(err)
	}
	logged(t, s, "ID gatefold alice "+route.Session.String())
	other, err := testenv.NewSSHKey()
	if err != nil {
		t.Fatal(err)
	}
	if route.Credential.Secret, err = vault.Authority(other.Private); err != nil {
		t.Fatal(err)
	}
	if _, _, err := join(t, route); err == nil || !strings.Contains(err.Error(), "does not let") {
		t.Errorf("an authority that the server does not trust: %v", err)
	}
}

func TestTheCertificateIsOfTheSession(t *testing.T) {
	ca, now := newSigner(t), time.Now()
	route := protocols.Route{Session: record.NewID(now), Credential: &vault.Credential{User: "deploy"}, SSH: protocols.SSHRoute{User: "alice"}}
	signer, err := signed(ca, &route, now)
	if err != nil {
		t.Fatal(err)
	}
	cert := signer.PublicKey().(*ssh.Certificate)
	from, to := time.Unix(int64(cert.ValidAfter), 0), time.Unix(int64(cert.ValidBefore), 0)
	if from.After(now) || to.Before(now.Add(time.Minute)) || to.Sub(from) > 10*time.Minute {
		t.Errorf("it is good from %s to %s", from, to)
	}
	if len(cert.ValidPrincipals) != 1 || cert.ValidPrincipals[0] != "deploy" || cert.CertType != ssh.UserCert || cert.Key.Type() != ssh.KeyAlgoED25519 {
		t.Errorf("it is %+v", cert)
	}
	for _, extension := range []string{"permit-agent-forwarding", "permit-port-forwarding", "permit-X11-forwarding"} {
		if _, ok := cert.Extensions[extension]; ok {
			t.Errorf("it has %s", extension)
		}
	}
	again, err := signed(ca, &route, now)
	if err != nil || string(again.PublicKey().(*ssh.Certificate).Key.Marshal()) == string(cert.Key.Marshal()) {
		t.Errorf("the same key twice: %v", err)
	}
}

// An authority's RSA key signs by SHA-2: sshd takes no certificate that was signed by SHA-1.
func TestAnRSAAuthoritySignsBySHA2(t *testing.T) {
	ca, err := modern(rsaSigner(t))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signed(ca, &protocols.Route{Credential: &vault.Credential{User: "x"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if f := signer.PublicKey().(*ssh.Certificate).Signature.Format; f != ssh.KeyAlgoRSASHA512 {
		t.Errorf("it signs by %s", f)
	}
}

// A server with another key than those pinned is told nothing: no login name, no signature. The refusal has all fingerprints.
func TestAChangedHostKeyIsRefused(t *testing.T) {
	s := testenv.NewSSHForTest(t, testenv.Options{})
	route := routeTo(t, s)
	pin := newSigner(t).PublicKey()
	route.SSH.HostKeys = [][]byte{pin.Marshal()}
	_, _, err := join(t, route)
	var e *protocols.Error
	if !errors.As(err, &e) || e.Class != protocols.ClassTarget {
		t.Fatalf("it is in, or refused otherwise: %v", err)
	}
	has, _, _, _, _ := ssh.ParseAuthorizedKey([]byte(s.HostKeys[0]))
	if !strings.Contains(e.Message, ssh.FingerprintSHA256(has)) || !strings.Contains(e.Message, ssh.FingerprintSHA256(pin)) || e.Hint == "" {
		t.Errorf("the refusal is %q, %q", e.Message, e.Hint)
	}
	logged(t, s, "Connection closed by 127.0.0.1")
	if log := string(readFile(t, s.LogPath)); strings.Contains(log, "Accepted") || strings.Contains(log, "user "+s.Superuser) || strings.Contains(log, "Failed") {
		t.Errorf("the server heard of a login:\n%s", log)
	}
}

// Of a server with several keys the one is asked for that is pinned.
func TestAnyOfTheHostKeysMayBePinned(t *testing.T) {
	s := testenv.SSHForTest(t)
	for _, line := range s.HostKeys {
		route := routeTo(t, s)
		route.SSH.HostKeys = wire(t, line)
		if _, _, err := join(t, route); err != nil {
			t.Errorf("%.20s: %v", line, err)
		}
	}
	route := routeTo(t, s)
	route.SSH.HostKeys = wire(t, "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=")
	if _, _, err := join(t, route); err == nil || !strings.Contains(err.Error(), "no host key of the types") || !strings.Contains(err.Error(), "SHA256:") {
		t.Errorf("a key of a type that the server has not: %v", err)
	}
}

func TestHostCertificatesOfTargets(t *testing.T) {
	s := testenv.SSHForTest(t)
	other := wire(t, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newSigner(t).PublicKey()))))
	for what, c := range map[string]struct {
		ssh  protocols.SSHRoute
		want string // empty: in
	}{
		"the authority's":  {protocols.SSHRoute{Authorities: wire(t, s.HostCA), HostName: s.Host}, ""},
		"of another name":  {protocols.SSHRoute{Authorities: wire(t, s.HostCA), HostName: "db1.internal"}, "does not prove it"},
		"another's":        {protocols.SSHRoute{Authorities: other, HostName: s.Host}, "does not prove it"},
		"its key is known": {protocols.SSHRoute{Authorities: other, HostName: s.Host, HostKeys: wire(t, s.HostKeys...)}, ""},
	} {
		route := routeTo(t, s)
		c.ssh.User, route.SSH = "alice", c.ssh
		_, _, err := join(t, route)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}

// Without a pin nothing is believed: a route that lost its host keys leads nowhere.
func TestNoPinIsNoTarget(t *testing.T) {
	route := routeTo(t, testenv.SSHForTest(t))
	route.SSH.HostKeys = nil
	if _, _, err := join(t, route); err == nil {
		t.Error("it is in")
	}
}

func TestWhatATargetRefuses(t *testing.T) {
	s := testenv.SSHForTest(t)
	route := routeTo(t, s)
	other, err := testenv.NewSSHKey()
	if err != nil {
		t.Fatal(err)
	}
	route.Credential.Secret = other.Private
	_, _, err = join(t, route)
	if e := protocols.AsError(err); err == nil || e.Class != protocols.ClassTarget || !strings.Contains(e.Message, `does not let "`+s.Superuser+`" in`) {
		t.Errorf("a key that it doesn't know: %v", err)
	}
	route.Credential.Secret = []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0IHNlY3JldA==\n-----END OPENSSH PRIVATE KEY-----\n")
	if _, _, err = join(t, route); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "can't be used") {
		t.Errorf("what is no key: %v", err)
	}
	route.Dial = func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }
	if _, _, err = join(t, route); err == nil || !strings.Contains(err.Error(), "can't be reached") {
		t.Errorf("nobody there: %v", err)
	}
}

// A target that says nothing is not waited for without end.
func TestATargetThatSaysNothing(t *testing.T) {
	route := routeTo(t, testenv.SSHForTest(t))
	route.Dial = func(context.Context) (net.Conn, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { l.Close() })
		return net.Dial("tcp", l.Addr().String())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := joiner(t).Join(ctx, route); err == nil || !strings.Contains(err.Error(), "took too long") {
		t.Errorf("it is in, or refused otherwise: %v", err)
	}
}

// pretender is a server that asks for passwords, which a throwaway OpenSSH can't be made to do for whoever runs the tests.
func pretender(t *testing.T, change func(*ssh.ServerConfig)) protocols.Route {
	t.Helper()
	key := newSigner(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			config := &ssh.ServerConfig{}
			config.AddHostKey(key)
			change(config)
			if c, _, _, err := ssh.NewServerConn(nc, config); err == nil {
				c.Wait()
			}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return protocols.Route{
		Credential: &vault.Credential{User: "root", Secret: []byte("hunter2 hunter2")},
		Dial:       func(context.Context) (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) },
		SSH:        protocols.SSHRoute{User: "alice", HostKeys: [][]byte{key.PublicKey().Marshal()}},
	}
}

func TestJoinWithAPassword(t *testing.T) {
	right := func(user string, password []byte) (*ssh.Permissions, error) {
		if user != "root" || string(password) != "hunter2 hunter2" {
			return nil, errPassword
		}
		return nil, nil
	}
	asking := func(questions []string, echos []bool) func(*ssh.ServerConfig) {
		return func(s *ssh.ServerConfig) {
			s.KeyboardInteractiveCallback = func(meta ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
				said, err := ask("", "", questions, echos)
				if err != nil || len(said) != 1 {
					return nil, errPassword
				}
				ask("", "welcome", nil, nil) // as PAM's last word
				return right(meta.User(), []byte(said[0]))
			}
		}
	}
	for what, c := range map[string]struct {
		change func(*ssh.ServerConfig)
		in     bool
	}{
		"password": {func(s *ssh.ServerConfig) {
			s.PasswordCallback = func(meta ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) { return right(meta.User(), p) }
		}, true},
		"keyboard-interactive":     {asking([]string{"Password: "}, []bool{false}), true},
		"a question that is shown": {asking([]string{"Your name: "}, []bool{true}), false},
		"more than one question":   {asking([]string{"Password: ", "Code: "}, []bool{false, false}), false},
		"another password is needed": {func(s *ssh.ServerConfig) {
			s.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, errPassword }
		}, false},
	} {
		c2, _, err := join(t, pretender(t, c.change))
		if (err == nil) != c.in {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", what, err)
		}
		c2.Close()
	}
}

// A target may be older than what clients of the gateway have to be; broken it may not be.
func TestOlderTargets(t *testing.T) {
	anybody := func(s *ssh.ServerConfig) {
		s.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }
	}
	for old, in := range map[string]bool{ssh.KeyExchangeECDHP256: true, ssh.KeyExchangeDH14SHA256: true, ssh.InsecureKeyExchangeDH14SHA1: false} {
		c, joined, err := join(t, pretender(t, func(s *ssh.ServerConfig) { anybody(s); s.KeyExchanges = []string{old} }))
		if (err == nil) != in || in && !strings.Contains(joined.TLS, old) {
			t.Errorf("%s: %+v, %v", old, joined, err)
		}
		c.Close()
	}
}

func TestFetchHostKeys(t *testing.T) {
	s := testenv.SSHForTest(t)
	keys, err := FetchHostKeys(context.Background(), routeTo(t, s).Dial)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for i, want := range wire(t, s.HostKeys...) {
		if string(keys[i].Marshal()) != string(want) {
			t.Errorf("key %d is %s", i, ssh.FingerprintSHA256(keys[i]))
		}
	}
	if _, err := FetchHostKeys(context.Background(), func(context.Context) (net.Conn, error) { return nil, net.ErrClosed }); err == nil {
		t.Error("of nobody")
	}
}
