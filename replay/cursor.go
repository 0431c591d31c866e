package replay

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// cursor is a place in the order in which a search finds: by time, then session, then Seq. It names a record, not a place
// in a file: it holds while records come in and blocks are rewritten.
type cursor struct {
	at      int64 // unix nanoseconds
	session record.ID
	seq     uint64
}

func (c cursor) compare(d cursor) int {
	return cmp.Or(cmp.Compare(c.at, d.at), bytes.Compare(c.session[:], d.session[:]), cmp.Compare(c.seq, d.seq))
}

// String writes a cursor as Query.After reads it.
func (c cursor) String() string { return fmt.Sprintf("%x-%x-%x", uint64(c.at), c.session[:], c.seq) }

// Cursor is where a search found h: for going on behind it.
func (h *Hit) Cursor() string { return h.found.String() }

// After makes q find only what stands behind a hit, by the hit's cursor: the next page.
func (q *Query) After(text string) error {
	parts := strings.Split(text, "-")
	if len(parts) != 3 || len(parts[0]) > 16 || len(parts[1]) != 2*len(record.ID{}) || len(parts[2]) > 16 {
		return errCursor
	}
	var c cursor
	at, err := strconv.ParseUint(parts[0], 16, 64)
	if err != nil {
		return errCursor
	}
	if _, err := hex.Decode(c.session[:], []byte(parts[1])); err != nil {
		return errCursor
	}
	if c.seq, err = strconv.ParseUint(parts[2], 16, 64); err != nil {
		return errCursor
	}
	c.at = int64(at)
	q.after = &c
	return nil
}

var errCursor = errors.New("read cursor: this is none; give one as search prints it behind a page")
