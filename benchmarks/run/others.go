package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// errAbsent says that a program is not on this machine.
var errAbsent = errors.New("not installed")

func find(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"} {
		if path := filepath.Join(dir, name); syscall.Access(path, 1) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w (apt-get install %s)", name, errAbsent, name)
}

// haproxy passes bytes on, TCP only: one thread.
func (b *bed) haproxy(name string) (way, error) {
	w := b.direct()
	w.name = name
	path, err := find("haproxy")
	if err != nil {
		return w, err
	}
	if w.address, err = freeAddress(); err != nil {
		return w, err
	}
	config := filepath.Join(b.dir, name+".cfg")
	text := fmt.Sprintf(`global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  maxconn 2000
listen in
  bind %s
  server out %s
`, w.address, b.server.address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return w, err
	}
	w.pid, err = b.start(w.address, exec.Command(path, "-db", "-f", config))
	return w, err
}

// pgbouncer pools by session: a server connection for each client's. It does not run as root.
func (b *bed) pgbouncer() (way, error) {
	w := b.direct()
	w.name = "pgbouncer"
	path, err := find("pgbouncer")
	if err != nil {
		return w, err
	}
	if w.address, err = freeAddress(); err != nil {
		return w, err
	}
	_, port, err := net.SplitHostPort(w.address)
	if err != nil {
		return w, err
	}
	toHost, toPort, err := net.SplitHostPort(b.server.address)
	if err != nil {
		return w, err
	}
	dir, err := os.MkdirTemp("", "gatefold-pgbouncer-")
	if err != nil {
		return w, err
	}
	b.close = append(b.close, func() error { return os.RemoveAll(dir) })
	users, config := filepath.Join(dir, "users.txt"), filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
%s = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
auth_type = plain
auth_file = %s
pool_mode = session
max_client_conn = 500
default_pool_size = 150
unix_socket_dir =
ignore_startup_parameters = extra_float_digits
`, database, toHost, toPort, port, users)
	err = errors.Join(os.WriteFile(config, []byte(text), 0o600),
		os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", w.user, w.password), 0o600))
	if err != nil {
		return w, err
	}
	cmd := exec.Command(path, config)
	if os.Geteuid() == 0 {
		if cmd.SysProcAttr, err = unprivileged(dir, users, config); err != nil {
			return w, err
		}
	}
	w.pid, err = b.start(w.address, cmd)
	return w, err
}

// unprivileged gives files to nobody, and says how to run as them.
func unprivileged(files ...string) (*syscall.SysProcAttr, error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := os.Chown(f, uid, gid); err != nil {
			return nil, err
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
