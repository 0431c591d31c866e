package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

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
