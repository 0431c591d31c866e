package scram

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzServer: no two messages of a client that does not know the password get through, and none panics.
func FuzzServer(f *testing.F) {
	f.Add("n,,n=,r=abc", "c=biws,r=NONCE,p="+rfc7677.proof, false)
	f.Add("p=tls-server-end-point,,n=,r=abc,x=1", "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsYg==,r=NONCE,x=1,p=AAAA", true)
	f.Add("y,,n=user,r=abc", "c=eSws,r=NONCE,p=", false)
	v := makeVerifier([]byte("geheim"), []byte("0123456789abcdef"), 1)
	f.Fuzz(func(t *testing.T, first, final string, plus bool) {
		mechanism, binding := SHA256, []byte(nil)
		if plus {
			mechanism, binding = SHA256Plus, []byte("b")
		}
		s := NewServer(v, binding)
		challenge, err := s.First(mechanism, []byte(first))
		if err != nil {
			return
		}
		if _, _, _, err := readServerFirst(string(challenge)); err != nil {
			t.Fatalf("our own %q: %v", challenge, err)
		}
		if answer, err := s.Final([]byte(strings.ReplaceAll(final, "NONCE", s.nonce))); err == nil {
			t.Fatalf("let in, with %q", answer)
		} else if !errors.Is(err, ErrProof) && !errors.Is(err, ErrMessage) && !errors.Is(err, ErrBinding) {
			t.Fatal(err)
		}
	})
}

// FuzzClient: no server that does not know the password is believed, and none makes the client work without end.
func FuzzClient(f *testing.F) {
	f.Add("r=NONCEx,s=c2FsdA==,i=4096", "v="+rfc7677.proof)
	f.Add("r=NONCEx,s=c2FsdA==,i=1,x=y", "e=other-error")
	f.Fuzz(func(t *testing.T, first, final string) {
		c, err := NewClient([]byte("geheim"), Mechanisms(nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Wipe()
		first = strings.ReplaceAll(first, "NONCE", c.nonce)
		if _, _, iterations, err := readServerFirst(first); err == nil && iterations > 10_000 {
			return // allowed, and too slow to fuzz
		}
		if _, err := c.Final([]byte(first)); err != nil {
			return
		}
		if err := c.Verify([]byte(final)); err == nil {
			t.Fatal("believed")
		}
	})
}

// FuzzParse: what is read is written the same.
func FuzzParse(f *testing.F) {
	f.Add("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
	f.Add("SCRAM-SHA-256$1:AA==$:")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(s)
		if err == nil && v.String() != s {
			t.Fatalf("%q became %q", s, v.String())
		}
	})
}

// FuzzPrepare: SASLprep keeps ASCII as it is, keeps UTF-8 valid and never makes a password empty.
func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"pencil", "I\u00adX", "\u00aa", "\u2168", "\u0627\u0031", "\ufdfa", "\u212b\u00a0x", "\xff", "\u0221"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, password []byte) {
		if len(password) > 1000 {
			return
		}
		once := prepare(password)
		if len(password) > 0 && len(once) == 0 {
			t.Fatalf("%q became empty", password)
		}
		if utf8.Valid(password) && !utf8.Valid(once) {
			t.Fatalf("%q became %q", password, once)
		}
		if isASCII(password) && !bytes.Equal(once, password) {
			t.Fatalf("ASCII %q became %q", password, once)
		}
	})
}
