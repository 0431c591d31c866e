package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is whom a server runs as: databases refuse to run as root. Zero: as ourselves.
type account struct {
	name     string
	uid, gid int
	other    bool // not ourselves
}

// serverAccount picks the account: ourselves, or, for root, the first of those that is one. No names: ourselves in any case.
func serverAccount(names []string) (account, error) {
	if os.Geteuid() != 0 || len(names) == 0 {
		return account{}, nil
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{name: name, uid: uid, gid: gid, other: true}, nil
		}
	}
	return account{}, fmt.Errorf("find an account to run servers as: of %s none is one here, and root can't", strings.Join(names, ", "))
}

// attr starts a process as the account, in a session of its own: a terminal's Ctrl-C is not for it.
func (a account) attr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.other {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// reaches reports whether the account may pass through dir. It is asked of the kernel, not of mode bits.
func (a account) reaches(dir string) bool {
	cmd := exec.Command("test", "-x", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = a.attr()
	return cmd.Run() == nil
}

// home returns dir/run, the server's own folder (0700, its own). Where the account can't reach dir, say under
// root's home, dir/run is a link to a folder under /var/tmp.
func (a account) home(dir string) (string, error) {
	link := filepath.Join(dir, "run")
	if real, err := filepath.EvalSymlinks(link); err == nil {
		return real, nil
	}
	if !a.reaches(dir) {
		return a.homeElsewhere(link)
	}
	if err := os.Mkdir(link, 0o700); err != nil {
		return "", fmt.Errorf("make the server's folder: %w", err)
	}
	return filepath.Abs(link)
}

func (a account) homeElsewhere(link string) (string, error) {
	real, err := os.MkdirTemp("/var/tmp", "gatefold-")
	if err != nil {
		return "", fmt.Errorf("make the server's folder: %w", err)
	}
	_ = os.Remove(link) // a link whose folder is gone
	if err := os.Symlink(real, link); err != nil {
		return "", fmt.Errorf("make the server's folder: %w", err)
	}
	return real, nil
}
