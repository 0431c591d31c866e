package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Query is what an investigator looks for. See Syntax.
type Query struct {
	Since, Until int64 // unix nanoseconds, both inclusive; 0: no bound

	conds []cond  // all must hold
	says  []say   // free text: all must have been said
	after *cursor // only what stands behind this
	names uint64  // 1<<Kind of those that it names: then exactly those are found, else those that matter
	deep  bool    // it looks into words: then what the target and the session said is found too
}

// cond is a condition on a field.
type cond struct {
	field *field
	not   bool
	any   []value // one of them must fit
}

// Syntax is the query language's help.
const Syntax = `A query is a list of conditions, all of which must hold:

  user:alice  account:app  target:orders  database:shop  protocol:postgres  client:10.0.0.0/8  pid:4711
      whose session it was, where it came from and went; pid is the target's own number for it
  session:01931b5e  seq:12
      one session, by the beginning of its id; one record of it
  kind:query,execute,copy  verdict:deny  outcome:failed  code:42501  rule:no-salaries
      what kind of record, what the policy said, what came of it, with which error code
  action:delete  table:orders  table:public.orders  column:salary
      what a statement does and touches
  command:"systemctl stop"  program:fdisk  path:/etc/shadow  path:/etc/*  path:sudoers
      SSH: a piece of a command line, run or typed; a program that one runs; a file that one or a transfer touches, whole or by its last name
  text:"where id ="  param:4711  message:deadlock
      this very piece of the statement, a parameter or the answer, in capitals or not
  rows:>1000  duration:>2s  bytes:>=1048576  warnings:>0  insert_id:4711
      how much and how long; MySQL: with how many warnings, and the number that the first new row was given
  since:2026-11-23  until:10m  time:today
      when: a date, a time (15:04, 2026-11-23T15:04, RFC 3339), today, yesterday, or 10m, 2h, 1d, 3w ago
  words  "a phrase"  begin*
      whole words that were said in the statement, its parameters or the answer, in any order
  /drop\s+table/  /(?i)password/  text:/^vacuum/
      a regular expression (Go's syntax) on the statement, its parameters or a message; \/ is a slash in it

A minus before a condition turns it around: -user:alice, -"for update". A comma means or: user:alice,bob.
A * in a name stands for anything: table:audit_*. Quotes keep spaces, commas and stars: text:"a, b".`

// Parse reads a query. Times in it are relative to now and in now's zone. An error is a *QueryError.
func Parse(text string, now time.Time) (*Query, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	q := &Query{}
	for _, t := range tokens {
		if err := q.add(text, t, now); err != nil {
			return nil, err
		}
	}
	if q.Since != 0 && q.Until != 0 && q.Since > q.Until {
		return nil, fmt.Errorf("read query: since (%s) is after until (%s): nothing can be found",
			time.Unix(0, q.Since).In(now.Location()).Format(time.RFC3339), time.Unix(0, q.Until).In(now.Location()).Format(time.RFC3339))
	}
	return q, nil
}

func (q *Query) add(text string, t token, now time.Time) error {
	fault := func(msg, hint string) error {
		return &QueryError{text, t.vpos, max(t.end-t.vpos, 1), msg, hint}
	}
	if t.field == "" {
		s, why := newSay(t)
		if why != "" {
			return fault(why, regexHint)
		}
		if len(s.words) == 0 && s.re == nil {
			return fault("there is no word in this", `words are letters, digits and _; for other characters: text:"..."`)
		}
		q.says = append(q.says, s)
		q.deep = q.deep || !t.not
		return nil
	}
	f := fieldNamed(t.field)
	switch {
	case f == nil:
		return &QueryError{text, t.pos, t.end - t.pos, fmt.Sprintf("there is no field %q", t.field), suggest(t)}
	case t.value == "":
		return fault("a value is missing behind "+t.field+":", f.example())
	case f.kind == isTime:
		return q.addTime(f, t, now, fault)
	}
	c := cond{field: f, not: t.not}
	if t.regex && f.kind != isPiece {
		return fault("a regular expression can't be given here", "it can in text:/.../, param:/.../, message:/.../ and alone; "+f.example())
	}
	for _, part := range alternatives(t) {
		v, why := f.parse(part, t)
		if why != "" {
			return fault(why, f.example())
		}
		c.any = append(c.any, v)
	}
	if f.name == "kind" && !t.not {
		q.names |= c.kinds()
	}
	q.deep = q.deep || f.deep && !t.not
	q.conds = append(q.conds, c)
	return nil
}

func (q *Query) addTime(f *field, t token, now time.Time, fault func(msg, hint string) error) error {
	first, ok := instant(t.value, now, false)
	last, _ := instant(t.value, now, true)
	switch {
	case t.not:
		return fault("a time can't be turned around with a minus", "the other side of since: is until:")
	case !ok || t.regex:
		return fault("this is no time", f.example())
	case f.name == "time" && first.Equal(last):
		return fault("this is a moment, not a time that lasted", f.example())
	}
	if f.name != "until" {
		q.Since = max(q.Since, first.UnixNano())
	}
	if f.name != "since" {
		q.before(last.UnixNano())
	}
	return nil
}

// before bounds what is found by time.
func (q *Query) before(until int64) {
	if q.Until == 0 || until < q.Until {
		q.Until = until
	}
}

// alternatives are a value's parts between commas; a value in quotes and a regular expression are one.
func alternatives(t token) []string {
	if t.quoted || t.regex {
		return []string{t.value}
	}
	return strings.Split(t.value, ",")
}

// suggest finds what was meant by an unknown field.
func suggest(t token) string {
	near := slices.MinFunc(fields, func(a, b field) int {
		return cmp.Compare(distance(a.name, t.field), distance(b.name, t.field))
	})
	whole := fmt.Sprintf(`to find the text itself, put it in quotes: "%s:%s"`, t.field, t.value)
	if distance(near.name, t.field) > 2 {
		return whole
	}
	return fmt.Sprintf("did you mean %s:%s? %s", near.name, t.value, whole)
}

// distance is the number of single-letter edits from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			edit := last
			if a[i] != b[j] {
				edit++
			}
			last, row[j+1] = row[j+1], min(edit, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// kinds are the kinds that a condition on kind names, 1<<Kind.
func (c *cond) kinds() uint64 {
	bits := uint64(0)
	for k := record.KindNone + 1; k <= record.KindLast; k++ {
		if c.fits(&Hit{Record: record.Record{Kind: k}}) {
			bits |= 1 << k
		}
	}
	return bits
}

// kinds are those of the records at which a hit may be found, 1<<Kind, and those that count only where they were refused: what
// shows and worth decide. A value that was split is found at its last piece.
func (q *Query) kinds() (any, refused uint64) {
	const (
		steps  = 1<<record.KindParse | 1<<record.KindBind
		deep   = 1<<record.KindOpen | 1<<record.KindJoin | 1<<record.KindNotice
		hidden = 1<<record.KindResult | 1<<record.KindState | 1<<record.KindResize | steps | deep
	)
	if any = q.names; any == 0 {
		any, refused = ^uint64(hidden), steps
		if q.deep {
			any |= deep
		} else {
			refused |= 1 << record.KindOpen
		}
	}
	if any |= 1 << record.KindData; q.listens() {
		any |= 1 << record.KindResult
	}
	return any | refused, refused
}

// Narrow is what of q a store can use to leave blocks and sessions out.
func (q *Query) Narrow() record.Narrow {
	n := record.Narrow{Since: q.Since, Until: q.Until}
	if q.after != nil && (n.Until == 0 || q.after.at < n.Until) {
		n.Until = q.after.at
	}
	for _, c := range q.conds {
		if !c.not && len(c.any) == 1 && c.field.narrow != nil {
			c.field.narrow(&n, c.any[0])
		}
	}
	n.Kinds, n.Refused = q.kinds()
	n.Pieces = q.names&(1<<record.KindData) != 0
	for _, s := range q.says {
		if !s.not {
			n.Words = append(n.Words, s.whole()...)
		}
	}
	return n
}
