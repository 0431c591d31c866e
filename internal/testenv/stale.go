package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is what a server says of itself in postmaster.pid (PostgreSQL: src/include/utils/pidfile.h).
type postmaster struct {
	pid    int
	port   int
	socket string // folder
	ready  bool
}

// readPostmaster reads data/postmaster.pid. The process is only believed in when it runs and its working folder
// is that data folder: a pid is soon somebody else's.
func readPostmaster(data string) (postmaster, bool) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return postmaster{}, false
	}
	lines := strings.Split(string(text), "\n")
	for len(lines) < 8 {
		lines = append(lines, "")
	}
	var p postmaster
	p.pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	p.port, _ = strconv.Atoi(strings.TrimSpace(lines[3]))
	p.socket = strings.TrimSpace(lines[4])
	p.ready = strings.TrimSpace(lines[7]) == "ready"
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(p.pid) + "/cwd")
	return p, err == nil && cwd == data && Alive(p.pid)
}

// stopStale ends the server that an earlier run left in data, if there is one, and removes its sockets, also those of
// one that was killed.
func stopStale(data string) error {
	p, ok := readPostmaster(data)
	if ok {
		if err := stopPostmaster(p.pid); err != nil {
			return fmt.Errorf("stop the server that an earlier run left in %s: %w", data, err)
		}
	}
	if strings.HasPrefix(filepath.Base(p.socket), socketPrefix) {
		return os.RemoveAll(p.socket)
	}
	return nil
}

// stopPostmaster shuts a server down: fast, then at once, then with force (PostgreSQL: "Shutting Down the Server").
func stopPostmaster(pid int) error {
	return End(pid, 15*time.Second, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL)
}

// PostgresRuns reports whether a server of Postgres runs in dir, whoever started it.
func PostgresRuns(dir string) bool {
	data, err := filepath.EvalSymlinks(filepath.Join(dir, "run", "data"))
	if err != nil {
		return false
	}
	p, ok := readPostmaster(data)
	return ok && p.ready
}

// StopPostgres ends the server of Postgres in dir, whoever started it. Where none runs there is nothing to do.
func StopPostgres(dir string) error {
	data, err := filepath.EvalSymlinks(filepath.Join(dir, "run", "data"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return stopStale(data)
}
