package krl

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// shop makes keys, certificates and lists with ssh-keygen, which is also whom the answers are compared with.
type shop struct {
	t   *testing.T
	dir string
}

func (s shop) keygen(args ...string) {
	s.t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("ssh-keygen %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (s shop) key(name string) { s.keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name) }

// certificate is of a key of its own.
func (s shop) certificate(name, ca, id string, serial uint64) {
	s.key(name)
	s.keygen("-q", "-s", ca, "-I", id, "-z", fmt.Sprint(serial), "-n", "alice", name+".pub")
}

func (s shop) public(file string) ssh.PublicKey {
	s.t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey(s.read(file))
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

func (s shop) read(file string) []byte {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// revoked asks ssh-keygen whether a list revokes the key in a file.
func (s shop) revoked(list, file string) bool {
	s.t.Helper()
	cmd := exec.Command("ssh-keygen", "-Q", "-f", list, file)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	if err != nil && !bytes.Contains(out, []byte("REVOKED")) {
		s.t.Fatalf("ssh-keygen -Q: %v: %s", err, out)
	}
	return err != nil
}

func newShop(t *testing.T) shop {
	s := shop{t, t.TempDir()}
	for _, name := range []string{"ca", "other-ca", "plain", "lost"} {
		s.key(name)
	}
	for serial := uint64(1); serial <= 12; serial++ {
		s.certificate(fmt.Sprintf("c%d", serial), "ca", fmt.Sprintf("id %d", serial), serial)
	}
	s.certificate("zero", "ca", "nobody", 0)
	s.certificate("far", "ca", "far", 1<<64-1)
	s.certificate("middle", "ca", "middle", 70_000)
	s.certificate("c7-other", "other-ca", "id 7", 7)
	return s
}

var everything = []string{"ca.pub", "other-ca.pub", "plain.pub", "lost.pub", "lost-cert.pub", "c1.pub", "c1-cert.pub", "c2-cert.pub", "c3-cert.pub", "c4-cert.pub",
	"c5-cert.pub", "c6-cert.pub", "c7-cert.pub", "c8-cert.pub", "c9-cert.pub", "c10-cert.pub", "c11-cert.pub", "c12-cert.pub",
	"zero-cert.pub", "far-cert.pub", "middle-cert.pub", "c7-other-cert.pub"}

// Each list that ssh-keygen writes revokes here what it revokes there, and nothing else.
func TestListsAreReadAsOpenSSHReadsThem(t *testing.T) {
	s := newShop(t)
	s.keygen("-q", "-s", "ca", "-I", "lost", "-z", "99", "-n", "alice", "lost.pub")
	bitmap := new(strings.Builder)
	for serial := 1; serial < 3000; serial += 2 {
		fmt.Fprintf(bitmap, "serial: %d\n", serial)
	}
	for name, spec := range map[string]struct {
		text, ca string
		some     bool // it revokes something of everything
	}{
		"nothing":                   {"", "", false},
		"a key":                     {"key: " + string(s.read("lost.pub")), "", true},
		"a key's SHA-1":             {"sha1: " + string(s.read("lost.pub")), "", true},
		"a key's SHA-256":           {"sha256: " + string(s.read("lost.pub")), "", true},
		"hash":                      {"hash: " + ssh.FingerprintSHA256(s.public("plain.pub")), "", true},
		"an authority":              {"key: " + string(s.read("ca.pub")), "", true},
		"serials":                   {"serial: 1\nserial: 5\nserial: 70000", "ca.pub", true},
		"a span":                    {"serial: 3-6\nserial: 100-80000", "ca.pub", true},
		"the last":                  {"serial: 18446744073709551615", "ca.pub", true},
		"a bitmap":                  {bitmap.String(), "ca.pub", true},
		"names":                     {"id: id 2\nid: nobody", "ca.pub", true},
		"of any authority":          {"serial: 7\nid: id 9", "none", true},
		"of another authority":      {"serial: 7", "other-ca.pub", true},
		"one certificate, as it is": {"serial: 12\nid: far", "ca.pub", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop{t, s.dir}
			list := strings.ReplaceAll(name, " ", "-") + ".krl"
			if err := os.WriteFile(filepath.Join(s.dir, "spec"), []byte(spec.text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"-q", "-k", "-f", list}
			if spec.ca != "" {
				args = append(args, "-s", spec.ca)
			}
			s.keygen(append(args, "spec")...)
			l, err := Parse(s.read(list))
			if err != nil {
				t.Fatal(err)
			}
			some := false
			for _, file := range everything {
				want := s.revoked(list, file)
				some = some || want
				if got := l.Revoked(s.public(file)); got != want {
					t.Errorf("%s: revoked is %v, ssh-keygen says %v", file, got, want)
				}
			}
			if some != spec.some {
				t.Errorf("the list revokes something: %v", some)
			}
		})
	}
}

// sshd takes a file of public keys, too; an authority's key in it revokes all that it signed.
func TestAFileOfPublicKeys(t *testing.T) {
	s := newShop(t)
	l, err := Parse([]byte("# left by carol\n\n" + string(s.read("plain.pub")) + string(s.read("other-ca.pub")) + string(s.read("c3-cert.pub"))))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{"plain.pub": true, "lost.pub": false, "c7-other-cert.pub": true, "c7-cert.pub": false, "c3.pub": true, "c3-cert.pub": true} {
		if got := l.Revoked(s.public(file)); got != want {
			t.Errorf("%s: revoked is %v", file, got)
		}
	}
	if _, err := Parse([]byte("# a comment\nssh-ed25519 AAAA nonsense\n")); err == nil || err.Error() != "line 2 is no public key" {
		t.Errorf("a line that is no key: %v", err)
	}
}

// What can't be understood whole is an error, never a list that revokes less.
func TestListsThatCantBeRead(t *testing.T) {
	head := magic + "\x00\x00\x00\x01" + strings.Repeat("\x00", 24) + strings.Repeat("\x00", 8)
	str := func(s string) string { return string([]byte{0, 0, byte(len(s) >> 8), byte(len(s))}) + s }
	certificates := func(part string) string { return head + "\x01" + str(str("")+str("")+part) }
	if l, err := Parse([]byte(head)); err != nil || len(l.keys) != 0 {
		t.Fatalf("an empty one: %v", err)
	}
	for name, c := range map[string]struct{ text, why string }{
		"cut in its head":         {head[:20], "ends before"},
		"of another format":       {magic + "\x00\x00\x00\x02" + head[12:], "its format is 2"},
		"cut in a section":        {head + "\x02\x00\x00\x00\x09x", "ends before"},
		"an unknown section":      {head + "\x09" + str(""), "not known"},
		"a hash too short":        {head + "\x05" + str(str("abc")), "3 bytes"},
		"half a serial":           {certificates("\x20" + str("1234")), "ends before"},
		"more than a span":        {certificates("\x21" + str(strings.Repeat("x", 17))), "too many"},
		"an unknown part":         {certificates("\x30" + str("")), "not known"},
		"a critical extension":    {head + "\xff" + str(str("new@example.com")+"\x01"+str("")), "must be understood"},
		"a certificates' one":     {certificates("\x39" + str(str("new@example.com")+"\x01"+str(""))), "must be understood"},
		"a signature, half of it": {head + "\x04" + str("key"), "ends before"},
	} {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse([]byte(head + "\xff" + str(str("new@example.com")+"\x00"+str("")) + "\x04" + str("key") + str("signature"))); err != nil {
		t.Errorf("an extension that needn't be understood, and a signature: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	head := magic + "\x00\x00\x00\x01" + strings.Repeat("\x00", 32)
	f.Add([]byte(head + "\x01\x00\x00\x00\x1d\x00\x00\x00\x00\x00\x00\x00\x00\x22\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x04\xff\xff\xff\xff"))
	f.Add([]byte(head + "\x02\x00\x00\x00\x05\x00\x00\x00\x01k"))
	f.Add([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPhu2W1Ba1/Ye7n1JnCSJ2nrkdHnVOhW+hlVQ9HlvgR\n"))
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPhu2W1Ba1/Ye7n1JnCSJ2nrkdHnVOhW+hlVQ9HlvgR"))
	if err != nil {
		f.Fatal(err)
	}
	cert := &ssh.Certificate{Key: key, SignatureKey: key, Serial: 7, KeyId: "k"}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse(text)
		if (l == nil) != (err != nil) {
			t.Fatalf("%v and %v", l, err)
		}
		if l != nil {
			l.Revoked(key)
			l.Revoked(cert)
		}
	})
}
