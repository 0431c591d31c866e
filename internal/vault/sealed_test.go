package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
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
	want := []string{"Name", "User", "Version", "Kind", "Created", "Disabled"}
	var got []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Entry]()) {
		got = append(got, f.Name)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("an entry has %v, want %v", got, want)
	}
}
