package chengine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
)

// pack makes a package as npm does, and returns its path and its hash.
func pack(t *testing.T, name, content string) (path, integrity string) {
	t.Helper()
	var buf bytes.Buffer
	packed := gzip.NewWriter(&buf)
	files := tar.NewWriter(packed)
	err := files.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o755})
	if err == nil {
		_, err = files.Write([]byte(content))
	}
	if err = errors.Join(err, files.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(buf.Bytes())
	return path, "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// A package with another hash than the pinned one is not unpacked: it would be run.
func TestUnpackVerifies(t *testing.T) {
	path, sum := pack(t, "package/libchdb.so", "the library")
	to := filepath.Join(t.TempDir(), "libchdb.so")
	if err := unpack(path, to, integrity, 100); err == nil || !strings.Contains(err.Error(), "should be "+integrity) {
		t.Errorf("another package's hash: %v", err)
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was unpacked: %v", err)
	}
	if err := unpack(path, to, sum, 100); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != "the library" {
		t.Errorf("unpacked %q, %v", got, err)
	}
	if path, sum = pack(t, "package/other.so", "x"); unpack(path, to, sum, 100) == nil {
		t.Error("a package without the library is unpacked")
	}
}

func TestLibraryMissing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(envCache, dir)
	if _, err := Library(); !errors.Is(err, testenv.ErrMissing) {
		t.Errorf("an empty cache: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, version, "libchdb.so"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Library(); !errors.Is(err, testenv.ErrMissing) {
		t.Errorf("half a library: %v", err)
	}
}

func TestWithDatabase(t *testing.T) {
	for dsn, want := range map[string]string{
		"http://default:@127.0.0.1:8123/default":               "http://default:@127.0.0.1:8123/d",
		"clickhouse://u:p%2F%40@a:9000,b:9000?dial_timeout=1s": "clickhouse://u:p%2F%40@a:9000,b:9000/d?dial_timeout=1s",
		"clickhouse://a:9440,b:9440/x?secure=true&username=u":  "clickhouse://a:9440,b:9440/d?secure=true&username=u",
	} {
		if got := withDatabase(dsn, "d"); got != want {
			t.Errorf("%s became %s, want %s", dsn, got, want)
		}
	}
}
