package chengine

import (
	"context"
	"crypto/sha512"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// build builds the command that serves the library, once a process: go's own cache knows whether there is anything to
// do. Without cgo it needs no compiler.
var build = sync.OnceValues(buildOnce)

func buildOnce() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if err != nil || root == "." {
		return "", fmt.Errorf("build chengine: no module here: %w", err)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum := sha512.Sum512([]byte(root)) // each copy of the sources has a binary of its own
	dir := filepath.Join(cache, "bin", fmt.Sprintf("%x", sum[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("build chengine: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	lock, err := testenv.LockFolder(ctx, filepath.Join(dir, "lock"), false)
	if err != nil {
		return "", fmt.Errorf("build chengine: %w", err)
	}
	defer lock.Release()
	path := filepath.Join(dir, "chengine")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, "./internal/chengine/cmd/chengine")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build chengine: %w\n%s", err, out)
	}
	return path, nil
}
