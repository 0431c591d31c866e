package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lives reports whether pid is a server of that data folder: a pid is soon somebody else's, so it is only believed in
// when its working folder is that one, as PostgreSQL's and MariaDB's is, or its command line names a file in it, as
// OpenSSH's does, which goes to the root folder.
func lives(pid int, data string) bool {
	proc := "/proc/" + strconv.Itoa(pid)
	cwd, err := os.Readlink(proc + "/cwd")
	if err != nil || !Alive(pid) {
		return false
	}
	args, err := os.ReadFile(proc + "/cmdline")
	return cwd == data || err == nil && bytes.Contains(args, []byte(data+"/"))
}

// stopStale ends the server that an earlier run left in data, if there is one, and removes its sockets, also those of
// one that was killed.
func stopStale(k kind, data string) error {
	r, ok := k.running(data)
	if ok {
		if err := end(k, r.pid); err != nil {
			return fmt.Errorf("stop the server that an earlier run left in %s: %w", data, err)
		}
	}
	if strings.HasPrefix(filepath.Base(r.socket), socketPrefix) {
		return os.RemoveAll(r.socket)
	}
	return nil
}

// runs reports whether a server of that kind runs in dir, whoever started it.
func runs(k kind, dir string) bool {
	data, err := filepath.EvalSymlinks(filepath.Join(dir, "run", "data"))
	if err != nil {
		return false
	}
	r, ok := k.running(data)
	return ok && r.ready
}

// stop ends the server of that kind in dir, whoever started it. Where none runs there is nothing to do.
func stop(k kind, dir string) error {
	data, err := filepath.EvalSymlinks(filepath.Join(dir, "run", "data"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return stopStale(k, data)
}
