package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Lines as ssh-keygen writes them.
const (
	ed25519Line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPhu2W1Ba1/Ye7n1JnCSJ2nrkdHnVOhW+hlVQ9HlvgR alice@laptop"
	otherLine   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINoRoRhCQyVIoOiwnL0mEVaZ/f5A3IJnELfD7ng4RZR2 alice@laptop"
)

func parse(t *testing.T, line string) Key {
	t.Helper()
	k, err := ParseKey(line)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAUserIsProvedByTheirKeys(t *testing.T) {
	dir := t.TempDir()
	u := open(t, dir)
	add(t, u, "alice")
	add(t, u, "bob")
	key := parse(t, ed25519Line)
	if err := u.AddKey("alice", key); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Snapshot{u.Snapshot(), open(t, dir).Snapshot()} {
		if keys := s.Keys("alice"); len(keys) != 1 || string(keys[0]) != string(key.wire) {
			t.Errorf("alice has the keys %x", keys)
		}
		if len(s.Keys("bob"))+len(s.Keys("nobody"))+len(s.Keys("")) > 0 {
			t.Error("others have keys")
		}
		user, _ := s.Lookup("alice")
		if k := user.Keys[0]; k.Line() != ed25519Line || k.Added.IsZero() || k.Fingerprint != "SHA256:"+strings.TrimPrefix(key.Fingerprint, "SHA256:") {
			t.Errorf("the key is %+v, %q", k, k.Line())
		}
	}
	if err := u.SetPassword("alice", []byte("another password")); err != nil || len(u.Snapshot().Keys("alice")) != 1 {
		t.Errorf("a new password took the key: %v", err)
	}
	if err := u.Disable("alice"); err != nil || u.Snapshot().Keys("alice") != nil {
		t.Errorf("a disabled user has keys: %v", err)
	}
}

func TestKeysComeAndGo(t *testing.T) {
	u := open(t, t.TempDir())
	add(t, u, "alice")
	one, two := parse(t, ed25519Line), parse(t, otherLine)
	if err := errors.Join(u.AddKey("alice", one), u.AddKey("alice", two)); err != nil {
		t.Fatal(err)
	}
	if err := u.AddKey("alice", one); !errors.Is(err, ErrKey) {
		t.Errorf("a key twice: %v", err)
	}
	if err := u.AddKey("nobody", one); !errors.Is(err, ErrUnknown) {
		t.Errorf("a key of nobody: %v", err)
	}
	if _, err := u.RemoveKey("alice", "alice@laptop"); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("a comment of two keys: %v", err)
	}
	if k, err := u.RemoveKey("alice", one.Fingerprint); err != nil || k.Fingerprint != one.Fingerprint {
		t.Errorf("removed %+v, %v", k, err)
	}
	if k, err := u.RemoveKey("alice", "alice@laptop"); err != nil || k.Fingerprint != two.Fingerprint {
		t.Errorf("removed %+v, %v", k, err)
	}
	if _, err := u.RemoveKey("alice", "alice@laptop"); !errors.Is(err, ErrNoKey) {
		t.Errorf("removed what isn't there: %v", err)
	}
}

// What ssh-keygen makes is read, and what nobody should prove themselves by is not.
func TestParseKey(t *testing.T) {
	dir := t.TempDir()
	made := func(kind string, more ...string) string {
		file := filepath.Join(dir, kind+strings.Join(more, ""))
		args := append([]string{"-q", "-N", "", "-C", "a comment of words", "-t", kind, "-f", file}, more...)
		if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
		text, err := os.ReadFile(file + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("no ssh-keygen here")
	}
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		if k := parse(t, made(kind)); k.Comment != "a comment of words" {
			t.Errorf("%s: the comment is %q", kind, k.Comment)
		}
	}
	weak := made("rsa", "-b", "1024")
	private, err := os.ReadFile(filepath.Join(dir, "ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ed25519")
	if out, err := exec.Command("ssh-keygen", "-q", "-s", ca, "-I", "id", "-n", "alice", ca+".pub").CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen -s: %v: %s", err, out)
	}
	cert, err := os.ReadFile(ca + "-cert.pub")
	if err != nil {
		t.Fatal(err)
	}
	for what, line := range map[string]string{
		"too short": weak, "a private key": string(private), "options": `command="ls" ` + ed25519Line, "it is a certificate": string(cert),
		"more than one": ed25519Line + "\n" + otherLine, "line of a .pub": "hello", "has more than": strings.Repeat("a", maxKeyLine+1),
		"its comment": ed25519Line + "\x1b[2J", "not taken": "ssh-dss " + "AAAAB3NzaC1kc3MAAAAB", "": "",
	} {
		if k, err := ParseKey(line); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), what) && what != "not taken" {
			t.Errorf("%s: %+v, %v", what, k, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(ed25519Line)
	f.Add(`from="10.0.0.1" ` + otherLine)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	pub, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(ssh.MarshalAuthorizedKey(pub)))
	f.Fuzz(func(t *testing.T, line string) {
		k, err := ParseKey(line)
		if err != nil {
			return
		}
		if back, err := ParseKey(k.Line()); err != nil || string(back.wire) != string(k.wire) {
			t.Fatalf("%q came back as %+v, %v", k.Line(), back, err)
		}
	})
}

// The file is of version 3 where somebody has a key or a second factor, and else of one that older builds read.
func TestTheFileIsAsOldAsItCanBe(t *testing.T) {
	dir := t.TempDir()
	u, f := open(t, dir), openFactors(t, dir)
	add(t, u, "alice")
	version := func(want string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, usersFile))
		if err != nil || !strings.Contains(string(data), `"version": `+want) {
			t.Errorf("want version %s: %v\n%s", want, err, data)
		}
		return string(data)
	}
	version("1")
	key := parse(t, ed25519Line)
	if err := u.AddKey("alice", key); err != nil {
		t.Fatal(err)
	}
	three := version("3")
	if _, err := u.RemoveKey("alice", key.Fingerprint); err != nil {
		t.Fatal(err)
	}
	version("1")
	if _, err := f.Enrol(u, "alice", "gw"); err != nil {
		t.Fatal(err)
	}
	version("3")
	for what, change := range map[string][2]string{
		"an older version with a key": {`"version": 3`, `"version": 2`},
		"what is no key":              {"ssh-ed25519 AAAAC3", "ssh-ed25519 BBBBC3"},
		"a comment in the key":        {`HlvgR"`, `HlvgR x"`},
		"a comment that hides":        {`alice@laptop`, `alice\u001b[2J`},
	} {
		text := strings.Replace(three, change[0], change[1], 1)
		if _, err := decodeUsers([]byte(text)); text == three || !errors.Is(err, errCorrupt) && !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
