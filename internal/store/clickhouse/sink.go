package clickhouse

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as a follower's keeper.

// Partition is the table's partition that a record is in: batches that hold those of one are inserted in one piece.
func Partition(at int64) int64 {
	t := time.Unix(0, at).UTC()
	return int64(t.Year())*100 + int64(t.Month())
}

// Put takes a block as one batch: records first, then what finds and proves them, and last the batch's own line, without which
// the rest doesn't count. What a failure left half is the same again when the batch comes again, and is there once. A block
// that is there already, by its position, is left as it is.
func (s *Store) Put(ctx context.Context, b *record.Block, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.put(ctx, b); err != nil {
		s.last = 0
		return s.wrap(fmt.Sprintf("put batch %016x into", b.Pos), err)
	}
	s.last = b.End
	return nil
}

// patience is how many times as long as its silence a whole call may take.
const patience = 4

// bounded ends what a follower waits for, each statement by itself. A stopped server takes no more of a batch than its
// socket has room for: the driver would wait for ever to write the rest.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opts.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, patience*s.opts.Timeout)
}

func (s *Store) put(ctx context.Context, b *record.Block) error {
	if s.opts.Mode != Write {
		return errors.New("it is open for reading")
	}
	again := s.last == 0
	if again || b.Pos < s.last {
		var end uint64
		ask, cancel := s.bounded(ctx)
		err := s.conn.QueryRow(ask, `SELECT max(end) FROM blocks WHERE writer = ? AND block <= ?`, s.opts.Gateway, b.Pos).Scan(&end)
		cancel()
		if err != nil {
			return err
		}
		if end >= b.End {
			return s.there(ctx, b)
		}
	}
	raw, err := b.Unpacked()
	if err != nil {
		return err
	}
	sent := insertion{s: s, ctx: ctx, b: b, sum: sha256.Sum256(raw), raw: len(raw), again: again}
	if s.rows.all == nil {
		s.rows.all = columns()
	}
	if err := sent.records(&s.rows, raw); err != nil {
		return err
	}
	if err := sent.spans(&s.rows); err != nil {
		return err
	}
	if err := sent.erase(&s.rows); err != nil {
		return err
	}
	return sent.block()
}

// rowBatch is what is made of a block's records before it is sent.
type rowBatch struct {
	all     []recordColumn
	folds   map[record.ID]*fold
	touched touched
}

// touched are the tables and columns that statements name, as columns of the table of that name.
type touched struct {
	what, name, session, verdict []string
	day                          []time.Time
	seq                          []uint64
	actions                      [][]string
}

func (t *touched) reset() {
	*t = touched{t.what[:0], t.name[:0], t.session[:0], t.verdict[:0], t.day[:0], t.seq[:0], t.actions[:0]}
}

// add notes what a statement names.
func (t *touched) add(r *record.Record) {
	if len(r.Tables)+len(r.Columns)+len(r.Programs)+len(r.Paths) == 0 {
		return
	}
	session, day, verdict := string(r.Session[:]), time.Unix(0, r.At).UTC(), r.Verdict.String()
	for what, list := range [...][]string{r.Tables, r.Columns, r.Programs, r.Paths} {
		for _, name := range list {
			t.what, t.name = append(t.what, [...]string{"table", "column", "program", "path"}[what]), append(t.name, name)
			t.day, t.session, t.seq = append(t.day, day), append(t.session, session), append(t.seq, r.Seq)
			t.actions, t.verdict = append(t.actions, r.Actions), append(t.verdict, verdict)
		}
	}
}

// fold is what a batch says of a session.
type fold struct {
	line    record.Session // of its open, join and close
	began   int64
	actions uint32
	told    uint8
	opened  int64
	redacts []erased // that it tells of
}

func (f *fold) add(r *record.Record) {
	if f.began == 0 {
		f.began = r.At
	}
	if r.Kind.Action() {
		f.actions++
	}
	switch r.Kind {
	case record.KindOpen:
		f.told |= toldOpen
		f.opened = r.At
	case record.KindJoin:
		f.told |= toldJoin
	case record.KindClose:
		f.told |= toldClose
	case record.KindRedact:
		f.redacts = append(f.redacts, erased{r.Parent, r.Of})
		return
	default:
		return
	}
	c := r.Clone() // the line keeps what it says
	f.line.Add(&c)
}

// erased names a record whose payload an order erases.
type erased struct {
	Parent record.ID // its session
	Of     uint64    // its Seq there
}

// Bits of the column told.
const (
	toldOpen = 1 << iota
	toldJoin
	toldClose
)

// insertion is one batch on its way.
type insertion struct {
	s   *Store
	ctx context.Context
	b   *record.Block
	sum [sha256.Size]byte // of its records
	raw int               // bytes of them

	again bool // it may have been sent before
}

// token is a name for what is inserted into a table: the same records have the same, so that a proxy that sends them twice is
// nothing. A batch that may have been sent before has one of its own: ClickHouse writes down a token before it has the rows, and
// where it is killed between the two it would take them for rows that it has. Rows that are there twice are merged.
func (i *insertion) token(table string, partition int64) context.Context {
	token := fmt.Sprintf("%s/%s/%016x-%016x/%d/%x", i.s.opts.Gateway, table, i.b.Pos, i.b.End, partition, i.sum[:8])
	if i.again {
		token += "/" + rand.Text()
	}
	return clickhouse.Context(i.ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": token}))
}

// records sends the block's records, partition by partition: most often there is one.
func (i *insertion) records(into *rowBatch, raw []byte) error {
	into.folds = make(map[record.ID]*fold, len(i.b.Spans))
	for n := range i.b.Spans {
		into.folds[i.b.Spans[n].Session] = &fold{}
	}
	partitions := map[int64]struct{}{Partition(i.b.First): {}, Partition(i.b.Last): {}}
	const day = int64(24 * time.Hour)
	for at := i.b.First; len(partitions) > 1 && at < i.b.Last && at <= math.MaxInt64-day; at += day {
		partitions[Partition(at)] = struct{}{}
	}
	fresh := true
	for shard := range i.s.shards {
		for p := range partitions {
			if err := i.partition(into, raw, shard, p, fresh); err != nil {
				return err
			}
			fresh = false
		}
	}
	return nil
}

// partition sends the records of one, in one shard. fresh: sessions' lines are folded on the way.
func (i *insertion) partition(into *rowBatch, raw []byte, shard int, which int64, fresh bool) error {
	defer func() {
		for _, c := range into.all {
			c.reset()
		}
		into.touched.reset()
	}()
	count := 0
	r := row{block: i.b.Pos}
	for rest := raw; len(rest) > 0; r.place++ {
		next, err := record.Decode(rest, &r.Record)
		if err != nil {
			return err
		}
		rest = next
		if fresh {
			f := into.folds[r.Session]
			if f == nil {
				return fmt.Errorf("it holds records of session %v, which its head does not list", r.Session)
			}
			f.add(&r.Record)
		}
		if Partition(r.At) != which || i.s.shardOf(r.Session) != shard {
			continue
		}
		r.flatten()
		for _, c := range into.all {
			c.add(&r)
		}
		into.touched.add(&r.Record)
		count++
	}
	if count == 0 {
		return nil
	}
	told := slices.DeleteFunc(slices.Clone(into.all), func(c recordColumn) bool { return !c.told() })
	err := i.insert(i.token("records", which), shard, "INSERT INTO "+i.s.opts.own("records")+" ("+labels(told)+")", func(b driver.Batch) error {
		for n, to := range b.Columns() {
			if err := told[n].send(to); err != nil {
				return fmt.Errorf("column %s: %w", told[n].label(), err)
			}
		}
		return nil
	})
	if err != nil || len(into.touched.name) == 0 {
		return err
	}
	statement := "INSERT INTO " + i.s.opts.own("touched") + " (what, name, day, session, seq, actions, verdict)"
	return i.insert(i.token("touched", which), shard, statement, func(b driver.Batch) error {
		t, to := &into.touched, b.Columns()
		return errors.Join(sendAll(to[0], t.what), sendAll(to[1], t.name), sendAll(to[2], t.day), sendAll(to[3], t.session),
			sendAll(to[4], t.seq), sendLists(to[5], t.actions), sendAll(to[6], t.verdict))
	})
}

// insert sends one batch of rows to a shard.
func (i *insertion) insert(ctx context.Context, shard int, statement string, fill func(driver.Batch) error) (err error) {
	ctx, cancel := i.s.bounded(ctx)
	defer cancel()
	batch, err := i.s.shards[shard].PrepareBatch(ctx, statement)
	if err != nil {
		return err
	}
	if err := fill(batch); err != nil {
		return errors.Join(err, batch.Abort())
	}
	return batch.Send()
}

// spans sends what the batch has of each session.
func (i *insertion) spans(from *rowBatch) error {
	for shard := range i.s.shards {
		if err := i.spansOf(from, shard); err != nil {
			return err
		}
	}
	return nil
}

func (i *insertion) spansOf(from *rowBatch, shard int) error {
	if !slices.ContainsFunc(i.b.Spans, func(sp record.Span) bool { return i.s.shardOf(sp.Session) == shard }) {
		return nil
	}
	statement := "INSERT INTO " + i.s.opts.own("spans") + " (session, first, last, writer, block, before, after, secret, since, until, began, actions, told, user, " +
		"account, target, database, protocol, client, app, pid, parent, opened, closed, outcome, verdict, message)"
	since, until := time.Unix(0, i.b.First), time.Unix(0, i.b.Last)
	return i.insert(i.token("spans", 0), shard, statement, func(b driver.Batch) error {
		for n := range i.b.Spans {
			sp := &i.b.Spans[n]
			if i.s.shardOf(sp.Session) != shard {
				continue
			}
			f := from.folds[sp.Session]
			l := &f.line
			err := b.Append(string(sp.Session[:]), sp.First, sp.Last, i.s.opts.Gateway, i.b.Pos, string(sp.Before[:]), string(sp.After[:]),
				string(sp.Secret), since, until, time.Unix(0, f.began), f.actions, f.told, l.User, l.Account, l.Target, l.Database, l.Protocol,
				l.Client, l.App, l.PID, string(l.Parent[:]), time.Unix(0, f.opened), time.Unix(0, l.Closed), l.Outcome.String(),
				l.Verdict.String(), l.Message)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// block sends the batch's own line: with it, the batch is there.
func (i *insertion) block() error {
	sorted := uint8(0)
	if b := i.b; len(b.Data) == 0 || b.Sorted() {
		sorted = 1
	}
	shard := i.s.shardOfBlock(i.b.Pos)
	return i.insert(i.token("blocks", 0), shard, "INSERT INTO "+i.s.opts.own("blocks")+" (writer, block, end, first, last, count, raw, kinds, sessions, sorted, sum)",
		func(b driver.Batch) error {
			return b.Append(i.s.opts.Gateway, i.b.Pos, i.b.End, time.Unix(0, i.b.First), time.Unix(0, i.b.Last), uint32(i.b.Count),
				uint32(i.raw), i.b.Kinds, uint32(len(i.b.Spans)), sorted, string(i.sum[:]))
		})
}

// Last is the journal position behind the gateway's last batch; 0: there is none.
func (s *Store) Last(ctx context.Context) (end uint64, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err = s.conn.QueryRow(ctx, `SELECT max(end) FROM blocks WHERE writer = ?`, s.opts.Gateway).Scan(&end)
	return end, s.wrap("read", err)
}

// Heads tells of those of some sessions that are here how far they are here. They are asked for some at a time: a rewritten
// block may hold thousands, and a query is of so many bytes at most (max_query_size, 256 KiB).
func (s *Store) Heads(ctx context.Context, ids []record.ID) (map[record.ID]uint64, error) {
	heads := make(map[record.ID]uint64)
	for some := range slices.Chunk(ids, mostListed) {
		query := `SELECT session, max(last) FROM spans WHERE ` + listed + ` AND session IN (` + idList(some) + `) GROUP BY session`
		if err := s.headsOf(ctx, s.conn, query, heads); err != nil {
			return nil, s.wrap("read", err)
		}
	}
	return heads, nil
}

func (s *Store) headsOf(ctx context.Context, conn driver.Conn, query string, heads map[record.ID]uint64) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var last uint64
		if err := rows.Scan(&id, &last); err != nil {
			return err
		}
		heads[record.ID([]byte(id))] = last
	}
	return rows.Err()
}

// Head is how far a session's chain has got; not ok: the session isn't here.
func (s *Store) Head(ctx context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error) {
	line, ok, err := s.Session(ctx, id)
	return line.Last, line.Head, line.Secret, ok, err
}

// Tail yields a session's records in order.
func (s *Store) Tail(ctx context.Context, id record.ID) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for b, err := range s.Blocks(ctx, record.Narrow{Sessions: []record.ID{id}, Oldest: true}) {
			if err != nil {
				yield(record.Record{}, err)
				return
			}
			for r, err := range b.Records() {
				if err == nil && r.Session != id {
					continue
				}
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}
