package local

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// maxWords is how many words narrow; more than these are left to the reader.
const maxWords = 64

// saying finds the blocks by which one of their sessions may have said all words, up to and with the block: an execution
// stands behind the text of its statement.
type saying struct {
	s     *Store
	ctx   context.Context
	dir   db
	words [][]byte
	all   uint64            // a bit for each word
	masks map[uint64]uint64 // by block: the words that may have been said in it
}

// said leaves of the blocks found those in which all of n's words may have been said or in which a session goes on that may
// have said the others before: of these, that session's part.
func (s *Store) said(ctx context.Context, dir db, n record.Narrow, found []pick) ([]pick, error) {
	words := n.Words[:min(len(n.Words), maxWords)]
	f := &saying{s: s, ctx: ctx, dir: dir, words: words, all: ^uint64(0) >> (maxWords - len(words)), masks: make(map[uint64]uint64)}
	begin, end := found[0].pos, found[len(found)-1].pos
	if begin > end {
		begin, end = end, begin
	}
	if err := f.ask(begin, end, n); err != nil {
		return nil, err
	}
	before, err := f.goesOn(begin, end)
	if err != nil {
		return nil, err
	}
	var kept []pick
	for _, p := range found {
		if f.masks[p.pos] == f.all {
			kept = append(kept, p)
			continue
		}
		if whose := both(p.whose, before[p.pos]); len(whose) > 0 {
			kept = append(kept, pick{p.file, whose})
		}
	}
	return kept, nil
}

// both are the sessions in which what is asked for can be: those asked for that have said all.
func both(asked, have map[record.ID]struct{}) map[record.ID]struct{} {
	if asked == nil {
		return have
	}
	whose := make(map[record.ID]struct{})
	for id := range have {
		if _, ok := asked[id]; ok {
			whose[id] = struct{}{}
		}
	}
	return whose
}

// ask asks the filters of the blocks from begin to end, and of those before in which sessions are that go on there.
func (f *saying) ask(begin, end uint64, n record.Narrow) error {
	query := `SELECT ` + listingColumns + ` FROM blocks WHERE pos BETWEEN ?1 AND ?2`
	if n.Since != 0 || len(n.Sessions) > 0 || n.User != "" { // else the first block is the first there is, or nearly
		query += ` UNION SELECT ` + listingColumns + ` FROM blocks WHERE pos < ?1 AND pos IN (SELECT block FROM spans
			WHERE session IN (SELECT session FROM spans WHERE block BETWEEN ?1 AND ?2 AND first > 0))`
	} else {
		query += ` OR pos < ?1`
	}
	blocks, err := rows(f.ctx, f.dir, scanListing, query, int64(begin), int64(end))
	if err != nil {
		return err
	}
	for _, b := range blocks {
		mask, err := f.s.mask(b, f.words)
		if err != nil {
			return err
		}
		if mask != 0 {
			f.masks[b.pos] = mask
		}
	}
	return nil
}

// mask asks a block's filter. A block whose filter can't be read may hold everything: whoever reads it says what is wrong.
func (s *Store) mask(b listing, words [][]byte) (mask uint64, err error) {
	all := ^uint64(0) >> (maxWords - len(words))
	f, err := os.Open(s.path(b.file))
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	p := record.Probe{Bytes: f, Place: b.words}
	if err := p.May(words, func(i int) { mask |= 1 << i }); err != nil {
		return all, nil
	}
	return mask & all, nil
}

// goesOn finds for the blocks up to end the sessions in them that may have said all words by then, there and in blocks
// before together. It follows only sessions of blocks in which a word may have been said.
func (f *saying) goesOn(begin, end uint64) (map[uint64]map[record.ID]struct{}, error) {
	spans, err := f.spans(end)
	if err != nil {
		return nil, err
	}
	have := make(map[uint64]map[record.ID]struct{})
	soFar := make(map[record.ID]uint64)
	for _, p := range spans {
		mask := soFar[p.session] | f.masks[p.block]
		soFar[p.session] = mask
		if mask != f.all || f.masks[p.block] == f.all || p.block < begin {
			continue
		}
		if have[p.block] == nil {
			have[p.block] = make(map[record.ID]struct{})
		}
		have[p.block][p.session] = struct{}{}
	}
	return have, nil
}

// spoken is a session in a block.
type spoken struct {
	block   uint64
	session record.ID
}

func scanSpoken(from row) (p spoken, err error) {
	var block int64
	var session []byte
	err = from.Scan(&block, &session)
	p.block = uint64(block)
	copy(p.session[:], session)
	return p, err
}

// maxAsked is how many blocks are named in one query.
const maxAsked = 1 << 10

// spans are the blocks up to end, in order, of sessions that may have said a word; or of all where most have.
func (f *saying) spans(end uint64) ([]spoken, error) {
	if len(f.masks) == 0 {
		return nil, nil
	}
	w := &where{}
	w.add("block <= ?", int64(end))
	if len(f.masks) <= maxAsked {
		marks := strings.TrimPrefix(strings.Repeat(", ?", len(f.masks)), ", ")
		var asked []any
		for pos := range f.masks {
			asked = append(asked, int64(pos))
		}
		w.add("session IN (SELECT session FROM spans WHERE block IN ("+marks+"))", asked...)
	}
	return rows(f.ctx, f.dir, scanSpoken, `SELECT block, session FROM spans`+w.clause()+` ORDER BY block`, w.args...)
}

// prefixRange is the range of ids that begin with these hex digits; not ok: none do, or all.
func prefixRange(prefix string) (low, high record.ID, ok bool) {
	const digits = 2 * len(record.ID{})
	if prefix == "" {
		return low, high, false
	}
	prefix = prefix[:min(len(prefix), digits)]
	_, err1 := hex.Decode(low[:], []byte(prefix+strings.Repeat("0", digits-len(prefix))))
	_, err2 := hex.Decode(high[:], []byte(prefix+strings.Repeat("f", digits-len(prefix))))
	return low, high, err1 == nil && err2 == nil
}
