package clickhouse

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// A word of ours may be several of ClickHouse's tokens: it parts them at '_' as well. Those of one word stand in one record, so
// that this leaves out none; what it lets pass too much, the matcher decides.

// tokens are a word's; none: the index can't be asked for it.
func tokens(word []byte) []string {
	word = word[:min(len(word), record.MaxWord)]
	parts := bytes.Split(word, []byte("_"))
	if len(word) == record.MaxWord { // only its beginning counts, and its last token may go on
		parts = parts[:len(parts)-1]
	}
	var all []string
	for _, p := range parts {
		if len(p) > 0 {
			all = append(all, quoted(string(p)))
		}
	}
	return all
}

// mostHeard is up to how many sessions are told apart by what was said in them. A word that more have said narrows nothing.
const mostHeard = 1 << 12

// heard finds the sessions in which all words were said, and from which Seq on all had been; not narrowed: words don't narrow.
// which narrows the sessions.
func (s *Store) heard(ctx context.Context, n record.Narrow, which []string) (who map[record.ID]uint64, narrowed bool, err error) {
	for _, saying := range sayings(n) {
		conds := append([]string{saying}, which...)
		if narrowed {
			conds = append(conds, `session IN (`+idList(keys(who))+`)`)
		}
		found, err := s.said(ctx, conds)
		switch {
		case err != nil:
			return nil, false, err
		case len(found) > mostHeard:
			continue
		}
		if !narrowed {
			who, narrowed = found, true
			continue
		}
		for id, seq := range who {
			if at, ok := found[id]; !ok {
				delete(who, id)
			} else {
				who[id] = max(seq, at)
			}
		}
		if len(who) == 0 {
			break
		}
	}
	return who, narrowed, nil
}

// sayings are what must have been said, as conditions on a record.
func sayings(n record.Narrow) (conds []string) {
	if n.Digest != 0 {
		conds = append(conds, fmt.Sprintf(`digest = %d`, n.Digest))
	}
	for _, word := range n.Words {
		if t := tokens(word); len(t) > 0 {
			conds = append(conds, `hasAllTokens(said, [`+strings.Join(t, `, `)+`])`)
		}
	}
	return conds
}

func saidQuery(conds []string) string {
	return fmt.Sprintf(`SELECT session, min(seq) FROM records WHERE %s GROUP BY session LIMIT %d`, strings.Join(conds, ` AND `), mostHeard+1)
}

// said finds the sessions that have records that fit, with the Seq of the first.
func (s *Store) said(ctx context.Context, conds []string) (map[record.ID]uint64, error) {
	rows, err := s.conn.Query(ctx, saidQuery(conds))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[record.ID]uint64)
	for rows.Next() {
		var id string
		var seq uint64
		if err := rows.Scan(&id, &seq); err != nil {
			return nil, err
		}
		found[record.ID([]byte(id))] = seq
	}
	return found, rows.Err()
}
