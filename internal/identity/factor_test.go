package identity

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// clearBox is a box that hides nothing and holds to its parts.
type clearBox struct{}

func (clearBox) Seal(plain []byte, parts ...string) []byte {
	return append([]byte(strings.Join(parts, "|")+"|"), plain...)
}

func (clearBox) Open(sealed []byte, parts ...string) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte(strings.Join(parts, "|")+"|"))
	if !ok {
		return nil, errors.New("it does not open")
	}
	return bytes.Clone(plain), nil
}

func openFactors(t *testing.T, dir string) *Factors {
	t.Helper()
	f, err := OpenFactors(dir, clearBox{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// enrolled has alice with a second factor, and how her app makes codes.
func enrolled(t *testing.T, dir string) (*Users, *Factors, func(time.Time) string) {
	t.Helper()
	u, f := open(t, dir), openFactors(t, dir)
	add(t, u, "alice")
	e, err := f.Enrol(u, "alice", "gatefold gw1")
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(e.URL)
	if err != nil || link.Scheme != "otpauth" || link.Host != "totp" || link.Path != "/gatefold gw1:alice" ||
		link.Query().Get("secret") != e.Secret || link.Query().Get("issuer") != "gatefold gw1" {
		t.Fatalf("the app is told %q: %v", e.URL, err)
	}
	return u, f, func(at time.Time) string {
		code, err := totp.GenerateCode(e.Secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
}

func check(t *testing.T, f *Factors, s *Snapshot, name, code string, at time.Time) bool {
	t.Helper()
	good, err := f.Check(s, name, code, at)
	if err != nil {
		t.Fatal(err)
	}
	return good
}

var noon = time.Date(2026, 1, 2, 12, 0, 10, 0, time.UTC)

func TestACodeIsGoodOnce(t *testing.T) {
	dir := t.TempDir()
	u, f, code := enrolled(t, dir)
	s := u.Snapshot()
	if !s.Factor("alice") || s.Factor("bob") {
		t.Error("who has a second factor is not as it is")
	}
	if !check(t, f, s, "alice", code(noon), noon) {
		t.Fatal("the code of now is not taken")
	}
	if check(t, f, s, "alice", code(noon), noon.Add(time.Second)) {
		t.Error("a code was taken twice")
	}
	if check(t, openFactors(t, dir), s, "alice", code(noon), noon.Add(time.Second)) {
		t.Error("a code was taken again after a restart")
	}
	if check(t, f, s, "alice", code(noon.Add(-30*time.Second)), noon.Add(time.Second)) {
		t.Error("a code older than one that was used was taken")
	}
	if next := noon.Add(30 * time.Second); !check(t, f, s, "alice", code(next), next) {
		t.Error("the next code is not taken")
	}
}

func TestACodeIsOfAboutNow(t *testing.T) {
	for off, want := range map[time.Duration]bool{-90 * time.Second: false, -30 * time.Second: true, 30 * time.Second: true, 90 * time.Second: false} {
		u, f, code := enrolled(t, t.TempDir())
		if got := check(t, f, u.Snapshot(), "alice", code(noon.Add(off)), noon); got != want {
			t.Errorf("a code of %s away: %v", off, got)
		}
	}
}

func TestCodesOfOthersAreNone(t *testing.T) {
	u, f, code := enrolled(t, t.TempDir())
	add(t, u, "bob")
	for _, name := range []string{"bob", "nobody", ""} {
		if check(t, f, u.Snapshot(), name, code(noon), noon) {
			t.Errorf("alice's code is good for %q", name)
		}
	}
	for _, wrong := range []string{"", "000000", code(noon) + "0", " " + code(noon)} {
		if wrong != code(noon) && check(t, f, u.Snapshot(), "alice", wrong, noon) {
			t.Errorf("%q was taken", wrong)
		}
	}
	if err := u.Disable("alice"); err != nil {
		t.Fatal(err)
	}
	if check(t, f, u.Snapshot(), "alice", code(noon), noon) {
		t.Error("a disabled user's code was taken")
	}
}

// RFC 4226, section 7.3: who guesses is stopped, and comes no further with a right guess.
func TestGuessedCodesAreStopped(t *testing.T) {
	u, f, code := enrolled(t, t.TempDir())
	s := u.Snapshot()
	for range wrongCodes {
		check(t, f, s, "alice", "wrong", noon)
	}
	if good, err := f.Check(s, "alice", code(noon), noon); good || err == nil || !strings.Contains(err.Error(), "wrong codes of alice") {
		t.Errorf("after %d guesses: %v, %v", wrongCodes, good, err)
	}
	later := noon.Add(wrongCodesFor + time.Second)
	if !check(t, f, s, "alice", code(later), later) {
		t.Error("alice is shut out for good")
	}
}

// A code that can't be noted as used is not good: it would be good again.
func TestACodeThatCantBeNotedIsNotGood(t *testing.T) {
	dir := t.TempDir()
	u, f, code := enrolled(t, dir)
	if err := os.Mkdir(filepath.Join(dir, usedFile+".tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	if good, err := f.Check(u.Snapshot(), "alice", code(noon), noon); good || err == nil {
		t.Errorf("it was taken: %v, %v", good, err)
	}
	os.Remove(filepath.Join(dir, usedFile+".tmp")) // unless the write has tidied up
	if !check(t, f, u.Snapshot(), "alice", code(noon), noon) {
		t.Error("it is lost")
	}
}

func TestASecondFactorCanBeReplacedAndRemoved(t *testing.T) {
	u, f, old := enrolled(t, t.TempDir())
	e, err := f.Enrol(u, "alice", "gw")
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := totp.GenerateCode(e.Secret, noon)
	if check(t, f, u.Snapshot(), "alice", old(noon), noon) || !check(t, f, u.Snapshot(), "alice", fresh, noon) {
		t.Error("the new one is not in the place of the old")
	}
	if err := u.RemoveFactor("alice"); err != nil || u.Snapshot().Factor("alice") {
		t.Errorf("removed: %v", err)
	}
	if err := u.RemoveFactor("alice"); !errors.Is(err, ErrNoFactor) {
		t.Errorf("removed again: %v", err)
	}
	if _, err := f.Enrol(u, "nobody", "gw"); !errors.Is(err, ErrUnknown) {
		t.Errorf("enrolled nobody: %v", err)
	}
}

// A sealed secret that was moved to another user in the file opens for neither.
func TestASecretIsBoundToItsUser(t *testing.T) {
	dir := t.TempDir()
	u, f, code := enrolled(t, dir)
	add(t, u, "bob")
	path := filepath.Join(dir, usersFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	swapped := strings.NewReplacer(`"name": "alice"`, `"name": "bob"`, `"name": "bob"`, `"name": "alice"`).Replace(string(data))
	if err := os.WriteFile(path, []byte(swapped), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := u.Reload(); err != nil || !u.Snapshot().Factor("bob") {
		t.Fatalf("it is not swapped: %v", err)
	}
	if good, err := f.Check(u.Snapshot(), "bob", code(noon), noon); good || err == nil {
		t.Errorf("bob came in with alice's code: %v, %v", good, err)
	}
}

func TestADamagedListOfUsedCodesIsSaid(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "{", `{"version": 2, "used": {}}`} {
		if err := os.WriteFile(filepath.Join(dir, usedFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFactors(dir, clearBox{}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
