package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	historyName = "checkpoints"
	newestName  = "checkpoint"
	publicName  = "key"
)

// maxHistory is how much of signed checkpoints is read at once: some millions.
const maxHistory = 1 << 30 // 1 GiB

// keep writes a signed checkpoint beside the log: behind the others, and as the newest.
func (l *Log) keep(signed []byte) error {
	if err := appendNote(filepath.Join(l.dir, historyName), signed, true); err != nil {
		return err
	}
	return replace(filepath.Join(l.dir, newestName), signed)
}

// keepKey writes the public key beside the log.
func (l *Log) keepKey(k *Key) error {
	path := filepath.Join(l.dir, publicName)
	if old, err := os.ReadFile(path); err == nil && string(old) == k.Public+"\n" {
		return nil
	}
	return replace(path, []byte(k.Public+"\n"))
}

// mend cuts half a checkpoint off the history, which a crash left, so that it can't take the next one with it.
func (l *Log) mend() error {
	path := filepath.Join(l.dir, historyName)
	info, err := os.Stat(path)
	if missing(err) {
		return nil
	}
	if err == nil {
		if end := wholeNotes(path); end < info.Size() {
			err = os.Truncate(path, end)
		}
	}
	return err
}

// appendNote appends a signed note to a file and an empty line behind it; all or nothing, where that can be had.
func appendNote(path string, signed []byte, sync bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("append checkpoint: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		if _, err = f.Write(append(append([]byte(nil), signed...), '\n')); err != nil && info.Mode().IsRegular() {
			err = errors.Join(err, f.Truncate(info.Size()))
		}
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("append checkpoint: %w", err)
	}
	return nil
}

// wholeNotes is where the last whole note of a file ends.
func wholeNotes(path string) (end int64) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	notes, offsets := SplitNotes(b)
	for i := range notes {
		if next := offsets[i] + len(notes[i]); next < len(b) && b[next] == '\n' {
			end = int64(next) + 1
		}
	}
	return end
}

// replace writes a file whole or not at all.
func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Signed is a signed checkpoint as it lies somewhere.
type Signed struct {
	Checkpoint
	Place string // a file, and the byte in it
	Err   error  // it can't be read, or isn't signed by the key
}

// ReadCheckpoints reads a file of signed checkpoints, one or many. name is what it is called in their Place.
func ReadCheckpoints(path, name string, by note.Verifier) ([]Signed, error) {
	b, err := readBounded(path, maxHistory)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	notes, offsets := SplitNotes(b)
	all := make([]Signed, len(notes))
	for i := range notes {
		all[i].Place = fmt.Sprintf("%s byte %d", name, offsets[i])
		all[i].Checkpoint, all[i].Err = OpenCheckpoint(notes[i], by)
	}
	return all, nil
}

// History reads the checkpoints that lie beside the log: all, and the newest again from its own file.
func (r *Reader) History(by note.Verifier) ([]Signed, error) {
	var all []Signed
	for _, name := range []string{historyName, newestName} { // in this order, as they are written
		found, err := ReadCheckpoints(filepath.Join(r.dir, name), filepath.Join(filepath.Base(r.dir), name), by)
		if err != nil && !missing(err) {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// Key reads the public key that lies beside the log; fs.ErrNotExist: there is none.
func (r *Reader) Key() (note.Verifier, error) {
	b, err := readBounded(filepath.Join(r.dir, publicName), maxKey)
	if err != nil {
		return nil, err
	}
	return ParseKey(string(b))
}

// ParseKey reads a public key as people hand it around: one line.
func ParseKey(text string) (note.Verifier, error) {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	v, err := note.NewVerifier(text)
	if err != nil || !strings.HasPrefix(text, fmt.Sprintf("%s+%08x+", v.Name(), v.KeyHash())) { // hex has two forms
		return nil, fmt.Errorf("read public key: %q is none: gatefold key prints it", text)
	}
	return v, nil
}
