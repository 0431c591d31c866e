package clickhouse

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// The store as an investigator's source: sessions.

// listed holds for lines of batches that are there whole.
const listed = `(writer, block) IN (SELECT writer, block FROM blocks)`

// idList writes ids as constants.
func idList(ids []record.ID) string {
	words := make([]string, len(ids))
	for i := range ids {
		words[i] = literal(ids[i][:])
	}
	return strings.Join(words, ", ")
}

func constant(b []byte) string { return "unhex('" + hex.EncodeToString(b) + "')" }

// literal is a constant for lists: each unhex takes ClickHouse 40 us.
func literal(b []byte) string {
	const digits = "0123456789abcdef"
	text := append(make([]byte, 0, 2+4*len(b)), '\'')
	for _, c := range b {
		text = append(text, '\\', 'x', digits[c>>4], digits[c&15])
	}
	return string(append(text, '\''))
}

// quoted writes a string as a constant: in hex, so that nothing in it is read as SQL.
func quoted(s string) string { return constant([]byte(s)) }

func moment(at int64) string { return fmt.Sprintf("fromUnixTimestamp64Nano(%d, 'UTC')", at) }

// foldColumns are how a session's line is made of its spans: the view sessions, with what only we need.
const foldColumns = `session,
	argMaxIf(user, first, bitTest(told, 0)) AS s_user,
	argMaxIf(account, first, account != '') AS s_account,
	argMaxIf(target, first, target != '') AS s_target,
	argMaxIf(database, first, database != '') AS s_database,
	argMaxIf(protocol, first, bitTest(told, 0)) AS s_protocol,
	argMaxIf(client, first, bitTest(told, 0)) AS s_client,
	argMaxIf(app, first, bitTest(told, 0)) AS s_app,
	argMaxIf(pid, first, bitTest(told, 1)) AS s_pid,
	argMaxIf(parent, first, bitTest(told, 0)) AS s_parent,
	if(countIf(bitTest(told, 0)) > 0, maxIf(opened, bitTest(told, 0)), min(began)) AS s_opened,
	maxIf(closed, bitTest(told, 2)) AS s_closed,
	argMaxIf(outcome, first, bitTest(told, 2)) AS s_outcome,
	argMaxIf(verdict, first, verdict != 'none') AS s_verdict,
	argMaxIf(message, first, bitTest(told, 2)) AS s_message,
	toUInt64(sum(actions)) AS s_actions,
	max(last) AS s_last,
	argMax(after, first) AS s_head,
	argMax(secret, first) AS s_secret,
	min(since) AS s_since,
	max(until) AS s_until`

// lines yields sessions' lines. which narrows their spans, having the lines; both may be empty.
func (s *Store) lines(ctx context.Context, which, having, order string) iter.Seq2[record.Session, error] {
	return func(yield func(record.Session, error) bool) {
		query := `SELECT ` + foldColumns + ` FROM spans FINAL WHERE ` + listed
		if s.opts.Own {
			query += ` AND writer = ` + quoted(s.opts.Gateway)
		}
		if which != "" {
			query += ` AND ` + which
		}
		query += ` GROUP BY session`
		if having != "" {
			query += ` HAVING ` + having
		}
		rows, err := s.conn.Query(ctx, query+` ORDER BY `+order)
		if err != nil {
			yield(record.Session{}, s.wrap("read", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			line, err := scanLine(rows)
			if !yield(line, s.wrap("read", err)) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(record.Session{}, s.wrap("read", err))
		}
	}
}

func scanLine(rows interface{ Scan(...any) error }) (l record.Session, err error) {
	var id, parent, head, secret, outcome, verdict string
	var opened, closed, since, until time.Time
	err = rows.Scan(&id, &l.User, &l.Account, &l.Target, &l.Database, &l.Protocol, &l.Client, &l.App, &l.PID, &parent, &opened, &closed,
		&outcome, &verdict, &l.Message, &l.Actions, &l.Last, &head, &secret, &since, &until)
	if err != nil {
		return l, err
	}
	copy(l.ID[:], id)
	copy(l.Parent[:], parent)
	copy(l.Head[:], head)
	l.Secret = record.Secret(secret)
	l.Opened, l.Closed = opened.UnixNano(), closed.UnixNano()
	if l.Outcome, err = parse(outcome, "outcome", record.ParseOutcome); err != nil {
		return l, err
	}
	l.Verdict, err = parse(verdict, "verdict", record.ParseVerdict)
	return l, err
}

// parse reads a word; empty, where nothing told of it, is none.
func parse[T ~uint8](s, name string, parse func(string) (T, error)) (T, error) {
	if s == "" {
		return 0, nil
	}
	return numbered(s, name, parse)
}

// nearby are the lines of sessions that a reader may ask for next: those whose records it was given lately. They are brought up
// with the first of them that is asked for, since each question is a round trip.
type nearby struct {
	mu    sync.Mutex
	ids   [2]map[record.ID]struct{} // of what was given last, and before
	lines map[record.ID]record.Session
	at    time.Time // when the first of them was read
}

const (
	mostNearby = 1 << 10         // sessions of what is given at once: a query has room for as many ids
	lineAge    = 1 * time.Second // a line that was read before may be a session's that has gone on
)

// gave notes which sessions' records a reader is given.
func (n *nearby) gave(spans iter.Seq[record.Span]) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ids := make(map[record.ID]struct{})
	for span := range spans {
		if len(ids) < mostNearby {
			ids[span.Session] = struct{}{}
		}
	}
	n.ids = [2]map[record.ID]struct{}{ids, n.ids[0]}
}

func spansOf(run []pick) iter.Seq[record.Span] {
	return func(yield func(record.Span) bool) {
		for i := range run {
			for _, span := range run[i].spans {
				if !yield(span) {
					return
				}
			}
		}
	}
}

// around are the sessions that may be asked for with id, and are not at hand.
func (n *nearby) around(id record.ID) []record.ID {
	if n.lines == nil || time.Since(n.at) >= lineAge {
		n.lines, n.at = make(map[record.ID]record.Session), time.Now()
	}
	wanted := map[record.ID]uint64{id: 0}
	for _, ids := range n.ids {
		if _, ok := ids[id]; !ok {
			continue
		}
		for other := range ids {
			if _, ok := n.lines[other]; !ok {
				wanted[other] = 0
			}
		}
	}
	return keys(wanted)
}

// Session returns one session's line.
func (s *Store) Session(ctx context.Context, id record.ID) (record.Session, bool, error) {
	if s.opts.Mode != Read {
		return s.line(ctx, id)
	}
	n := &s.near
	n.mu.Lock()
	defer n.mu.Unlock()
	if line, ok := n.lines[id]; ok && time.Since(n.at) < lineAge {
		return line, true, nil
	}
	for line, err := range s.lines(ctx, "session IN ("+idList(n.around(id))+")", "", "session") {
		if err != nil {
			return line, false, err
		}
		n.lines[line.ID] = line
	}
	line, ok := n.lines[id]
	return line, ok, nil
}

func (s *Store) line(ctx context.Context, id record.ID) (record.Session, bool, error) {
	for line, err := range s.lines(ctx, "session = "+constant(id[:]), "", "session") {
		return line, err == nil, err
	}
	return record.Session{}, false, nil
}

// Sessions yields the sessions that n may ask for, by the time they were opened.
func (s *Store) Sessions(ctx context.Context, n record.Narrow) iter.Seq2[record.Session, error] {
	which, having := who(n)
	if n.Since != 0 {
		having = append(having, `(s_closed = toDateTime64(0, 9, 'UTC') OR s_closed >= `+moment(n.Since)+`)`)
	}
	if n.Until != 0 {
		having = append(having, `s_opened <= `+moment(n.Until))
	}
	direction := "DESC"
	if n.Oldest {
		direction = "ASC"
	}
	return s.lines(ctx, strings.Join(which, " AND "), strings.Join(having, " AND "), "s_opened "+direction+", session "+direction)
}

// who is what n asks of the sessions: of their spans, all of which belong to one that fits, and of their lines.
func who(n record.Narrow) (which, having []string) {
	for _, c := range []struct{ column, want string }{
		{"user", n.User}, {"account", n.Account}, {"target", n.Target}, {"database", n.Database}, {"protocol", n.Protocol},
	} {
		if c.want != "" {
			which = append(which, `session IN (SELECT session FROM spans WHERE lower(`+c.column+`) = lower(`+quoted(c.want)+`))`)
			having = append(having, `lower(s_`+c.column+`) = lower(`+quoted(c.want)+`)`)
		}
	}
	if n.PID != 0 {
		which = append(which, fmt.Sprintf(`session IN (SELECT session FROM spans WHERE pid = %d)`, n.PID))
		having = append(having, fmt.Sprintf(`s_pid = %d`, n.PID))
	}
	if n.Prefix != "" {
		low, high := prefixRange(n.Prefix)
		which = append(which, `session BETWEEN `+constant(low[:])+` AND `+constant(high[:]))
	}
	if len(n.Sessions) > 0 {
		which = append(which, `session IN (`+idList(n.Sessions)+`)`)
	}
	return which, having
}

// prefixRange is the first and the last id that begin with some hexadecimal digits.
func prefixRange(prefix string) (low, high record.ID) {
	prefix = prefix[:min(len(prefix), 2*len(low))]
	fill := func(digit string) (id record.ID) {
		hex.Decode(id[:], []byte(prefix+strings.Repeat(digit, 2*len(id)-len(prefix))))
		return id
	}
	return fill("0"), fill("f")
}
