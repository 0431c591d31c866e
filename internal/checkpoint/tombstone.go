package checkpoint

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatefold/gatefold/internal/record"
)

// Tombstone is what retention leaves behind of what it took away, signed with the gateway's key, so that a verifier can
// tell an old part that was let go from one that somebody cut off. As text:
//
//	gatefold tombstone 1
//	<origin>
//	<when, RFC 3339 in UTC>
//	<why, one line>
//	follower <name>
//	blocks <first position, 16 hex digits> <position behind the last>
//	session <id> <last Seq removed> <chain value after it, base64>
//
// There are any number of the last three, in this order.
type Tombstone struct {
	Origin string
	At     time.Time
	Reason string
	// Followers had all of it when it was taken away here: what they lack of it now, this doesn't explain.
	Followers []string
	Gone      []Range // journal positions whose blocks are there no more
	Cuts      []Cut
}

// Range is what lies between two journal positions.
type Range struct{ From, To uint64 }

// Cut says that a session's records up to and with Last were removed. Chain is the chain value after Last, so that what
// follows can be seen to follow. Nothing follows where Last was the session's last record.
type Cut struct {
	Session record.ID
	Last    uint64
	Chain   record.Hash
}

const (
	tombstoneTitle = "gatefold tombstone 1"
	maxTombstone   = 64 << 20 // 64 MiB
)

// TombstoneFolder is where in an archive tombstones lie, one to a file ending in ".note".
func TombstoneFolder(archive string) string { return filepath.Join(archive, "tombstones") }

// SignTombstone makes a signed tombstone. Its Origin is the key's.
func (k *Key) SignTombstone(t Tombstone) ([]byte, error) {
	t.Origin = k.Origin()
	return k.signText(t.text())
}

func (t *Tombstone) text() string {
	var b strings.Builder
	reason := strings.Join(strings.Fields(t.Reason), " ")
	fmt.Fprintf(&b, "%s\n%s\n%s\n%s\n", tombstoneTitle, t.Origin, t.At.UTC().Format(time.RFC3339), reason)
	for _, name := range t.Followers {
		fmt.Fprintf(&b, "follower %s\n", name)
	}
	for _, r := range t.Gone {
		fmt.Fprintf(&b, "blocks %016x %016x\n", r.From, r.To)
	}
	for i := range t.Cuts {
		c := &t.Cuts[i]
		fmt.Fprintf(&b, "session %s %d %s\n", c.Session, c.Last, base64.StdEncoding.EncodeToString(c.Chain[:]))
	}
	return b.String()
}

// OpenTombstone reads a signed tombstone.
func OpenTombstone(b []byte, by note.Verifier) (t Tombstone, err error) {
	text, err := openNote(b, maxTombstone, by)
	if err != nil {
		return t, fmt.Errorf("open tombstone: %w", err)
	}
	if t, err = parseTombstone(text); err == nil && t.Origin != by.Name() {
		err = fmt.Errorf("it is of the log %q, not of %q", t.Origin, by.Name())
	}
	if err != nil {
		return Tombstone{}, fmt.Errorf("open tombstone: %w", err)
	}
	return t, nil
}

var errTombstone = errors.New("its text is no tombstone")

func parseTombstone(text string) (t Tombstone, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 4 || lines[0] != tombstoneTitle {
		return t, errTombstone
	}
	t.Origin, t.Reason = lines[1], lines[3]
	if t.At, err = time.Parse(time.RFC3339, lines[2]); err != nil {
		return t, errTombstone
	}
	for _, line := range lines[4:] {
		switch words := strings.Split(line, " "); {
		case len(words) == 2 && words[0] == "follower" && words[1] != "" && len(t.Gone)+len(t.Cuts) == 0:
			t.Followers = append(t.Followers, words[1])
		case len(words) == 3 && words[0] == "blocks" && len(t.Cuts) == 0:
			err = t.addRange(words)
		case len(words) == 4 && words[0] == "session":
			err = t.addCut(words)
		default:
			err = errTombstone
		}
		if err != nil {
			return Tombstone{}, errTombstone
		}
	}
	if t.text() != text {
		return Tombstone{}, errTombstone // one tombstone has one text
	}
	return t, nil
}

func (t *Tombstone) addRange(words []string) error {
	from, err1 := strconv.ParseUint(words[1], 16, 64)
	to, err2 := strconv.ParseUint(words[2], 16, 64)
	t.Gone = append(t.Gone, Range{from, to})
	return errors.Join(err1, err2)
}

func (t *Tombstone) addCut(words []string) error {
	id, err1 := record.ParseID(words[1])
	last, err2 := strconv.ParseUint(words[2], 10, 64)
	chain, err3 := base64.StdEncoding.DecodeString(words[3])
	c := Cut{Session: id, Last: last}
	if copy(c.Chain[:], chain) != len(c.Chain) || len(chain) != len(c.Chain) {
		return errTombstone
	}
	t.Cuts = append(t.Cuts, c)
	return errors.Join(err1, err2, err3)
}

// Tombstones reads the tombstones of an archive: each that can be read and is signed by the key, and what is wrong with
// the others by their place.
func Tombstones(archive string, by note.Verifier) (all []Tombstone, wrong map[string]error, err error) {
	entries, err := os.ReadDir(TombstoneFolder(archive))
	if missing(err) {
		return nil, nil, nil
	}
	wrong = map[string]error{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".note") {
			continue // being written
		}
		place := filepath.Join(filepath.Base(TombstoneFolder(archive)), e.Name())
		b, err := readBounded(filepath.Join(TombstoneFolder(archive), e.Name()), maxTombstone)
		if err != nil {
			wrong[place] = err
			continue
		}
		t, err := OpenTombstone(b, by)
		if err != nil {
			wrong[place] = err
			continue
		}
		all = append(all, t)
	}
	return all, wrong, err
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > limit:
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}
