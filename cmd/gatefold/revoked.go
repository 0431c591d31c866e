package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/krl"
)

// maxRevoked bounds a file of what is revoked.
const maxRevoked = 16 << 20 // 16 MiB

// revocation is a listener's revoked_keys. The file is looked at for each key that a client offers and read again when it has
// changed, as sshd does: what is revoked is so at once. Where it can't be read, every key is.
type revocation struct {
	file string
	log  *slog.Logger

	mu   sync.Mutex // guards the rest
	when time.Time  // the file's, of what was read
	size int64
	list *krl.List
	said string // why it could not be read, as the log has it
}

// revocations tells what a file revokes; nil where there is none.
func revocations(file string, log *slog.Logger) func(key []byte) bool {
	if file == "" {
		return nil
	}
	r := &revocation{file: file, log: log}
	return r.revoked
}

func (r *revocation) revoked(wire []byte) bool {
	list, err := r.now()
	if err != nil {
		return true
	}
	key, err := ssh.ParsePublicKey(wire)
	return err != nil || list.Revoked(key)
}

// now is what the file revokes at this moment.
func (r *revocation) now() (*krl.List, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.file)
	if err == nil && r.list != nil && info.ModTime().Equal(r.when) && info.Size() == r.size {
		return r.list, nil
	}
	r.list = nil
	if err == nil {
		r.list, err = readRevoked(r.file)
	}
	if err != nil {
		if r.said != err.Error() {
			r.log.Error("no SSH key and no certificate lets anybody in: what is revoked can't be read", "err", err)
		}
		r.said = err.Error()
		return nil, err
	}
	r.when, r.size, r.said = info.ModTime(), info.Size(), ""
	return r.list, nil
}

func readRevoked(file string) (*krl.List, error) {
	text, err := readBounded(file, maxRevoked)
	if err != nil {
		return nil, err
	}
	list, err := krl.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

// readBounded reads a file of up to most bytes.
func readBounded(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", file, most)
	}
	return text, err
}
