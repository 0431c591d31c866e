package chengine

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// The engine: ClickHouse 26.5 as a library (Apache-2.0), in an npm package of one file that matters. It needs glibc
// alone. Whoever changes the version changes the other two with it: `npm view ...@version dist.integrity`.
const (
	packageName = "@chdb/lib-linux-x64-gnu"
	version     = "26.5.3"
	integrity   = "sha512-fPrLmRt5Moor9yGz4mazbrNje4t7X9KB2mTGkXFWRxRBs2iKy8yh6jx11xsa0Qr3iDFMU/yHqd+bVdYJXu3QaQ=="
	librarySize = 559044752 // bytes
)

// envCache names the folder that the library is kept in; without it, one in the user's cache.
const envCache = "GATEFOLD_CHENGINE_CACHE"

func cacheDir() (string, error) {
	if dir := os.Getenv(envCache); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for the engine (%s names one): %w", envCache, err)
	}
	return filepath.Join(dir, "gatefold", "chengine"), nil
}

// Library returns the path of the fetched library. An error is testenv.ErrMissing. What it holds was proved when it was
// fetched; here only its size is looked at.
func Library() (string, error) {
	if platform := runtime.GOOS + "/" + runtime.GOARCH; platform != "linux/amd64" {
		return "", fmt.Errorf("the engine's library: %w (it is for linux/amd64, and this is %s: set %s)", testenv.ErrMissing, platform, envDSN)
	}
	dir, err := cacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", testenv.ErrMissing, err)
	}
	path := filepath.Join(dir, version, "libchdb.so")
	st, err := os.Stat(path)
	if err != nil || st.Size() != librarySize {
		return "", fmt.Errorf("the engine's library: %w (make test-clickhouse fetches it)", testenv.ErrMissing)
	}
	return path, nil
}

// Fetch puts the library into the cache by npm, proved by its pinned hash, and returns its path. With it there it does
// nothing. Two that fetch at once wait for one another.
func Fetch(ctx context.Context, say io.Writer) (string, error) {
	if path, err := Library(); err == nil {
		return path, nil
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, version)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("fetch the engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	lock, err := testenv.LockFolder(ctx, filepath.Join(dir, "lock"), false)
	if err != nil {
		return "", fmt.Errorf("fetch the engine: %w", err)
	}
	defer lock.Release()
	if path, err := Library(); err == nil {
		return path, nil
	}
	fmt.Fprintf(say, "fetching %s@%s, 166 MB\n", packageName, version)
	if err := fetch(ctx, dir); err != nil {
		return "", fmt.Errorf("fetch the engine: %w", err)
	}
	return Library()
}

func fetch(ctx context.Context, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("%w: npm, which has it (apt-get install npm)", testenv.ErrMissing)
	}
	tmp, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--pack-destination", tmp, packageName+"@"+version)
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack: %w\n%s", err, out)
	}
	packed, err := filepath.Glob(filepath.Join(tmp, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return errors.New("npm pack left no package")
	}
	unpacked := filepath.Join(tmp, "libchdb.so")
	if err := unpack(packed[0], unpacked, integrity, librarySize); err != nil {
		return err
	}
	return os.Rename(unpacked, filepath.Join(dir, "libchdb.so"))
}

// unpack writes the library of a package to a file, and fails if the package's hash is not that one or the library is
// larger than it should be.
func unpack(from, to, integrity string, size int64) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if err := verify(f, sum, integrity); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(from), err)
	}
	packed, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	for files := tar.NewReader(packed); ; {
		head, err := files.Next()
		if err != nil {
			return fmt.Errorf("unpack libchdb.so: %w", err)
		}
		if head.Name == "package/libchdb.so" {
			return write(to, io.LimitReader(files, size+1))
		}
	}
}

// verify reads f through and back to its beginning.
func verify(f io.ReadSeeker, sum hash.Hash, integrity string) error {
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil))
	if got != integrity {
		return fmt.Errorf("its hash is %s and should be %s", got, integrity)
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

func write(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
