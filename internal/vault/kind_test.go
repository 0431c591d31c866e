package vault

import (
	"bytes"
	"errors"
	"testing"
)

const privatePEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"

// What a secret is shows in its own shape, whatever store it comes from.
func TestKind(t *testing.T) {
	for secret, want := range map[string]Kind{
		"":                                  Password,
		"hunter2":                           Password,
		"ssh-user-ca":                       Password,
		"a -----BEGIN is not at its start":  Password,
		privatePEM:                          PrivateKey,
		"\r\n " + privatePEM:                PrivateKey,
		"-----BEGIN RSA PRIVATE KEY-----\n": PrivateKey,
		"ssh-user-ca\n" + privatePEM:        SSHAuthority,
	} {
		c := &Credential{Secret: []byte(secret)}
		if c.Kind() != want {
			t.Errorf("%q is a %s, want a %s", secret, c.Kind(), want)
		}
		if (c.PEM() == nil) != (want == Password) {
			t.Errorf("%q has the key %q", secret, c.PEM())
		}
	}
}

func TestAuthority(t *testing.T) {
	secret, err := Authority([]byte(privatePEM))
	if err != nil {
		t.Fatal(err)
	}
	c := &Credential{Secret: secret}
	if c.Kind() != SSHAuthority || string(c.PEM()) != privatePEM {
		t.Errorf("it is a %s with the key %q", c.Kind(), c.PEM())
	}
	key := c.PEM()
	if c.Wipe(); bytes.Contains(key, []byte("BEGIN")) {
		t.Error("the key outlives its wiping")
	}
	for _, wrong := range []string{"", "hunter2", "ssh-user-ca\n" + privatePEM} {
		if _, err := Authority([]byte(wrong)); !errors.Is(err, ErrSecret) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// A box opens what it sealed, in its place, and nothing else does.
func TestBox(t *testing.T) {
	master := bytes.Repeat([]byte{7}, KeySize)
	box, err := NewBox(master, "second factors")
	if err != nil {
		t.Fatal(err)
	}
	sealed := box.Seal([]byte("a secret"), "second factor", "alice")
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("it is not sealed")
	}
	again, _ := NewBox(master, "second factors")
	if plain, err := again.Open(sealed, "second factor", "alice"); err != nil || string(plain) != "a secret" {
		t.Errorf("the same box says %q, %v", plain, err)
	}
	other, _ := NewBox(master, "something else")
	stranger, _ := NewBox(bytes.Repeat([]byte{8}, KeySize), "second factors")
	for what, open := range map[string]func() ([]byte, error){
		"another purpose":    func() ([]byte, error) { return other.Open(sealed, "second factor", "alice") },
		"another master key": func() ([]byte, error) { return stranger.Open(sealed, "second factor", "alice") },
		"another user":       func() ([]byte, error) { return box.Open(sealed, "second factor", "bob") },
		"parts run together": func() ([]byte, error) { return box.Open(sealed, "second factoralice") },
		"cut":                func() ([]byte, error) { return box.Open(sealed[:5], "second factor", "alice") },
		"changed": func() ([]byte, error) {
			return box.Open(append(sealed[:len(sealed)-1:len(sealed)-1], ^sealed[len(sealed)-1]), "second factor", "alice")
		},
	} {
		if plain, err := open(); !errors.Is(err, ErrTampered) {
			t.Errorf("%s opens it: %q, %v", what, plain, err)
		}
	}
	if _, err := NewBox(master[:16], "x"); !errors.Is(err, ErrBadKey) {
		t.Errorf("half a key: %v", err)
	}
}
