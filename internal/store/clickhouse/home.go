package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as a gateway's home: where its journal's records go first, and only. It is Put into as by a follower, and asked beside
// that, when a gateway starts, how far it is. Of several gateways each asks for its own.

// After yields the gateway's batches that end behind a position, without their records, by position.
func (s *Store) After(ctx context.Context, pos uint64) iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) {
		for {
			run, err := s.own(ctx, fmt.Sprintf(`end > %d ORDER BY block`, pos), atOnce)
			if err == nil && len(run) > 0 {
				err = s.spans(ctx, run)
			}
			if err != nil {
				yield(nil, s.wrap("read", err))
				return
			}
			for i := range run {
				if !yield(run[i].block(nil), nil) {
					return
				}
			}
			if len(run) < atOnce {
				return
			}
			pos = run[len(run)-1].end
		}
	}
}

// atOnce is how many batches are listed at once: there may be any number.
const atOnce = 64

// own are some of the gateway's batches, by a condition and an order.
func (s *Store) own(ctx context.Context, which string, limit int) (run []pick, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT `+batchColumns+` FROM blocks FINAL WHERE writer = %s AND %s LIMIT %d`, quoted(s.opts.Gateway), which, limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		b, err := scanBatch(rows)
		if err != nil {
			return nil, err
		}
		run = append(run, pick{batch: b, whole: true})
	}
	return run, rows.Err()
}

// Open returns the gateway's sessions that have no Close yet, oldest first. All its spans are read for it, as they lie.
func (s *Store) Open(ctx context.Context) ([]record.Session, error) {
	open := fmt.Sprintf(`session IN (SELECT session FROM spans WHERE writer = %s GROUP BY session HAVING max(bitTest(told, 2)) = 0
		SETTINGS optimize_aggregation_in_order = 1)`, quoted(s.opts.Gateway))
	var all []record.Session
	for line, err := range s.lines(ctx, open, "s_closed = toDateTime64(0, 9, 'UTC')", "session") {
		if err != nil {
			return nil, err
		}
		all = append(all, line)
	}
	return all, nil
}

// Redact erases the payloads of a session's records, and what their salts could be derived from. It returns what is left of the
// session's secret, also where it fails after it has begun: then it is finished when a batch comes that has the end of the session
// which tells of it, and doesn't say that it failed.
func (s *Store) Redact(ctx context.Context, id record.ID, seqs []uint64) (record.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left, err := s.redact(ctx, id, seqs)
	return left, s.wrap(fmt.Sprintf("erase payloads of session %v in", id), err)
}

func (s *Store) redact(ctx context.Context, id record.ID, seqs []uint64) (record.Secret, error) {
	if s.opts.Mode != Write {
		return "", errors.New("it is open for reading")
	}
	line, ok, err := s.line(ctx, id)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", errors.New("there is no such session")
	}
	for _, seq := range seqs {
		if seq > line.Last {
			return "", fmt.Errorf("it has no record #%d; its last is #%d", seq, line.Last)
		}
	}
	left, err := punctured(line.Secret, seqs)
	if err != nil {
		return "", err
	}
	return left, (&erasing{s: s, ctx: ctx, id: id}).payloads(seqs)
}

// WaitForReplicas returns when each replica has what the others took: what is asked then is not of one that is behind.
func (s *Store) WaitForReplicas(ctx context.Context) error { return s.catchUp(ctx, tables...) }
