package local

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// maxWords is how many words narrow; more than these are left to the reader.
const maxWords = 64

// said finds the blocks by which one of their sessions may have said all of n's words, up to and with the block: an
// execution stands behind the text of its statement. It goes through the filters of all blocks in order, holding a
// bit for each word for each session that may have said one.
func (s *Store) said(ctx context.Context, n record.Narrow) (map[int64]bool, error) {
	words := n.Words[:min(len(n.Words), maxWords)]
	all := ^uint64(0) >> (maxWords - len(words))
	masks, err := s.masks(ctx, words)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT block, session FROM spans ORDER BY block`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[int64]bool)
	soFar := make(map[record.ID]uint64)
	for rows.Next() {
		var block int64
		var session []byte
		if err := rows.Scan(&block, &session); err != nil {
			return nil, err
		}
		var id record.ID
		copy(id[:], session)
		mask := soFar[id] | masks[block]
		if mask != 0 {
			soFar[id] = mask
		}
		if mask == all {
			found[block] = true
		}
	}
	return found, rows.Err()
}

// masks tells for each block which of the words may have been said in it.
func (s *Store) masks(ctx context.Context, words [][]byte) (map[int64]uint64, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT block, hashes, bits FROM words`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	masks := make(map[int64]uint64)
	for rows.Next() {
		var block int64
		var f record.Filter
		if err := rows.Scan(&block, &f.Hashes, &f.Bits); err != nil {
			return nil, err
		}
		for i, word := range words {
			if f.May(word) {
				masks[block] |= 1 << i
			}
		}
	}
	return masks, rows.Err()
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
