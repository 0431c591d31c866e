package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

var master = bytes.Repeat([]byte{7}, KeySize)

const secret = "s3cret of the target"

func open1(t *testing.T, path string) *Sealed {
	t.Helper()
	s, err := OpenSealed(path, master)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func put(t *testing.T, s *Sealed, name, user, secret string) Entry {
	t.Helper()
	e, err := s.Put(name, &Credential{User: user, Secret: []byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// told is all that a vault tells: its list, and what it fetches.
func told(s *Sealed) (string, error) {
	list, err := s.List()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s %s %s %v %v ", e.Name, e.User, e.Version, e.Created, e.Disabled)
		c, err := s.Fetch(context.Background(), e.Name)
		if errors.Is(err, ErrDisabled) {
			continue
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %s %s\n", c.User, c.Secret, c.Version)
	}
	return b.String(), nil
}

func TestASecretIsFetchedAsItWasPut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "vault.sealed")
	e := put(t, open1(t, path), "orders-app", "app", secret)
	s := open1(t, path)
	for range 2 { // wiping what was fetched leaves the next
		c, err := s.Fetch(context.Background(), "orders-app")
		if err != nil {
			t.Fatal(err)
		}
		if c.User != "app" || string(c.Secret) != secret || c.Version != e.Version {
			t.Errorf("fetched %v %q %s, want app, the secret and %s", c, c.Secret, c.Version, e.Version)
		}
		held := c.Secret
		c.Wipe()
		if strings.Trim(string(held), "\x00") != "" || c.Secret != nil {
			t.Error("wipe left the secret")
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || bytes.Contains(data, []byte(secret)) {
		t.Errorf("the file holds the secret, or: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

func TestNoFormOfACredentialShowsItsSecret(t *testing.T) {
	c := &Credential{User: "app", Secret: []byte(secret), Version: "1"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, c); strings.Contains(got, secret) || strings.Contains(got, "115 51") {
			t.Errorf("%s shows %s", format, got)
		}
	}
}

func TestWhatFetchCanNotGive(t *testing.T) {
	s := open1(t, filepath.Join(t.TempDir(), "vault.sealed"))
	if _, err := s.Fetch(context.Background(), "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty vault: %v", err)
	}
	put(t, s, "orders-app", "app", secret)
	if _, err := s.Fetch(context.Background(), "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another name: %v", err)
	}
	if err := s.SetDisabled("orders-app", true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(context.Background(), "orders-app"); !errors.Is(err, ErrDisabled) {
		t.Errorf("a disabled secret: %v", err)
	}
	if err := s.SetDisabled("orders-app", false); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Fetch(context.Background(), "orders-app"); err != nil || string(c.Secret) != secret {
		t.Errorf("an enabled secret: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Fetch(ended, "orders-app"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	s.Close()
	if _, err := s.Fetch(context.Background(), "orders-app"); !errors.Is(err, errClosed) {
		t.Errorf("a closed vault: %v", err)
	}
}

// `secret add` is in force at once in a running gateway, even before it is told.
func TestFetchSeesWhatAnotherProcessPut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sealed")
	gateway, verb := open1(t, path), open1(t, path)
	first := put(t, verb, "orders-app", "app", "one")
	c, err := gateway.Fetch(context.Background(), "orders-app")
	if err != nil || string(c.Secret) != "one" || c.Version != first.Version {
		t.Fatalf("fetched %v, %v", c, err)
	}
	second := put(t, verb, "orders-app", "app", "two")
	if second.Version == first.Version {
		t.Error("a rotation kept the version")
	}
	if c, err = gateway.Fetch(context.Background(), "orders-app"); err != nil || string(c.Secret) != "two" || c.Version != second.Version {
		t.Fatalf("after the rotation fetched %v, %v", c, err)
	}
	if err := verb.Remove("orders-app"); err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.Fetch(context.Background(), "orders-app"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after the removal: %v", err)
	}
	third := put(t, gateway, "orders-app", "app", "two")
	if third.Version == second.Version || third.Version == first.Version {
		t.Error("a version was used again")
	}
}

func TestConcurrentPutsAreAllKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sealed")
	var wg sync.WaitGroup
	const processes, each = 4, 5
	for p := range processes {
		s := open1(t, path)
		wg.Go(func() {
			for i := range each {
				if _, err := s.Put(fmt.Sprintf("s%d-%d", p, i), &Credential{User: "app", Secret: []byte(secret)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if list, err := open1(t, path).List(); err != nil || len(list) != processes*each {
		t.Errorf("%d secrets were kept, want %d, %v", len(list), processes*each, err)
	}
}

func TestAnotherMasterKeyOpensNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sealed")
	put(t, open1(t, path), "orders-app", "app", secret)
	if _, err := OpenSealed(path, bytes.Repeat([]byte{8}, KeySize)); !errors.Is(err, ErrWrongKey) {
		t.Errorf("got %v", err)
	}
	if _, err := OpenSealed(path, master[:16]); !errors.Is(err, ErrBadKey) {
		t.Errorf("a short key: %v", err)
	}
}

func TestTheCallersMasterKeyStaysTheirs(t *testing.T) {
	key := bytes.Clone(master)
	s, err := OpenSealed(filepath.Join(t.TempDir(), "vault.sealed"), key)
	if err != nil {
		t.Fatal(err)
	}
	clear(key)
	put(t, s, "a", "app", secret)
	held := s.master
	s.Close()
	if !bytes.Equal(held, make([]byte, KeySize)) {
		t.Error("close left the master key")
	}
}

// Each byte of the file flipped in turn is found, or changes nothing that the vault tells (JSON's white space).
func TestEachFlippedByteIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sealed")
	s := open1(t, path)
	put(t, s, "orders-app", "app", secret)
	put(t, s, "orders-old", "old", secret)
	if err := s.SetDisabled("orders-old", true); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := told(s)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		flipped, err := OpenSealed(path, master)
		if err != nil {
			if !errors.Is(err, ErrTampered) && !errors.Is(err, ErrWrongKey) && !errors.Is(err, errNewer) {
				t.Fatalf("byte %d: %v", i, err)
			}
			found++
			continue
		}
		if got, err := told(flipped); err != nil || got != want {
			t.Fatalf("byte %d (%q) flipped tells %q, %v", i, good[i], got, err)
		}
		flipped.Close()
	}
	if found < len(good)/2 {
		t.Errorf("only %d of %d flipped bytes were found", found, len(good))
	}
}

// Even what a stray program writes in place, without changing the size, is read again.
func TestAChangeInPlaceIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sealed")
	s := open1(t, path)
	put(t, s, "a", "app", secret)
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Replace(data, []byte(`"app"`), []byte(`"abc"`), 1)
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Second)); err != nil { // clocks of files are coarse
		t.Fatal(err)
	}
	if _, err := s.Fetch(context.Background(), "a"); !errors.Is(err, ErrTampered) {
		t.Errorf("got %v", err)
	}
}

// Someone who can write the file but has no key can't drop, swap, enable or bring back a secret.
func TestWhatWasNotWrittenByUsIsFound(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.sealed")
	s := open1(t, path)
	put(t, s, "a", "app", "one")
	early, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "b", "app", "two")
	if err := s.SetDisabled("b", true); err != nil {
		t.Fatal(err)
	}
	var old file
	if err := json.Unmarshal(early, &old); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	put(t, open1(t, other), "a", "app", "one")
	for what, change := range map[string]func(*file){
		"dropped":        func(f *file) { delete(f.Secrets, "a") },
		"renamed":        func(f *file) { f.Secrets["c"] = f.Secrets["a"]; delete(f.Secrets, "a") },
		"copied":         func(f *file) { f.Secrets["c"] = f.Secrets["a"] },
		"swapped":        func(f *file) { f.Secrets["a"], f.Secrets["b"] = f.Secrets["b"], f.Secrets["a"] },
		"enabled":        func(f *file) { i := f.Secrets["b"]; i.Disabled = false; f.Secrets["b"] = i },
		"other login":    func(f *file) { i := f.Secrets["a"]; i.User = "postgres"; f.Secrets["a"] = i },
		"other version":  func(f *file) { i := f.Secrets["a"]; i.Version = "9"; f.Secrets["a"] = i },
		"other date":     func(f *file) { i := f.Secrets["a"]; i.Created = i.Created.AddDate(1, 0, 0); f.Secrets["a"] = i },
		"other serial":   func(f *file) { f.Serial++ },
		"other id":       func(f *file) { f.ID[0]++ },
		"old sum":        func(f *file) { f.Sum = old.Sum },
		"old list":       func(f *file) { f.Secrets = old.Secrets },
		"no sum":         func(f *file) { f.Sum = nil },
		"no key":         func(f *file) { f.Key = nil },
		"another's key":  func(f *file) { f.Key = read(t, other).Key },
		"another's item": func(f *file) { f.Secrets["a"] = read(t, other).Secrets["a"] },
		"an older form":  func(f *file) { f.Version = 0 },
	} {
		t.Run(what, func(t *testing.T) {
			f := read(t, path)
			change(&f)
			data, err := encode(f)
			if err != nil {
				t.Fatal(err)
			}
			forged := filepath.Join(t.TempDir(), "vault.sealed")
			if err := os.WriteFile(forged, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenSealed(forged, master); !errors.Is(err, ErrTampered) && !errors.Is(err, ErrWrongKey) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func read(t *testing.T, path string) file {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestADamagedFileIsNotOverwrittenAndFailsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sealed")
	s := open1(t, path)
	put(t, s, "a", "app", secret)
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(context.Background(), "a"); !errors.Is(err, ErrTampered) {
		t.Errorf("fetch: %v", err)
	}
	if err := s.Reload(); !errors.Is(err, ErrTampered) {
		t.Errorf("reload: %v", err)
	}
	if _, err := s.Put("b", &Credential{User: "app", Secret: []byte(secret)}); !errors.Is(err, ErrTampered) {
		t.Errorf("put: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "{" {
		t.Errorf("the file is now %q, %v", data, err)
	}
	if err := os.WriteFile(path, []byte(`{"version": 2, "what": "ever"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); !errors.Is(err, errNewer) {
		t.Errorf("a newer file: %v", err)
	}
}

func TestWhatPutAndTheOthersRefuse(t *testing.T) {
	s := open1(t, filepath.Join(t.TempDir(), "vault.sealed"))
	for _, name := range []string{"", "a b", "a/b", "../a", "-a", strings.Repeat("a", 64), "a\n"} {
		if _, err := s.Put(name, &Credential{User: "app", Secret: []byte(secret)}); !errors.Is(err, ErrName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, c := range []Credential{
		{User: "", Secret: []byte(secret)}, {User: "a\nb", Secret: []byte(secret)}, {User: strings.Repeat("a", maxLogin+1), Secret: []byte(secret)},
		{User: "app"}, {User: "app", Secret: []byte("a\x00b")}, {User: "app", Secret: make([]byte, maxSecret+1)},
	} {
		_, err := s.Put("a", &c)
		if !errors.Is(err, ErrSecret) {
			t.Errorf("user of %d bytes, secret of %d: %v", len(c.User), len(c.Secret), err)
		}
	}
	if err := s.Remove("a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("remove: %v", err)
	}
	if err := s.SetDisabled("a", true); !errors.Is(err, ErrNotFound) {
		t.Errorf("disable: %v", err)
	}
	if list, err := s.List(); err != nil || list != nil {
		t.Errorf("the list is %v, %v", list, err)
	}
}

// What a list tells must never be able to hold a secret.
func TestAnEntryHasNoRoomForASecret(t *testing.T) {
	want := []string{"Name", "User", "Version", "Created", "Disabled"}
	var got []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Entry]()) {
		got = append(got, f.Name)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("an entry has %v, want %v", got, want)
	}
}

// testdata/v1.sealed was written by the first version, under master: whatever comes later must open it.
func golden(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/v1.sealed")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAFileOfTheFirstVersionOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.sealed")
	if err := os.WriteFile(path, golden(t), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := told(open1(t, path))
	if err != nil || !strings.Contains(got, "app "+secret) || !strings.Contains(got, "orders-old old") {
		t.Errorf("it tells %q, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	good := golden(f)
	want, err := decode(good)
	if err != nil {
		f.Fatal(err)
	}
	s := &Sealed{master: master}
	f.Add(good)
	f.Add([]byte(`{"version":1,"id":"AAAAAAAAAAAAAAAAAAAAAA==","key":"","secrets":null,"sum":""}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decode(data)
		if err != nil {
			return
		}
		if len(got.ID) != idSize || got.Secrets == nil {
			t.Fatal("a file without id or list")
		}
		if err := s.prove(&got); err == nil && !reflect.DeepEqual(got.sumParts(), want.sumParts()) {
			t.Fatalf("a forged file is proved: %s", data)
		}
	})
}
