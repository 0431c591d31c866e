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
//
// A filter is of a block. Where a word is in few blocks, they are read to learn who said it: otherwise every session that
// happened to be in one of them would be followed to its end.
type saying struct {
	s     *Store
	ctx   context.Context
	dir   db
	words [][]byte
	all   uint64            // a bit for each word
	masks map[uint64]uint64 // by block: the words that may have been said in it
	files map[uint64]file   // of those blocks
	exact map[spoken]uint64 // of blocks that were read: the words said by a session
	read  map[uint64]bool   // those blocks
}

// said leaves of the blocks found those in which all of n's words may have been said or in which a session goes on that may
// have said the others before: of these, that session's part.
func (s *Store) said(ctx context.Context, dir db, n record.Narrow, found []pick) ([]pick, error) {
	words := n.Words[:min(len(n.Words), maxWords)]
	f := &saying{s: s, ctx: ctx, dir: dir, words: words, all: ^uint64(0) >> (maxWords - len(words)),
		masks: make(map[uint64]uint64), files: make(map[uint64]file), exact: make(map[spoken]uint64), read: make(map[uint64]bool)}
	begin, end := found[0].pos, found[0].pos
	for _, p := range found {
		begin, end = min(begin, p.pos), max(end, p.pos)
	}
	if err := f.ask(begin, end, n); err != nil {
		return nil, err
	}
	spans, err := f.follow(end)
	if err != nil {
		return nil, err
	}
	have := f.goesOn(begin, spans)
	var kept []pick
	for _, p := range found {
		if f.masks[p.pos] == f.all && len(f.read) == 0 {
			kept = append(kept, p)
			continue
		}
		if whose := both(p.whose, have[p.pos]); len(whose) > 0 {
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
			f.masks[b.pos], f.files[b.pos] = mask, b.file
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

// goesOn finds for the blocks from begin on the sessions in them that may have said all words by then, there and in blocks
// before together.
func (f *saying) goesOn(begin uint64, spans []spoken) map[uint64]map[record.ID]struct{} {
	have := make(map[uint64]map[record.ID]struct{})
	soFar := make(map[record.ID]uint64)
	for _, p := range spans {
		mask := f.masks[p.block]
		if f.read[p.block] {
			mask = f.exact[p]
		}
		mask |= soFar[p.session]
		soFar[p.session] = mask
		if mask != f.all || p.block < begin {
			continue
		}
		if have[p.block] == nil {
			have[p.block] = make(map[record.ID]struct{})
		}
		have[p.block][p.session] = struct{}{}
	}
	return have
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

const (
	maxRead  = 12      // blocks that are read to learn who said a word
	maxAsked = 1 << 10 // blocks or sessions that are named in one query
)

// follow gives the blocks up to end, in order, of the sessions that may have said the rarest of the words; of all sessions
// in blocks in which a word may have been said, where the rarest isn't rare.
func (f *saying) follow(end uint64) ([]spoken, error) {
	w := &where{}
	w.add("block <= ?", int64(end))
	word, blocks := f.rarest()
	switch {
	case len(blocks) == 0:
		return nil, nil
	case len(blocks) <= maxRead:
		who, err := f.readAll(word, blocks)
		if err != nil || len(who) == 0 {
			return nil, err
		}
		if len(who) <= maxAsked {
			w.among("session", who)
		}
	case len(blocks) <= maxAsked:
		marks := strings.TrimPrefix(strings.Repeat(", ?", len(blocks)), ", ")
		var asked []any
		for _, pos := range blocks {
			asked = append(asked, int64(pos))
		}
		w.add("session IN (SELECT session FROM spans WHERE block IN ("+marks+"))", asked...)
	}
	return rows(f.ctx, f.dir, scanSpoken, `SELECT block, session FROM spans`+w.clause()+` ORDER BY block`, w.args...)
}

// rarest is the word that may have been said in the fewest blocks, and these.
func (f *saying) rarest() (word int, blocks []uint64) {
	for i := range f.words {
		var in []uint64
		for pos, mask := range f.masks {
			if mask>>i&1 != 0 {
				in = append(in, pos)
			}
		}
		if i == 0 || len(in) < len(blocks) {
			word, blocks = i, in
		}
	}
	return word, blocks
}

// readAll reads blocks to learn which sessions said which words, and returns those that said one of them. In a block that
// can't be read all may have: whoever asked for it says what is wrong.
func (f *saying) readAll(word int, blocks []uint64) ([]record.ID, error) {
	who := make(map[record.ID]struct{})
	for _, pos := range blocks {
		if err := f.ctx.Err(); err != nil {
			return nil, err
		}
		b, err := f.s.cached(f.files[pos])
		if err == nil {
			err = f.hear(b)
		}
		if err != nil {
			if err := f.suspect(pos); err != nil {
				return nil, err
			}
		}
		f.read[pos] = true
	}
	var ids []record.ID
	for p, mask := range f.exact {
		if _, known := who[p.session]; !known && mask>>word&1 != 0 {
			who[p.session] = struct{}{}
			ids = append(ids, p.session)
		}
	}
	return ids, nil
}

// hear notes who in a block said which words.
func (f *saying) hear(b *record.Block) error {
	raw, err := b.Unpack(nil)
	if err != nil {
		return err
	}
	said := make(map[record.ID]*record.WordSet)
	for len(raw) > 0 {
		env, payload, rest, err := record.NextRecord(raw)
		var r record.Record
		if err == nil {
			err = record.DecodeEnvelope(env, &r)
		}
		if err != nil {
			return err
		}
		words := said[r.Session]
		if words == nil {
			words = new(record.WordSet)
			said[r.Session] = words
		}
		words.AddText(r.Code)
		if err := words.AddPayload(r.Kind, payload); err != nil {
			return err
		}
		raw = rest
	}
	for id, words := range said {
		mask := uint64(0)
		for i, word := range f.words {
			if words.Has(word) {
				mask |= 1 << i
			}
		}
		f.exact[spoken{b.Pos, id}] = mask
	}
	return nil
}

// suspect takes it that all sessions of a block said all words.
func (f *saying) suspect(pos uint64) error {
	spans, err := rows(f.ctx, f.dir, scanSpoken, `SELECT block, session FROM spans WHERE block = ?`, int64(pos))
	for _, p := range spans {
		f.exact[p] = f.all
	}
	return err
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
