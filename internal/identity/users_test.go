package identity

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/scram"
)

var password = []byte("correct horse battery")

func open(t *testing.T, dir string) *Users {
	t.Helper()
	u, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func add(t *testing.T, u *Users, name string) {
	t.Helper()
	if _, err := u.Add(name, password); err != nil {
		t.Fatal(err)
	}
}

func TestAUserIsProvedByTheirPasswordOnly(t *testing.T) {
	dir := t.TempDir()
	u := open(t, dir)
	add(t, u, "alice")
	for _, s := range []*Snapshot{u.Snapshot(), open(t, dir).Snapshot()} {
		if !s.Verifier("alice").Check(password) {
			t.Error("the password does not fit")
		}
		if s.Verifier("alice").Check([]byte("another")) {
			t.Error("another password fits")
		}
		if user, ok := s.Lookup("alice"); !ok || user.Name != "alice" || user.Disabled || user.Created.IsZero() {
			t.Errorf("alice is %+v, %v", user, ok)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, usersFile))
	if err != nil || bytes.Contains(data, password) {
		t.Errorf("the file holds the password: %s, %v", data, err)
	}
}

// Wrong user and wrong password look alike: an unknown user's verifier has the shape of a real one, and stays.
func TestAnUnknownUserLooksLikeAKnownOne(t *testing.T) {
	dir := t.TempDir()
	u := open(t, dir)
	add(t, u, "alice")
	real, invented := u.Snapshot().Verifier("alice"), u.Snapshot().Verifier("bob")
	if len(invented.Salt) != len(real.Salt) || invented.Iterations != real.Iterations {
		t.Errorf("an invented verifier has %d bytes of salt and %d iterations, a real one %d and %d",
			len(invented.Salt), invented.Iterations, len(real.Salt), real.Iterations)
	}
	if after := open(t, dir).Snapshot().Verifier("bob"); after.String() != invented.String() {
		t.Errorf("after a restart bob's verifier is %v, before %v", after, invented)
	}
	if other := open(t, t.TempDir()).Snapshot().Verifier("bob"); bytes.Equal(other.Salt, invented.Salt) {
		t.Error("another gateway invents the same salt")
	}
	if carol := u.Snapshot().Verifier("carol"); bytes.Equal(carol.Salt, invented.Salt) {
		t.Error("carol has bob's salt")
	}
	if invented.Check(password) || invented.StoredKey == invented.ServerKey || invented.StoredKey == [32]byte{} {
		t.Error("the invented keys are no keys")
	}
	if u.Snapshot().Verifier("no=name\x00").Check(nil) {
		t.Error("an empty password fits what is no name")
	}
	if got := u.Snapshot().Verifier("bo\uff42"); got.String() != invented.String() {
		t.Error("another spelling of bob has another salt")
	}
}

// Disabling must not be seen from outside: the salt stays, and no password fits.
func TestADisabledUser(t *testing.T) {
	u := open(t, t.TempDir())
	add(t, u, "alice")
	before := u.Snapshot()
	if err := u.Disable("alice"); err != nil {
		t.Fatal(err)
	}
	after := u.Snapshot()
	if after.Verifier("alice").Check(password) {
		t.Error("the password of a disabled user fits")
	}
	if !bytes.Equal(after.Verifier("alice").Salt, before.Verifier("alice").Salt) {
		t.Error("the salt of a disabled user changed")
	}
	if user, ok := after.Lookup("alice"); !ok || !user.Disabled {
		t.Errorf("a disabled user is %+v, %v", user, ok)
	}
	if user, _ := before.Lookup("alice"); user.Disabled || !before.Verifier("alice").Check(password) {
		t.Error("a snapshot changed")
	}
	if err := u.SetPassword("alice", []byte("another password")); err != nil {
		t.Fatal(err)
	}
	if user, _ := u.Snapshot().Lookup("alice"); !user.Disabled {
		t.Error("a new password enables")
	}
	if err := u.Enable("alice"); err != nil {
		t.Fatal(err)
	}
	if !u.Snapshot().Verifier("alice").Check([]byte("another password")) {
		t.Error("the new password does not fit")
	}
}

func TestAVerifierIsTheCallersOwn(t *testing.T) {
	u := open(t, t.TempDir())
	add(t, u, "alice")
	clear(u.Snapshot().Verifier("alice").Salt)
	if !u.Snapshot().Verifier("alice").Check(password) {
		t.Error("a caller changed the salt of all")
	}
}

func TestAProcessSeesTheChangesOfAnother(t *testing.T) {
	dir := t.TempDir()
	gateway, verb := open(t, dir), open(t, dir)
	add(t, verb, "alice")
	if _, ok := gateway.Snapshot().Lookup("alice"); ok {
		t.Error("a snapshot changed by itself")
	}
	if err := gateway.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, ok := gateway.Snapshot().Lookup("alice"); !ok {
		t.Error("the reload did not see alice")
	}
	add(t, gateway, "bob")
	if err := verb.Remove("alice"); err != nil {
		t.Fatal(err)
	}
	if list := verb.List(); len(list) != 1 || list[0].Name != "bob" {
		t.Errorf("the users are %v, want bob", list)
	}
}

func TestConcurrentChangesAreAllKept(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	const processes, each = 4, 5
	for p := range processes {
		wg.Go(func() {
			u, err := Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range each {
				if _, err := u.Add(fmt.Sprintf("user%d-%d", p, i), password); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if list := open(t, dir).List(); len(list) != processes*each {
		t.Errorf("%d users were kept, want %d", len(list), processes*each)
	}
}

func TestWhatAddAndTheOthersRefuse(t *testing.T) {
	u := open(t, t.TempDir())
	add(t, u, "alice")
	for what, c := range map[string]struct{ got, want error }{
		"the same name":        {second(u.Add("alice", password)), ErrExists},
		"another case":         {second(u.Add("ALICE", password)), ErrExists},
		"no name":              {second(u.Add("a=b", password)), ErrName},
		"a short password":     {second(u.Add("bob", []byte("1234567"))), ErrPassword},
		"a short new password": {u.SetPassword("alice", nil), ErrPassword},
		"disable nobody":       {u.Disable("bob"), ErrUnknown},
		"enable nobody":        {u.Enable("bob"), ErrUnknown},
		"remove nobody":        {u.Remove("bob"), ErrUnknown},
		"password of nobody":   {u.SetPassword("bob", password), ErrUnknown},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", what, c.got, c.want)
		}
	}
}

func second(_ User, err error) error { return err }

func TestAFileThatIsNotOurs(t *testing.T) {
	good := func(t *testing.T) (string, string) {
		t.Helper()
		dir := t.TempDir()
		add(t, open(t, dir), "alice")
		data, err := os.ReadFile(filepath.Join(dir, usersFile))
		if err != nil {
			t.Fatal(err)
		}
		return dir, string(data)
	}
	for what, c := range map[string]struct{ old, new, want string }{
		"newer":          {`"version": 1`, `"version": 4`, "newer gatefold"},
		"no version":     {`"version": 1`, `"version": 0`, "damaged"},
		"unknown key":    {`"disabled"`, `"disbled"`, "damaged"},
		"wrong verifier": {`SCRAM-SHA-256$`, `MD5$`, "wrong verifier"},
		"wrong name":     {`"alice"`, `"a=b"`, "wrong name"},
		"cut":            {"}\n", "", "damaged"},
		"trailing":       {"]\n}\n", "]\n}\n{}", "damaged"},
	} {
		t.Run(what, func(t *testing.T) {
			dir, data := good(t)
			changed := strings.Replace(data, c.old, c.new, 1)
			if changed == data {
				t.Fatal("nothing was changed")
			}
			u := open(t, dir)
			if err := os.WriteFile(filepath.Join(dir, usersFile), []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("open: %v, want %q", err, c.want)
			}
			if err := u.Reload(); err == nil {
				t.Error("reload took it")
			}
			if _, ok := u.Snapshot().Lookup("alice"); !ok {
				t.Error("a bad file took the good users out of force")
			}
			if _, err := u.Add("bob", password); err == nil {
				t.Error("a bad file was overwritten")
			}
		})
	}
}

func TestADamagedIdentityKey(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if err := os.WriteFile(filepath.Join(dir, identityKeyFile), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecodeUsers(f *testing.F) {
	v := scram.Verifier{Salt: make([]byte, 16), Iterations: scram.Iterations}
	data, err := encodeUsers([]entry{{User{Name: "alice", Disabled: true, Created: time.Unix(1e9, 0).UTC(), Native: true}, proof{v, &nativeHash{1}}, nil}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1,"users":[]}`))
	f.Add([]byte(`{"version":1,"users":[{"name":"a"},{"name":"a"}]}`))
	f.Add([]byte(`{"version":99}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := decodeUsers(data)
		if err != nil {
			return
		}
		again, err := encodeUsers(list)
		if err != nil {
			return // a year that JSON can't write
		}
		if back, err := decodeUsers(again); err != nil || len(back) != len(list) {
			t.Fatalf("%d users were written and read back as %d, %v", len(list), len(back), err)
		}
	})
}
