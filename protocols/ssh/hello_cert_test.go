package ssh

import (
	"crypto/rand"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
)

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func pipeEnd(t testing.TB) net.Conn {
	t.Helper()
	one, other := net.Pipe()
	t.Cleanup(func() { one.Close(); other.Close() })
	return one
}

// authority makes a user CA that the door believes.
func (d *door) authority(t testing.TB, args ...string) string {
	t.Helper()
	if len(args) == 0 {
		args = []string{"-t", "ed25519"}
	}
	ca := d.keygen(t, false, args...)
	d.people.mu.Lock()
	defer d.people.mu.Unlock()
	d.people.authorities = append(d.people.authorities, publicKey(t, ca+".pub").Marshal())
	return ca
}

// certified makes a key with a certificate of ca's, and returns the key's path. ssh finds the certificate beside it.
func (d *door) certified(t testing.TB, ca string, args ...string) string {
	t.Helper()
	key := d.keygen(t, false, "-t", "ed25519")
	sshKeygen(t, append(append([]string{"-q", "-s", ca, "-I", "alice's laptop", "-z", "42"}, args...), key+".pub")...)
	return key
}

func TestCertificatesProveTheirPrincipals(t *testing.T) {
	d := newDoor(t, nil)
	for _, kind := range [][]string{{"-t", "ed25519"}, {"-t", "rsa", "-b", "2048"}, {"-t", "ecdsa"}} {
		ca := d.authority(t, kind...)
		said, _ := d.ssh(t, d.certified(t, ca, "-n", "bob,alice", "-V", "-5m:+5m"))
		c := d.in(t, said, `certificate "alice's laptop" serial 42 of `+ssh.FingerprintSHA256(publicKey(t, ca+".pub")))
		if c.grant != (grant{}) {
			t.Errorf("it grants %+v", c.grant)
		}
	}
}

func TestCertificatesThatProveNobody(t *testing.T) {
	d := newDoor(t, nil)
	ca := d.authority(t)
	for _, c := range []struct {
		what, why string
		args      []string
	}{
		{"expired", "cert has expired", []string{"-n", "alice", "-V", "-2h:-1h"}},
		{"not yet valid", "not yet valid", []string{"-n", "alice", "-V", "+1h:+2h"}},
		{"another's", `principal "alice" not in the set`, []string{"-n", "bob"}},
		{"everybody's", "it names nobody", nil},
		{"with an unknown critical option", `unsupported critical option "colour@example.com"`, []string{"-n", "alice", "-O", "critical:colour@example.com=red"}},
		{"that wants a PIN", `unsupported critical option "verify-required"`, []string{"-n", "alice", "-O", "verify-required"}},
		{"from elsewhere", "not allowed because of source-address", []string{"-n", "alice", "-O", "source-address=10.0.0.0/8,192.0.2.1"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			said, _ := d.ssh(t, d.certified(t, ca, c.args...))
			d.out(t, said, c.why)
		})
	}
	other := d.keygen(t, false, "-t", "ed25519")
	said, _ := d.ssh(t, d.certified(t, other, "-n", "alice"))
	d.out(t, said, "is not one that this listener believes")
	weak := d.authority(t, "-t", "rsa", "-b", "1024")
	said, _ = d.ssh(t, d.certified(t, weak, "-n", "alice"))
	d.out(t, said, "shorter than 2048 bits")
	old := d.authority(t, "-t", "rsa", "-b", "2048")
	said, _ = d.ssh(t, d.certified(t, old, "-n", "alice", "-t", "ssh-rsa"))
	d.out(t, said, "it is signed by ssh-rsa")
}

// OpenSSH's client offers none of these, an attacker's would: a certificate that was changed after it was signed, a host's,
// and one whose force-command was taken out.
func TestCertificatesThatNoClientOffers(t *testing.T) {
	d := newDoor(t, nil)
	ca := d.authority(t)
	for what, c := range map[string]struct {
		args   []string
		change func(*ssh.Certificate)
		why    string
	}{
		"another's name":            {[]string{"-n", "bob"}, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"alice"} }, "does not verify"},
		"without its force-command": {[]string{"-n", "alice", "-O", "force-command=x"}, func(c *ssh.Certificate) { c.CriticalOptions = nil }, "does not verify"},
		"longer":                    {[]string{"-n", "alice", "-V", "-2h:-1h"}, func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }, "does not verify"},
		"a host's":                  {[]string{"-n", "alice", "-h"}, func(*ssh.Certificate) {}, "it is no user's"},
	} {
		t.Run(what, func(t *testing.T) {
			key := d.certified(t, ca, c.args...)
			text, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			signer, err := ssh.ParsePrivateKey(text)
			if err != nil {
				t.Fatal(err)
			}
			cert := publicKey(t, key+"-cert.pub").(*ssh.Certificate)
			c.change(cert)
			signer, err = ssh.NewCertSigner(cert, signer)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.dial(t, ssh.PublicKeys(signer)); err == nil {
				t.Error("it is in")
			}
			if came := d.next(t); came.err == nil || !strings.Contains(came.err.Error(), c.why) {
				t.Errorf("the login was %+v", came)
			}
		})
	}
}

// A key or certificate that is revoked proves nobody, whatever else speaks for it.
func TestRevokedKeysProveNobody(t *testing.T) {
	d := newDoor(t, nil)
	key := d.certified(t, d.authority(t), "-n", "alice")
	d.people.mu.Lock()
	d.people.keys = append(d.people.keys, publicKey(t, key+".pub").Marshal())
	d.people.revoked = publicKey(t, key+"-cert.pub").Marshal()
	d.people.mu.Unlock()
	said, _ := d.ssh(t, key)
	d.in(t, said, "publickey ssh-ed25519") // its certificate is refused
	d.people.mu.Lock()
	d.people.revoked, d.people.authorities = publicKey(t, key+".pub").Marshal(), nil
	d.people.mu.Unlock()
	said, _ = d.ssh(t, key)
	d.out(t, said, "a key that is revoked")
}

// What a certificate restricts its holder to is known once they are in.
func TestWhatACertificateGrants(t *testing.T) {
	d := newDoor(t, nil)
	ca := d.authority(t)
	for _, c := range []struct {
		args []string
		want grant
	}{
		{[]string{"-O", "force-command=/usr/bin/backup --all"}, grant{forced: true, command: "/usr/bin/backup --all"}},
		{[]string{"-O", "no-pty"}, grant{noPTY: true}},
		{[]string{"-O", "clear"}, grant{noPTY: true}},
		{[]string{"-O", "clear", "-O", "permit-pty"}, grant{}},
		{[]string{"-O", "source-address=127.0.0.0/8"}, grant{}},
	} {
		said, _ := d.ssh(t, d.certified(t, ca, append(c.args, "-n", "alice")...))
		if got := d.in(t, said, "certificate"); got.grant != c.want {
			t.Errorf("%q grants %+v", c.args, got.grant)
		}
	}
}

// source-address is about the client, not about the load balancer that it comes through.
func TestSourceAddressBehindALoadBalancer(t *testing.T) {
	d := newDoor(t, func(d *door) { d.client = mustAddr("192.0.2.7:4711") })
	ca := d.authority(t)
	said, _ := d.ssh(t, d.certified(t, ca, "-n", "alice", "-O", "source-address=192.0.2.0/24"))
	d.in(t, said, "certificate")
	said, _ = d.ssh(t, d.certified(t, ca, "-n", "alice", "-O", "source-address=127.0.0.1"))
	d.out(t, said, "source-address")
}

// The key id is whatever the authority wrote; nothing of it but text gets into records and logs.
func TestAKeyIDIsText(t *testing.T) {
	for id, want := range map[string]string{"alice": "alice", "\xff\xfe": "?", strings.Repeat("a", 200): strings.Repeat("a", 128)} {
		if got := shortID(id); got != want {
			t.Errorf("%q is %q", id, got)
		}
	}
}

// FuzzCertificate: no certificate that the authority didn't sign proves anybody, and none is a reason to fall over.
func FuzzCertificate(f *testing.F) {
	p := newPeople(f)
	ca, key := newSigner(f), newSigner(f)
	p.authorities = [][]byte{ca.PublicKey().Marshal()}
	cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, KeyId: "id", ValidPrincipals: []string{"alice"},
		ValidBefore: uint64(time.Now().Add(time.Hour).Unix()), Permissions: ssh.Permissions{CriticalOptions: map[string]string{forceCommand: "x"}}}
	if err := cert.SignCert(neverRandom{}, ca); err != nil {
		f.Fatal(err)
	}
	good := cert.Marshal()
	f.Add(good)
	f.Add(key.PublicKey().Marshal())
	cert.CertType = ssh.HostCert
	f.Add(cert.Marshal())
	f.Fuzz(func(t *testing.T, wire []byte) {
		pub, err := ssh.ParsePublicKey(wire)
		if err != nil {
			return
		}
		perms, err := (&asker{auth: p}).key(claims{"alice@web1"}, pub)
		if err == nil && string(wire) != string(good) && string(pub.Marshal()) != string(good) {
			t.Fatalf("%x proves alice: %+v", wire, perms)
		}
	})
}

// neverRandom makes the same nonce each time, so that a fuzz target's seed is the same.
type neverRandom struct{}

func (neverRandom) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// claims is a connection of whoever says so.
type claims struct{ user string }

func (c claims) User() string        { return c.user }
func (claims) SessionID() []byte     { return nil }
func (claims) ClientVersion() []byte { return nil }
func (claims) ServerVersion() []byte { return nil }
func (claims) RemoteAddr() net.Addr  { return nil }
func (claims) LocalAddr() net.Addr   { return nil }

// What let a connection in is judged again for each channel that it opens: it must not outlive the right that began it.
func TestNoChannelAfterTheProofsEnd(t *testing.T) {
	p := newPeople(t)
	ca, key := newSigner(t), newSigner(t)
	p.authorities = [][]byte{ca.PublicKey().Marshal()}
	p.keys = [][]byte{key.PublicKey().Marshal()}
	cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, KeyId: "id", ValidPrincipals: []string{"alice"}, ValidBefore: uint64(time.Now().Add(time.Hour).Unix())}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, why string
		key       ssh.PublicKey
		end       func()
	}{
		{"the user's key is taken away", "a key that is not the user's", key.PublicKey(), func() { p.keys = nil }},
		{"the certificate is revoked", "a key that is revoked", cert, func() { p.revoked = cert.Marshal() }},
		{"nor the authority believed", "is not one that this listener believes", cert, func() { p.authorities = nil }},
	} {
		p.revoked = nil
		perms, err := (&asker{auth: p}).key(claims{"alice@web1"}, c.key)
		if err != nil {
			t.Fatal(err)
		}
		still := proofOf(perms).still
		if err := still(); err != nil {
			t.Errorf("before %s: %v", c.what, err)
		}
		c.end()
		if err := still(); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	g, _ := newRelayGate(t, func(g *relayGate) { g.still = func() error { return errRevoked } })
	if _, err := g.client(t).NewSession(); err == nil || !strings.Contains(err.Error(), "a key that is revoked): connect again") {
		t.Errorf("a channel: %v", err)
	}
	g.tape(t, 0).expect(t, `notice session message="a channel was refused: what this connection began with lets nobody in any more (a key that is revoked): connect again"`, record.KindNotice)
}
