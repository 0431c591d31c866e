package mysql

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"testing"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

var wrong = []byte("wrong horse")

func TestSHA2InsideTLS(t *testing.T) {
	g := nowhere(t, nil)
	full := func(user string, password []byte) *rawClient {
		c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
		c.login(user, pluginSHA2, proveSHA2(password, c.scramble))
		c.want(answerAuth, sha2AskClear)
		c.put(append(bytes.Clone(password), 0))
		return c
	}
	// A stranger can't tell who is known.
	full("alice", wrong).denied("YES")
	full("nobody", wrong).denied("YES")
	full("nobody", []byte(protocoltest.Password)).denied("YES")
	full("alice", []byte(protocoltest.Password)).proved()
	t.Run("fast, once it was seen", func(t *testing.T) {
		c := dialGate(t, g).greeted()
		c.login("alice", pluginSHA2, proveSHA2([]byte(protocoltest.Password), c.scramble))
		c.want(answerAuth, sha2FastOK)
		c.proved()
	})
	t.Run("fast and wrong: asked for all of it", func(t *testing.T) { full("alice", wrong).denied("YES") })
	t.Run("a scramble of another connection", func(t *testing.T) {
		c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
		c.login("alice", pluginSHA2, proveSHA2([]byte(protocoltest.Password), newScramble()))
		c.want(answerAuth, sha2AskClear)
		c.put([]byte{0})
		c.denied("NO")
	})
	t.Run("no password", func(t *testing.T) {
		for _, nothing := range [][]byte{{}, {0}} {
			c := dialGate(t, g).greeted()
			c.login("alice", pluginSHA2, nothing)
			c.denied("NO")
		}
	})
	t.Run("a NUL in it", func(t *testing.T) {
		c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
		c.login("alice", pluginSHA2, proveSHA2(wrong, c.scramble))
		c.want(answerAuth, sha2AskClear)
		c.put([]byte(protocoltest.Password + "\x00x\x00"))
		c.denied("YES")
	})
}

// A password is not asked for in clear outside of TLS, but encrypted.
func TestSHA2WithRSA(t *testing.T) {
	for _, tt := range []struct {
		user     string
		password []byte
		in       bool
	}{{"alice", []byte(protocoltest.Password), true}, {"alice", wrong, false}, {"nobody", []byte(protocoltest.Password), false}} {
		g := nowhere(t, nil)
		c := dialGate(t, g).greeted()
		c.login(tt.user, pluginSHA2, proveSHA2(tt.password, c.scramble))
		c.want(answerAuth, sha2AskClear)
		c.put([]byte{sha2AskKey})
		key, err := parsePublicKey(c.want(answerAuth))
		if err != nil {
			t.Fatal(err)
		}
		password := append(bytes.Clone(tt.password), 0)
		xorScramble(password, c.scramble)
		sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, password, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.put(sealed)
		if tt.in {
			c.proved()
		} else {
			c.denied("YES")
		}
	}
	t.Run("in clear", func(t *testing.T) {
		c := dialGate(t, nowhere(t, nil)).greeted()
		c.login("alice", pluginSHA2, proveSHA2([]byte(protocoltest.Password), c.scramble))
		c.want(answerAuth, sha2AskClear)
		c.put([]byte(protocoltest.Password + "\x00"))
		c.denied("YES")
	})
}

func TestClearPassword(t *testing.T) {
	g := nowhere(t, nil)
	for password, in := range map[string]bool{protocoltest.Password + "\x00": true, "wrong\x00": false, protocoltest.Password: false, "\x00": false, protocoltest.Password + "\x00\x00": false} {
		c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
		c.login("alice", pluginClear, []byte(password))
		if in {
			c.proved()
			continue
		}
		if got := c.refused(); got.code != 1045 {
			t.Errorf("%q: %v", password, got)
		}
	}
	t.Run("outside of TLS", func(t *testing.T) {
		c := dialGate(t, g).greeted()
		c.login("alice", pluginClear, nil)
		c.switched(pluginSHA2)
	})
}

// A client that begins with a plugin that won't do is told which will, whoever it says it is.
func TestAuthSwitch(t *testing.T) {
	g := nowhere(t, nil)
	for _, plugin := range []string{pluginNative, pluginEd25519, "sha256_password", "dialog", ""} {
		for _, user := range []string{"alice", "nobody"} {
			c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
			c.login(user, plugin, proveNative([]byte(protocoltest.Password), c.scramble))
			c.switched(pluginSHA2)
			c.put(proveSHA2([]byte(protocoltest.Password), c.scramble))
			if user == "nobody" {
				c.want(answerAuth, sha2AskClear)
				c.put([]byte(protocoltest.Password + "\x00"))
				c.denied("YES")
				continue
			}
			if got := c.want(answerAuth); got[0] == sha2AskClear {
				c.put([]byte(protocoltest.Password + "\x00"))
			}
			c.proved()
		}
	}
}

func TestNativePassword(t *testing.T) {
	g := nowhere(t, func(g *testGate) { g.Auth.KeepsNative = true })
	for _, tt := range []struct {
		password []byte
		using    string // empty: let in
	}{{[]byte(protocoltest.Password), ""}, {wrong, "YES"}, {nil, "NO"}} {
		c := dialGate(t, g).greeted()
		var proof []byte
		if tt.password != nil {
			proof = proveNative(tt.password, c.scramble)
		}
		c.login("alice", pluginNative, proof)
		if tt.password == nil { // it may be a client that waits to be asked
			c.switched(pluginNative)
			c.put(nil)
		}
		if tt.using == "" {
			c.proved()
		} else {
			c.denied(tt.using)
		}
	}
}

func TestCertificate(t *testing.T) {
	authority, err := testenv.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Client("alice")
	if err != nil {
		t.Fatal(err)
	}
	g := nowhere(t, func(g *testGate) { g.certify(authority, "alice") })
	config := g.Trusted(t)
	pair, err := tls.X509KeyPair(cert.Cert, cert.Key)
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{pair}
	t.Run("with it", func(t *testing.T) {
		for plugin, auth := range map[string][]byte{pluginSHA2: nil, pluginNative: nil, pluginClear: {0}} {
			c := dialGate(t, g).greeted().startTLS(config)
			c.login("alice", plugin, auth)
			c.proved()
		}
	})
	t.Run("with it and a password", func(t *testing.T) {
		c := dialGate(t, g).greeted().startTLS(config)
		c.login("alice", pluginSHA2, proveSHA2(wrong, c.scramble))
		c.want(answerAuth, sha2FastOK)
		c.proved()
	})
	t.Run("another's", func(t *testing.T) {
		c := dialGate(t, g).greeted().startTLS(config)
		c.login("bob", pluginSHA2, nil)
		c.denied("NO")
	})
	t.Run("without", func(t *testing.T) {
		c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
		c.login("alice", pluginSHA2, nil)
		c.denied("NO")
	})
}

// That a name makes no sense is not told before the proof.
func TestUnknownTargetIsToldAfterTheProof(t *testing.T) {
	g := nowhere(t, nil)
	try := func(password []byte) *rawClient {
		c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
		c.login("bob", pluginClear, append(bytes.Clone(password), 0))
		return c
	}
	try(wrong).denied("YES")
	if got := try([]byte(protocoltest.Password)).refused(); got.message != "unknown target" {
		t.Errorf("%v", got)
	}
}

func TestProofsAreBoundToVerifier(t *testing.T) {
	p := newProofs()
	old, err := scram.NewVerifier([]byte(protocoltest.Password), 0)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := scram.NewVerifier(wrong, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.keep("alice", old, []byte(protocoltest.Password))
	scramble := newScramble()
	proof := proveSHA2([]byte(protocoltest.Password), scramble)
	if !p.check("alice", old, proof, scramble) {
		t.Error("a password that was seen is not known")
	}
	for name, known := range map[string]bool{
		"another user":         p.check("bob", old, proof, scramble),
		"a changed password":   p.check("alice", renewed, proof, scramble),
		"another scramble":     p.check("alice", old, proof, newScramble()),
		"another password":     p.check("alice", old, proveSHA2(wrong, scramble), scramble),
		"no proof":             p.check("alice", old, nil, scramble),
		"the proof of nothing": p.check("nobody", old, proveSHA2(nil, scramble), scramble),
	} {
		if known {
			t.Error(name)
		}
	}
}

// What is dropped is wiped, and there is a bound.
func TestProofsAreWiped(t *testing.T) {
	p := newProofs()
	v := protocoltest.Verifier()
	p.keep("alice", v, []byte(protocoltest.Password))
	_, kept, _ := p.lru.GetOldest()
	for i := range maxProofs {
		p.keep(string(rune('a'+i%26))+string(rune(0x100+i)), v, wrong)
	}
	if p.lru.Len() != maxProofs || *kept != ([32]byte{}) {
		t.Errorf("%d kept, %x left of the first", p.lru.Len(), *kept)
	}
}
