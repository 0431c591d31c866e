package chengine

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// SmallDisk mounts a disk of some MiB for Options.Dir, which goes with the test, and returns its folder and what makes it
// larger. An engine alone needs some 25 MiB. Without root the test is skipped.
func SmallDisk(t testing.TB, size int) (dir string, grow func(size int)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("mode=0700,size=%dm", size)); err != nil {
		t.Skipf("no small disk can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, func(size int) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("mode=0700,size=%dm", size)); err != nil {
			t.Fatal(err)
		}
	}
}
