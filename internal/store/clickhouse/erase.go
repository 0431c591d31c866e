package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/internal/record"
)

// What is erased at home is erased here when the session that tells of it has ended and doesn't say that it failed: the payloads,
// what their salts could be derived from, what the session's line took from them, and what they touched. Rows without the payloads
// are put beside those with them, and these are then deleted; until that is done, whoever reads takes the erased one. ClickHouse
// rewrites the parts in which they are; it removes the old ones some minutes later (old_parts_lifetime), and a backup of its own
// keeps what it has.

// erasures are which Seqs of which sessions are to be erased.
type erasures map[record.ID][]uint64

func (e erasures) add(session record.ID, seq uint64) {
	if seqs := e[session]; !slices.Contains(seqs, seq) {
		e[session] = append(seqs, seq)
	}
}

// due are the erasings that a batch has the end of. An order that failed, as its Close says, erases nothing: where the home ends
// it later, that is told anew. Of one that was cut short it isn't known; it was ordered, and is done.
func (i *insertion) due(from *rowBatch) (erasures, error) {
	all := make(erasures)
	var began []record.ID // before this batch
	for n := range i.b.Spans {
		span := &i.b.Spans[n]
		f := from.folds[span.Session]
		if f.told&toldClose == 0 || f.actions > 0 || f.line.Outcome == record.OutcomeFailed {
			continue
		}
		for _, r := range f.redacts {
			all.add(r.Parent, r.Of)
		}
		if span.First > 0 {
			began = append(began, span.Session)
		}
	}
	for some := range slices.Chunk(began, mostListed) {
		if err := i.told(some, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// told adds what sessions told of erasing in batches before.
func (i *insertion) told(sessions []record.ID, all erasures) error {
	ctx, cancel := i.s.bounded(i.ctx)
	defer cancel()
	rows, err := i.s.conn.Query(ctx, `SELECT parent, of FROM records WHERE session IN (`+idList(sessions)+`) AND kind = '`+record.KindRedact.String()+`'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var parent string
		var of uint64
		if err := rows.Scan(&parent, &of); err != nil {
			return err
		}
		all.add(record.ID([]byte(parent)), of)
	}
	return rows.Err()
}

// erase erases what a batch has the end of. It can be done again.
func (i *insertion) erase(from *rowBatch) error {
	all, err := i.due(from)
	if err != nil {
		return err
	}
	for id, seqs := range all {
		if err := (&erasing{s: i.s, ctx: i.ctx, id: id, sent: i}).payloads(seqs); err != nil {
			return fmt.Errorf("erase %d payloads of session %v: %w", len(seqs), id, err)
		}
	}
	return nil
}

const (
	now      = " SETTINGS mutations_sync = 2" // it is done when the statement returns
	mostSeqs = 1 << 10                        // named in one statement: it has 256 KiB at most (max_query_size)
	unerased = ` AND erased = ''`
)

// mutate changes rows, and waits until they are changed. Where the same of a session was asked before, and the answer not waited for,
// it waits for that first: mutations rewrite whole parts, and would only pile up. mark stands in the statement and in no other's.
func (s *Store) mutate(ctx context.Context, table, how, mark string) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	for {
		var busy uint64
		err := s.conn.QueryRow(ctx, `SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done
			AND table = ? AND position(command, ?) > 0`, s.opts.own(table), mark).Scan(&busy)
		if err != nil {
			return err
		}
		if busy == 0 {
			return s.conn.Exec(ctx, s.opts.alter(table)+how+now)
		}
		select {
		case <-time.After(mutationPoll):
		case <-ctx.Done():
			return fmt.Errorf("a mutation of %s goes on for long: %w", table, ctx.Err())
		}
	}
}

const mutationPoll = 200 * time.Millisecond

// erasing is one session that loses payloads.
type erasing struct {
	s    *Store
	ctx  context.Context
	id   record.ID
	sent *insertion // the batch on its way, whose line isn't written yet; nil: none is
}

func (e *erasing) session() string { return `session = ` + constant(e.id[:]) }

// mutate changes rows of the session.
func (e *erasing) mutate(table, how string) error {
	return e.s.mutate(e.ctx, table, how, hex.EncodeToString(e.id[:]))
}

// lineUp collects what a query of one column gives.
func (e *erasing) lineUp(query string) ([]string, error) {
	ctx, cancel := e.s.bounded(e.ctx)
	defer cancel()
	return e.s.lineUp(ctx, query)
}

// payloads erases some records' payloads.
func (e *erasing) payloads(seqs []uint64) error {
	s := e.s
	slices.Sort(seqs) // neighbours that are erased one behind the other leave few seeds
	if err := s.catchUp(e.ctx, "records", "spans", "touched", "blocks"); err != nil {
		return err
	}
	places, err := e.places(seqs)
	if err != nil || len(places) == 0 {
		return err // it is not here, or no more
	}
	secrets, err := e.lineUp(`SELECT DISTINCT secret FROM spans WHERE ` + e.session())
	if err != nil {
		return err
	}
	for some := range slices.Chunk(seqs, mostSeqs) {
		if err := e.some(some, secrets); err != nil {
			return err
		}
	}
	for _, p := range places {
		if err := e.retell(p); err != nil {
			return err
		}
	}
	return e.puncture(secrets, seqs) // last: until then it can be done again
}

// places are the batches in which some of the session's records are.
func (e *erasing) places(seqs []uint64) (found []place, err error) {
	ctx, cancel := e.s.bounded(e.ctx)
	defer cancel()
	err = e.s.eachSpan(ctx, e.session(), func(p place, span record.Span) {
		if slices.ContainsFunc(seqs, func(seq uint64) bool { return span.First <= seq && seq <= span.Last }) {
			found = append(found, p)
		}
	})
	return found, err
}

// some erases payloads of as many records as one statement names.
func (e *erasing) some(seqs []uint64, secrets []string) error {
	s := e.s
	numbers := make([]string, len(seqs))
	for n, seq := range seqs {
		numbers[n] = fmt.Sprint(seq)
	}
	those := e.session() + ` AND seq IN (` + strings.Join(numbers, `, `) + `)`
	ctx, cancel := s.bounded(e.ctx)
	found, err := s.rowsOf(ctx, those+unerased)
	cancel()
	if err != nil {
		return err
	}
	if len(found) > 0 {
		if err := e.blank(found, secrets); err != nil {
			return err
		}
		if err := e.mutate("records", `DELETE WHERE `+those+unerased); err != nil {
			return err
		}
	}
	touched, err := e.lineUp(`SELECT name FROM touched WHERE ` + those + ` LIMIT 1`)
	if err != nil || len(touched) == 0 {
		return err
	}
	return e.mutate("touched", `DELETE WHERE `+those)
}

// blank puts rows with commitments beside those with payloads.
func (e *erasing) blank(found map[uint64][]*row, secrets []string) error {
	all := columns()
	for _, rows := range found {
		for n := range rows {
			r := rows[n]
			commitment, ok := commit(&r.Record, secrets)
			if !ok {
				return fmt.Errorf("the salt of record #%d is not there and its payload is", r.Seq)
			}
			r.Erased = commitment[:]
			left := row{block: r.block, place: r.place}
			if _, err := record.Decode(record.AppendRecord(nil, &r.Record), &left.Record); err != nil { // which leaves out what is erased
				return err
			}
			for _, c := range all {
				c.add(&left)
			}
		}
	}
	return (&insertion{s: e.s}).insert(e.apart(), e.s.shardOf(e.id), "INSERT INTO "+e.s.opts.own("records")+" ("+labels(all)+")", func(b driver.Batch) error {
		for n, to := range b.Columns() {
			if err := all[n].send(to); err != nil {
				return err
			}
		}
		return nil
	})
}

// commit is the commitment to a record's payload, by the first of some secrets that its salt can be derived from.
func commit(r *record.Record, secrets []string) (record.Hash, bool) {
	for _, s := range secrets {
		if salt, ok := record.Secret(s).Salts().Salt(r.Seq); ok {
			return record.Commit(salt, r.AppendPayload(nil)), true
		}
	}
	return record.Hash{}, false
}

// puncture takes away what the salts could be derived from. No secret, nor what is left of one, stands in a statement: ClickHouse
// writes down what it is asked, and who reads that may hold it against what is erased later.
func (e *erasing) puncture(secrets []string, seqs []uint64) error {
	for _, was := range secrets {
		left, err := punctured(record.Secret(was), seqs)
		if err != nil {
			return err
		}
		if string(left) == was {
			continue
		}
		sum := sha256.Sum256([]byte(was))
		those := e.session() + ` AND SHA256(secret) = ` + constant(sum[:])
		if err := e.respan(those, left); err != nil {
			return err
		}
		if err := e.mutate("spans", `DELETE WHERE `+those); err != nil {
			return err
		}
	}
	return nil
}

// respan puts spans again, with what is left of their secret.
func (e *erasing) respan(those string, left record.Secret) error {
	ctx, cancel := e.s.bounded(e.ctx)
	defer cancel()
	rows, err := e.s.conn.Query(ctx, `SELECT * FROM spans WHERE `+those)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, types := rows.Columns(), rows.ColumnTypes()
	statement := "INSERT INTO " + e.s.opts.own("spans") + " (" + strings.Join(names, ", ") + ")"
	return (&insertion{s: e.s}).insert(e.apart(), e.s.shardOf(e.id), statement, func(b driver.Batch) error {
		room, values := make([]any, len(types)), make([]any, len(types))
		for rows.Next() {
			for i, t := range types {
				room[i] = reflect.New(t.ScanType()).Interface()
			}
			if err := rows.Scan(room...); err != nil {
				return err
			}
			for i, name := range names {
				if values[i] = reflect.ValueOf(room[i]).Elem().Interface(); name == "secret" {
					values[i] = string(left)
				}
			}
			if err := b.Append(values...); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// apart is for inserts of which nothing is to be taken for a double: what an earlier try has put may be gone.
func (e *erasing) apart() context.Context {
	return clickhouse.Context(e.ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplicate": 0}))
}

// punctured is what is left of a secret.
func punctured(left record.Secret, seqs []uint64) (_ record.Secret, err error) {
	for _, seq := range seqs {
		if left, err = left.Puncture(seq); err != nil {
			return left, err
		}
	}
	return left, nil
}

// retell has a batch's line, and what it says of the session, be those of what is left of its records.
func (e *erasing) retell(p place) error {
	ctx, cancel := e.s.bounded(e.ctx)
	defer cancel()
	batch := `writer = ` + quoted(p.writer) + fmt.Sprintf(` AND block = %d`, p.block)
	found, err := e.s.batches(ctx, []string{batch}, true)
	if err != nil {
		return err
	}
	rows, err := e.s.rowsOf(ctx, fmt.Sprintf(`session IN (SELECT session FROM spans WHERE %s) AND block = %d`, batch, p.block))
	if err != nil {
		return err
	}
	var raw []byte
	var f fold
	told := false // of it, in the session's line
	for n := range rows[p.block] {
		r := &rows[p.block][n].Record
		raw = record.AppendRecord(raw, r)
		if r.Session == e.id {
			f.add(r)
			told = told || len(r.Erased) > 0 && (r.Kind == record.KindOpen || r.Kind == record.KindJoin || r.Kind == record.KindClose)
		}
	}
	sum := sha256.Sum256(raw)
	switch own := e.sent; {
	case len(found) > 0 && found[0].sum == string(sum[:]):
	case len(found) > 0:
		err = e.s.mutate(e.ctx, "blocks", fmt.Sprintf(`UPDATE sum = %s, raw = %d WHERE %s`, constant(sum[:]), len(raw), batch), hex.EncodeToString(sum[:]))
	case own != nil && p == (place{e.s.opts.Gateway, own.b.Pos}): // its line is still to be written
		own.sum, own.raw = sum, len(raw)
	}
	if err != nil || !told {
		return err
	}
	those := e.session() + ` AND ` + batch
	if other, err := e.lineUp(`SELECT user FROM spans WHERE ` + those + ` AND NOT (` + f.says(` AND `) + `) LIMIT 1`); err != nil || len(other) == 0 {
		return err
	}
	return e.mutate("spans", `UPDATE `+f.says(`, `)+` WHERE `+those)
}

// says is what a span says of its session's open, join and close, column by column.
func (f *fold) says(between string) string {
	set := []string{fmt.Sprintf(`pid = %d`, f.line.PID), `parent = ` + constant(f.line.Parent[:])}
	for column, v := range map[string]string{"user": f.line.User, "account": f.line.Account, "target": f.line.Target, "database": f.line.Database,
		"protocol": f.line.Protocol, "client": f.line.Client, "app": f.line.App, "message": f.line.Message} {
		set = append(set, column+` = `+quoted(v))
	}
	slices.Sort(set)
	return strings.Join(set, between)
}
