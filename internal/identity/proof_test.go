package identity

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The hash is the one that MariaDB's PASSWORD() makes: SELECT PASSWORD('correct horse battery').
const batteryHash = "*7EF204D5E9151D33077D698FD48BCEE699458CA6"

func TestNativeIsKeptWhereAskedFor(t *testing.T) {
	dir := t.TempDir()
	u := open(t, dir)
	add(t, u, "alice")
	if _, err := u.Add("bob", password, KeepNative); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Snapshot{u.Snapshot(), open(t, dir).Snapshot()} {
		if s.Native("alice") != nil || s.Native("nobody") != nil || s.Native("=") != nil {
			t.Error("a hash that was not asked for")
		}
		if got := "*" + strings.ToUpper(hex.EncodeToString(s.Native("bo\uff42"))); got != batteryHash {
			t.Errorf("bob's hash is %s, want %s", got, batteryHash)
		}
		clear(s.Native("bob"))
		if got := s.Native("bob"); len(got) != 20 || got[0] == 0 && got[1] == 0 {
			t.Error("a caller changed the hash of all")
		}
		if a, _ := s.Lookup("alice"); a.Native {
			t.Error("alice is said to have a hash")
		}
		if b, _ := s.Lookup("bob"); !b.Native || !s.Verifier("bob").Check(password) {
			t.Error("bob is said to have none, or has no verifier")
		}
	}
}

// A disabled user has no way in, and a new password leaves nothing of the old one.
func TestNativeGoes(t *testing.T) {
	u := open(t, t.TempDir())
	if _, err := u.Add("bob", password, KeepNative); err != nil {
		t.Fatal(err)
	}
	if err := u.Disable("bob"); err != nil {
		t.Fatal(err)
	}
	if u.Snapshot().Native("bob") != nil {
		t.Error("the hash of a disabled user is given out")
	}
	if err := u.Enable("bob"); err != nil {
		t.Fatal(err)
	}
	old := u.Snapshot().Native("bob")
	if err := u.SetPassword("bob", []byte("another password"), KeepNative); err != nil {
		t.Fatal(err)
	}
	if now := u.Snapshot().Native("bob"); now == nil || string(now) == string(old) {
		t.Error("a new password has the old hash, or none")
	}
	if err := u.SetPassword("bob", password); err != nil {
		t.Fatal(err)
	}
	if b, _ := u.Snapshot().Lookup("bob"); b.Native || u.Snapshot().Native("bob") != nil {
		t.Error("a hash is kept that was not asked for again")
	}
}

// The file is of version 2 where somebody has a hash, and else of version 1, which older builds read.
func TestNativeInTheFile(t *testing.T) {
	dir := t.TempDir()
	u := open(t, dir)
	file := func() string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, usersFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	add(t, u, "alice")
	if text := file(); !strings.Contains(text, `"version": 1`) || strings.Contains(text, "native") {
		t.Errorf("without a hash the file is\n%s", text)
	}
	if _, err := u.Add("bob", password, KeepNative); err != nil {
		t.Fatal(err)
	}
	two := file()
	if !strings.Contains(two, `"version": 2`) || !strings.Contains(two, `"native": "`+batteryHash+`"`) {
		t.Errorf("with one it is\n%s", two)
	}
	for _, broken := range []string{
		strings.Replace(two, `"version": 2`, `"version": 1`, 1),
		strings.Replace(two, batteryHash, batteryHash[:39], 1),
		strings.Replace(two, batteryHash, batteryHash[1:], 1),
		strings.Replace(two, batteryHash, batteryHash+"00", 1),
		strings.Replace(two, batteryHash, "*"+strings.Repeat("g", 40), 1),
	} {
		if _, err := decodeUsers([]byte(broken)); err == nil {
			t.Errorf("this is read:\n%s", broken)
		}
	}
}

func TestNativeIsNotPrinted(t *testing.T) {
	p, err := newProof(password, []Keep{KeepNative})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		if said := fmt.Sprintf(verb, *p.native); said != "***" {
			t.Errorf("%s says %s", verb, said)
		}
	}
}
