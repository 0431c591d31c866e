package statefile

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteReplacesWholeAndPrivately(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	if err := os.WriteFile(path+".tmp", []byte("left behind by a killed process"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a longer text", "short"} {
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		data, err := Read(path, 100)
		if err != nil || string(data) != text {
			t.Errorf("read %q, %v, want %q", data, err, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was left behind: %v", err)
	}
}

// What can't be written leaves the file as it was.
func TestAFailedWriteLeavesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Write(path, []byte("good")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path+".tmp", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".tmp/in-the-way", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new")); err == nil {
		t.Error("it was written through a folder")
	}
	if data, err := Read(path, 100); err != nil || string(data) != "good" {
		t.Errorf("read %q, %v", data, err)
	}
}

func TestNoLinkIsFollowedOnWriting(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.tmp", "a.lock"} {
		if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Lock(filepath.Join(dir, "a")); err == nil {
		t.Error("a lock followed a link")
	}
	if err := Write(filepath.Join(dir, "a"), []byte("bad")); err == nil {
		t.Error("a write followed a link")
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "good" {
		t.Errorf("the link's target is %q, %v", data, err)
	}
}

func TestCreateIsOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Create(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created again: %v", err)
	}
	if data, err := Read(path, 3); err != nil || string(data) != "one" {
		t.Errorf("read %q, %v", data, err)
	}
}

func TestReadRefusesWhatOthersMayTouch(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := Write(path, []byte("text")); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o620, 0o604, 0o660, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path, 100); !errors.Is(err, ErrExposed) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := Read(dir, 100); err == nil {
		t.Error("a folder was read")
	}
	if _, err := Read(filepath.Join(dir, "none"), 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, 3); err == nil || !strings.Contains(err.Error(), "4 bytes") {
		t.Errorf("a file over its limit: %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := Folder(dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if err := Folder(dir); !errors.Is(err, ErrExposed) {
		t.Errorf("open to a group: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Folder(file); err == nil {
		t.Error("a file is a folder")
	}
}

// The verbs of root write what a gateway that runs as another user reads.
func TestWhatRootWritesBelongsToTheFoldersOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a")
	unlock, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := Write(path, []byte("text")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + ".lock"} {
		info, err := os.Stat(p)
		if err != nil || owner(info) != nobody {
			t.Errorf("%s belongs to %d, %v", p, owner(info), err)
		}
	}
	if _, err := Read(path, 100); err != nil {
		t.Errorf("root can't read it: %v", err)
	}
}

// A lock keeps another process out, and dies with its holder.
func TestLockIsBetweenProcesses(t *testing.T) {
	flock, err := exec.LookPath("flock")
	if err != nil {
		t.Skip("no flock(1)")
	}
	path := filepath.Join(t.TempDir(), "a")
	unlock, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func() error { return exec.Command(flock, "--nonblock", path+".lock", "true").Run() }
	if try() == nil {
		t.Error("another process has the lock too")
	}
	unlock()
	if err := try(); err != nil {
		t.Errorf("a lock that was given back is held: %v", err)
	}
}
