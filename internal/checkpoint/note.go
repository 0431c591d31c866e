package checkpoint

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is what a log was at a moment: C2SP tlog-checkpoint. As text it is three lines, the origin, the size in
// decimal and the root in base64; signed it is a C2SP signed-note.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// maxNote is how long a signed note of ours may be; tombstones have a bound of their own.
const maxNote = 64 << 10 // 64 KiB

func (c *Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign makes a signed checkpoint.
func (k *Key) Sign(size int64, root tlog.Hash) ([]byte, error) {
	c := Checkpoint{k.Origin(), size, root}
	return k.signText(c.text())
}

func (k *Key) signText(text string) ([]byte, error) {
	b, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign a note: %w", err)
	}
	return b, nil
}

// OpenCheckpoint reads a signed checkpoint. by must have signed it; signatures of others, such as witnesses, may stand
// beside. Text behind the three lines is allowed, as the format has it, and says nothing here.
func OpenCheckpoint(b []byte, by note.Verifier) (c Checkpoint, err error) {
	text, err := openNote(b, maxNote, by)
	if err != nil {
		return c, fmt.Errorf("open checkpoint: %w", err)
	}
	if c, err = parseCheckpoint(text); err == nil && c.Origin != by.Name() {
		err = fmt.Errorf("it is of the log %q, not of %q", c.Origin, by.Name())
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	return c, nil
}

// openNote checks a note's signature and that the signature is in its canonical form, so that no byte of it can be
// changed unseen.
func openNote(b []byte, limit int, by note.Verifier) (text string, err error) {
	if len(b) > limit {
		return "", fmt.Errorf("it has %d bytes, more than it may have", len(b))
	}
	n, err := note.Open(b, note.VerifierList(by))
	var invalid *note.InvalidSignatureError
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &invalid):
		return "", fmt.Errorf("its signature is not valid: it was changed after %s signed it", by.Name())
	case errors.As(err, &unverified):
		return "", fmt.Errorf("it is not signed with the key %s+%08x", by.Name(), by.KeyHash())
	case err != nil:
		return "", err
	}
	want := n.Text + "\n"
	for _, line := range strings.SplitAfter(string(b[len(want):]), "\n") {
		if line != "" && !canonical(line) {
			return "", errors.New("a signature is not in its shortest form: it was changed")
		}
	}
	return n.Text, nil
}

// canonical reports whether a signature's line is as a signer writes it; base64 has bits that say nothing.
func canonical(line string) bool {
	_, sig, ok := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "— "), " ")
	raw, err := base64.StdEncoding.Strict().DecodeString(sig)
	return ok && err == nil && base64.StdEncoding.EncodeToString(raw) == sig
}

var errCheckpoint = errors.New("its text is no checkpoint: origin, size and root, a line each")

func parseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return c, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > math.MaxInt64/4 || strconv.FormatInt(size, 10) != lines[1] {
		return c, errCheckpoint
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize || len(lines[2]) != base64.StdEncoding.EncodedLen(len(root)) {
		return c, errCheckpoint
	}
	return Checkpoint{lines[0], size, tlog.Hash(root)}, nil
}

// SplitNotes takes a file of signed notes apart: each ends in its signatures, and an empty line may follow. What does not
// end is the last. offsets are where they begin.
func SplitNotes(b []byte) (notes [][]byte, offsets []int) {
	at := 0
	for at < len(b) {
		end := noteEnd(b[at:])
		notes, offsets = append(notes, b[at:at+end]), append(offsets, at)
		if at += end; at < len(b) && b[at] == '\n' {
			at++
		}
	}
	return notes, offsets
}

// noteEnd is where the first note in b ends: behind the last of the lines of signatures that follow an empty line.
func noteEnd(b []byte) int {
	sep := bytes.Index(b, []byte("\n\n— "))
	if sep < 0 {
		return len(b)
	}
	at := sep + 2
	for bytes.HasPrefix(b[at:], []byte("— ")) {
		line := bytes.IndexByte(b[at:], '\n')
		if line < 0 {
			return len(b)
		}
		at += line + 1
	}
	return at
}
