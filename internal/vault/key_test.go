package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/statefile"
)

func TestParseKey(t *testing.T) {
	for _, text := range []string{
		base64.StdEncoding.EncodeToString(master), base64.RawStdEncoding.EncodeToString(master),
		hex.EncodeToString(master), strings.ToUpper(hex.EncodeToString(master)), " " + hex.EncodeToString(master) + "\r\n",
	} {
		if key, err := ParseKey([]byte(text)); err != nil || !bytes.Equal(key, master) {
			t.Errorf("%q is %x, %v", text, key, err)
		}
	}
	for _, text := range []string{
		"", "hunter2", string(master), hex.EncodeToString(master)[:62], hex.EncodeToString(master[:31]) + "zz",
		base64.StdEncoding.EncodeToString(master[:31]), base64.StdEncoding.EncodeToString(append(bytes.Clone(master), 1)),
	} {
		key, err := ParseKey([]byte(text))
		if !errors.Is(err, ErrBadKey) {
			t.Errorf("%q is %x, %v", text, key, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats what was read: %v", err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(base64.StdEncoding.EncodeToString(master)))
	f.Add([]byte(hex.EncodeToString(master)))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParseKey(text)
		if err == nil && len(key) != KeySize || err != nil && key != nil {
			t.Fatalf("%q is a key of %d bytes, %v", text, len(key), err)
		}
	})
}

func TestAMasterKeyIsMadeOnceAndLoaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "master.key")
	if _, err := LoadKey(path); !errors.Is(err, ErrNoKey) {
		t.Errorf("before it is made: %v", err)
	}
	made, err := NewKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err := LoadKey(path); err != nil || !bytes.Equal(loaded, made) {
		t.Errorf("loaded %x, %v; made %x", loaded, err, made)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if _, err := NewKey(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made again: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); !errors.Is(err, statefile.ErrExposed) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("open to a group: %v", err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err != nil {
		t.Errorf("read-only: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "bad"), []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(filepath.Join(filepath.Dir(path), "bad")); !errors.Is(err, ErrBadKey) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no key in it: %v", err)
	}
}
