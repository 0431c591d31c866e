package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// A gateway's name is whose batches are whose. Two gateways of one name would put theirs over each other's.

// OwnedError says that another gateway puts batches under this one's name.
type OwnedError struct{ Gateway string }

func (e *OwnedError) Error() string {
	return fmt.Sprintf("a gateway with another signing key has the name %s there: give this one another (gateway: in the configuration). "+
		"Should it be this one, whose key was lost: ALTER TABLE meta DELETE WHERE key = '%s'", e.Gateway, ownerKey(e.Gateway))
}

func ownerKey(gateway string) string { return "gateway/" + gateway }

// claim takes the gateway's name for whoever has its key. The first who comes has it; of two who come at a time one.
func (s *Store) claim(ctx context.Context) error {
	if s.opts.Owner == 0 {
		return nil
	}
	has, err := s.owners(ctx)
	if err == nil && len(has) == 0 {
		if err = s.conn.Exec(ctx, fmt.Sprintf(`INSERT INTO meta (key, value) VALUES (%s, %d)`, quoted(ownerKey(s.opts.Gateway)), s.opts.Owner)); err == nil {
			has, err = s.owners(ctx)
		}
	}
	if err == nil && (len(has) == 0 || slices.Min(has) != s.opts.Owner) {
		err = &OwnedError{s.opts.Gateway}
	}
	return err
}

func (s *Store) owners(ctx context.Context) (all []uint64, err error) {
	rows, err := s.conn.Query(ctx, `SELECT DISTINCT value FROM meta WHERE key = `+quoted(ownerKey(s.opts.Gateway)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v uint64
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// there reports, as an error, that a batch which seems to be there by its positions isn't: those are another's then.
func (s *Store) there(ctx context.Context, b *record.Block) error {
	for shard := range s.shards {
		var ids []record.ID
		for i := range b.Spans {
			if id := b.Spans[i].Session; s.shardOf(id) == shard {
				ids = append(ids, id)
			}
		}
		heads := make(map[record.ID]uint64)
		for some := range slices.Chunk(ids, mostListed) {
			query := `SELECT session, max(last) FROM ` + s.opts.own("spans") + ` WHERE session IN (` + idList(some) + `) GROUP BY session`
			if err := s.headsOf(ctx, s.shards[shard], query, heads); err != nil {
				return err
			}
		}
		for i := range b.Spans {
			span := &b.Spans[i]
			if last, ok := heads[span.Session]; s.shardOf(span.Session) == shard && (!ok || last < span.Last) {
				return fmt.Errorf("there are batches up to position %016x without #%d of session %v: another gateway puts its own under the name %s",
					b.End, span.Last, span.Session, s.opts.Gateway)
			}
		}
	}
	return nil
}
