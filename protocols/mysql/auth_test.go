package mysql

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"testing"
)

func TestNativeArithmetic(t *testing.T) {
	scramble := []byte("abcdefghijklmnopqrst")
	once := sha1.Sum([]byte("secret"))
	twice := sha1.Sum(once[:])
	// SELECT PASSWORD('secret') on MariaDB 10.11.
	if got := hex.EncodeToString(twice[:]); got != "14e65567abdb5135d0cfd9a70b3032c179a49ee7" {
		t.Errorf("hash %s", got)
	}
	proof := proveNative([]byte("secret"), scramble)
	for name, tt := range map[string]struct {
		proof, scramble, twice []byte
		want                   bool
	}{
		"as it is":         {proof, scramble, twice[:], true},
		"another scramble": {proof, []byte("bbcdefghijklmnopqrst"), twice[:], false},
		"another password": {proveNative([]byte("Secret"), scramble), scramble, twice[:], false},
		"cut":              {proof[:19], scramble, twice[:], false},
		"empty":            {nil, scramble, twice[:], false},
		"no verifier":      {proof, scramble, nil, false},
		"the verifier":     {twice[:], scramble, twice[:], false},
	} {
		if got := checkNative(tt.proof, tt.scramble, tt.twice); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSHA2Arithmetic(t *testing.T) {
	// From go-sql-driver/mysql, TestScrambleSHA256Pass.
	scramble := []byte{10, 47, 74, 111, 75, 73, 34, 48, 88, 76, 114, 74, 37, 13, 3, 80, 82, 2, 23, 21}
	for password, want := range map[string]string{
		"secret":  "f490e76f66d9d86665ce54d98c78d0acfe2fb0b08b423da807144873d30b312c",
		"secret2": "abc3934a012cf342e876071c8ee202de51785b430258a7a0138bc79c4d800bc6",
	} {
		proof := proveSHA2([]byte(password), scramble)
		if got := hex.EncodeToString(proof); got != want {
			t.Errorf("%s: %s, want %s", password, got, want)
		}
		once := sha256.Sum256([]byte(password))
		twice := sha256.Sum256(once[:])
		if !checkSHA2(proof, scramble, twice[:]) || checkSHA2(proof, newScramble(), twice[:]) || checkSHA2(proof[:31], scramble, twice[:]) {
			t.Errorf("%s: checked wrongly", password)
		}
	}
}

func TestEd25519Arithmetic(t *testing.T) {
	// From MariaDB's plugin/auth_ed25519/ed25519-t.c.
	proof, err := proveEd25519([]byte("foobar"), bytes.Repeat([]byte{'A'}, 32))
	const want = "e83dc93f433f33355649ee23aa7592d61a11230908" + "84f58d3063423a24e4305473febba858a2f9392355" +
		"4feea76a44753887ab2f140e854f0fe57ca0b0648a0e"
	if got := hex.EncodeToString(proof); err != nil || got != want {
		t.Errorf("%s, want %s, %v", got, want, err)
	}
}

func TestPublicKeys(t *testing.T) {
	if _, err := parsePublicKey(loginKey().public); err != nil {
		t.Error(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing":  nil,
		"not PEM":  []byte("ssh-rsa AAAA"),
		"not DER":  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}),
		"too weak": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
	} {
		if _, err := parsePublicKey(text); err == nil {
			t.Errorf("%s was taken for a key", name)
		}
	}
}

func TestScrambles(t *testing.T) {
	last := newScramble()
	for range 1000 {
		s := newScramble()
		if len(s) != scrambleSize || bytes.ContainsAny(s, "\x00$") || bytes.Equal(s, last) {
			t.Fatalf("%q after %q", s, last)
		}
		last = s
	}
}
