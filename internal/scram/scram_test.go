package scram

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// rfc7677 is the exchange of RFC 7677, section 3: user "user", password "pencil".
var rfc7677 = struct{ bare, serverFirst, without, proof, serverFinal, salt string }{
	bare:        "n=user,r=rOprNGfwEbeRWgbNEkqO",
	serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	without:     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	proof:       "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	salt:        "W22ZaJ0SNY7soEsUEjb6gQ==",
}

func rfcVerifier(t *testing.T) Verifier {
	t.Helper()
	salt, err := encoding.DecodeString(rfc7677.salt)
	if err != nil {
		t.Fatal(err)
	}
	return makeVerifier([]byte("pencil"), salt, 4096)
}

func TestServerAgainstRFC7677(t *testing.T) {
	s := NewServer(rfcVerifier(t), nil)
	s.header, s.bare, s.first = "n,,", rfc7677.bare, rfc7677.serverFirst
	s.nonce = strings.TrimPrefix(strings.Split(rfc7677.serverFirst, ",")[0], "r=")
	final, err := s.Final([]byte(rfc7677.without + ",p=" + rfc7677.proof))
	if err != nil || string(final) != rfc7677.serverFinal {
		t.Fatalf("server-final = %q, %v; want %q", final, err, rfc7677.serverFinal)
	}
}

func TestClientAgainstRFC7677(t *testing.T) {
	c := &Client{header: "n,,", nonce: "rOprNGfwEbeRWgbNEkqO", password: []byte("pencil")}
	salt, err := encoding.DecodeString(rfc7677.salt)
	if err != nil {
		t.Fatal(err)
	}
	// The RFC names the user in client-first, PostgreSQL's clients don't: hence prove and not Final.
	proof := c.prove(salt, 4096, rfc7677.bare+","+rfc7677.serverFirst+","+rfc7677.without)
	if got := encoding.EncodeToString(proof[:]); got != rfc7677.proof {
		t.Errorf("proof = %s, want %s", got, rfc7677.proof)
	}
	if err := c.Verify([]byte(rfc7677.serverFinal)); err != nil {
		t.Errorf("verify server-final: %v", err)
	}
}

// exchange runs a whole login and returns the first error with who found it.
func exchange(c *Client, s *Server) (who string, err error) {
	serverFirst, err := s.First(c.Mechanism, c.First())
	if err != nil {
		return "server", err
	}
	clientFinal, err := c.Final(serverFirst)
	if err != nil {
		return "client", err
	}
	serverFinal, err := s.Final(clientFinal)
	if err != nil {
		return "server", err
	}
	return "client", c.Verify(serverFinal)
}

func TestExchange(t *testing.T) {
	v, err := NewVerifier([]byte("geheim"), 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := []byte("certificate of gatefold"), []byte("certificate of mallory")
	for _, tt := range []struct {
		name          string
		password      string
		offered       []string // to the client, which someone may have changed on the way
		clientBinding []byte
		serverBinding []byte
		mechanism     string
		who           string
		want          error
		tamper        func(*Server)
	}{
		{name: "without TLS", password: "geheim", offered: Mechanisms(nil), mechanism: SHA256},
		{name: "bound", password: "geheim", offered: Mechanisms(ours), clientBinding: ours, serverBinding: ours, mechanism: SHA256Plus},
		{name: "inside TLS, client can't bind", password: "geheim", offered: Mechanisms(ours), serverBinding: ours, mechanism: SHA256},
		{name: "inside TLS, server can't bind", password: "geheim", offered: Mechanisms(nil), clientBinding: ours, mechanism: SHA256},
		{name: "wrong password", password: "geheim!", offered: Mechanisms(nil), mechanism: SHA256, who: "server", want: ErrProof},
		{name: "another certificate", password: "geheim", offered: Mechanisms(ours), clientBinding: theirs, serverBinding: ours,
			mechanism: SHA256Plus, who: "server", want: ErrBinding},
		{name: "plus taken out of the offer", password: "geheim", offered: []string{SHA256}, clientBinding: ours, serverBinding: ours,
			mechanism: SHA256, who: "server", want: ErrBinding},
		{name: "server without the key", password: "geheim", offered: Mechanisms(nil), mechanism: SHA256, who: "client", want: ErrSignature,
			tamper: func(s *Server) { s.verifier.ServerKey[0] ^= 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := NewClient([]byte(tt.password), tt.offered, tt.clientBinding)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Wipe()
			if c.Mechanism != tt.mechanism {
				t.Errorf("mechanism %s, want %s", c.Mechanism, tt.mechanism)
			}
			s := NewServer(v, tt.serverBinding)
			if tt.tamper != nil {
				tt.tamper(s)
			}
			who, err := exchange(c, s)
			if !errors.Is(err, tt.want) || tt.want != nil && who != tt.who {
				t.Errorf("%s: %v, want %s: %v", who, err, tt.who, tt.want)
			}
		})
	}
}

// Pins the kin of CVE-2026-6664: malformed messages are errors, each, and never a panic or a success.
func TestServerRefusesMalformed(t *testing.T) {
	v := rfcVerifier(t)
	binding := []byte("certificate")
	for _, tt := range []struct{ name, mechanism, message string }{
		{"empty", SHA256, ""},
		{"NUL", SHA256, "n,,n=,r=abc\x00"},
		{"no header", SHA256, "n=,r=abc"},
		{"one comma", SHA256, "n,"},
		{"unknown mechanism", "SCRAM-SHA-1", "n,,n=,r=abc"},
		{"unknown flag", SHA256, "x,,n=,r=abc"},
		{"authorization identity", SHA256, "n,a=root,n=,r=abc"},
		{"mandatory extension", SHA256, "n,,m=1,n=,r=abc"},
		{"late mandatory extension", SHA256, "n,,n=,r=abc,m=1"},
		{"extension without name", SHA256, "n,,n=,r=abc,="},
		{"no nonce", SHA256, "n,,n=,x=abc"},
		{"empty nonce", SHA256, "n,,n=,r="},
		{"plus without binding flag", SHA256Plus, "n,,n=,r=abc"},
		{"binding flag without plus", SHA256, "p=tls-server-end-point,,n=,r=abc"},
		{"another binding", SHA256Plus, "p=tls-unique,,n=,r=abc"},
		{"endless nonce", SHA256, "n,,n=,r=" + strings.Repeat("a", maxMessage)},
	} {
		if _, err := NewServer(v, binding).First(tt.mechanism, []byte(tt.message)); err == nil {
			t.Errorf("%s: client-first accepted", tt.name)
		}
	}
	if _, err := NewServer(v, nil).First(SHA256Plus, []byte("p=tls-server-end-point,,n=,r=abc")); !errors.Is(err, ErrMessage) {
		t.Errorf("plus without TLS: %v", err)
	}
	for name, message := range map[string]string{
		"empty":           "",
		"proof only":      ",p=",
		"no proof":        "c=biws,r=NONCE",
		"short proof":     "c=biws,r=NONCE,p=AAAA",
		"no binding":      "r=NONCE,p=" + rfc7677.proof,
		"binding not b64": "c=!!!!,r=NONCE,p=" + rfc7677.proof,
		"wrong binding":   "c=eSws,r=NONCE,p=" + rfc7677.proof,
		"wrong nonce":     "c=biws,r=abcd,p=" + rfc7677.proof,
		"mandatory":       "c=biws,r=NONCE,m=1,p=" + rfc7677.proof,
	} {
		s := NewServer(v, nil)
		if _, err := s.First(SHA256, []byte("n,,n=,r=abc")); err != nil {
			t.Fatal(err)
		}
		_, err := s.Final([]byte(strings.ReplaceAll(message, "NONCE", s.nonce)))
		if !errors.Is(err, ErrMessage) && !errors.Is(err, ErrBinding) {
			t.Errorf("client-final, %s: %v", name, err)
		}
	}
	if _, err := NewServer(v, nil).Final([]byte("c=biws,r=,p=" + rfc7677.proof)); !errors.Is(err, ErrMessage) {
		t.Errorf("client-final first: %v", err)
	}
}

func TestClientRefusesHostileServer(t *testing.T) {
	for name, tt := range map[string]struct {
		message string
		want    error
	}{
		"absurd iterations":     {"r=NONCEx,s=c2FsdA==,i=1000001", ErrIterations},
		"iterations that wrap":  {"r=NONCEx,s=c2FsdA==,i=4294967297", ErrIterations},
		"no iterations":         {"r=NONCEx,s=c2FsdA==,i=0", ErrIterations},
		"negative iterations":   {"r=NONCEx,s=c2FsdA==,i=-1", ErrIterations},
		"nonce not ours":        {"r=x,s=c2FsdA==,i=4096", ErrMessage},
		"nothing added":         {"r=NONCE,s=c2FsdA==,i=4096", ErrMessage},
		"salt not b64":          {"r=NONCEx,s=@,i=4096", ErrMessage},
		"no salt":               {"r=NONCEx,s=,i=4096", ErrMessage},
		"huge salt":             {"r=NONCEx,s=" + strings.Repeat("AAAA", 100) + ",i=4096", ErrMessage},
		"mandatory extension":   {"m=1,r=NONCEx,s=c2FsdA==,i=4096", ErrMessage},
		"late mandatory":        {"r=NONCEx,s=c2FsdA==,i=4096,m=1", ErrMessage},
		"empty":                 {"", ErrMessage},
		"longer than a message": {"r=NONCE" + strings.Repeat("x", maxMessage) + ",s=c2FsdA==,i=4096", ErrMessage},
	} {
		c, err := NewClient([]byte("geheim"), Mechanisms(nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Final([]byte(strings.ReplaceAll(tt.message, "NONCE", c.nonce)))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	c, err := NewClient([]byte("geheim"), Mechanisms(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	// A signature before any proof must not pass, not even the zero one that c.signature holds then.
	zero := "v=" + encoding.EncodeToString(make([]byte, keySize))
	if err := c.Verify([]byte(zero)); !errors.Is(err, ErrSignature) {
		t.Errorf("signature without a proof: %v", err)
	}
	if _, err := NewClient([]byte("x"), []string{"SCRAM-SHA-1", "PLAIN"}, nil); err == nil {
		t.Error("a server without SCRAM-SHA-256 was taken")
	}
}

func TestVerifierText(t *testing.T) {
	v, err := NewVerifier([]byte("geheim"), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(v.String())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Salt, v.Salt) || got.Iterations != 10_000 || got.StoredKey != v.StoredKey || got.ServerKey != v.ServerKey {
		t.Errorf("Parse(String()) = %+v, want %+v", got, v)
	}
	if !got.Check([]byte("geheim")) || got.Check([]byte("geheim ")) || got.Check(nil) {
		t.Error("Check does not tell the password from another")
	}
	key := encoding.EncodeToString(v.StoredKey[:])
	for _, s := range []string{
		"", "md5c4ca4238a0b923820dcc509a6f75849b", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096", "SCRAM-SHA-256$4096:c2FsdA==",
		"SCRAM-SHA-256$4096:c2FsdA==$" + key, "SCRAM-SHA-256$0:c2FsdA==$" + key + ":" + key,
		"SCRAM-SHA-256$+1:c2FsdA==$" + key + ":" + key, "SCRAM-SHA-256$99999999:c2FsdA==$" + key + ":" + key,
		"SCRAM-SHA-256$4096:$" + key + ":" + key, "SCRAM-SHA-256$4096:c2FsdA==$" + key + ":" + key + ":",
		"SCRAM-SHA-256$4096:c2FsdA==$" + key + ":AAAA",
	} {
		if _, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) accepted", s)
		}
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	if _, err := NewVerifier(nil, 0); err == nil {
		t.Error("an empty password was taken")
	}
	for _, n := range []int{-1, 1, 4095, maxIterations + 1} {
		if _, err := NewVerifier([]byte("x"), n); !errors.Is(err, ErrIterations) {
			t.Errorf("%d iterations: %v", n, err)
		}
	}
}

func TestSecretsAreWiped(t *testing.T) {
	c, err := NewClient([]byte("geheim"), Mechanisms(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	held := c.password
	c.Wipe()
	if !bytes.Equal(held, make([]byte, len(held))) || c.password != nil {
		t.Error("the password outlives Wipe")
	}
}

func BenchmarkNewVerifier(b *testing.B) {
	password := []byte("correct horse battery staple")
	for b.Loop() {
		makeVerifier(password, password[:16], Iterations)
	}
}
