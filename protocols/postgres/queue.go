package postgres

import "github.com/gatefold/gatefold/protocols"

// expect is a message that went to the server and that the server has yet to answer.
type expect struct {
	kind    byte             // its type
	of      byte             // Describe, Close: ofStatement or ofPortal
	marks   marks            // of the text that it runs
	asked   bool             // it was asked, and its Result is still to be told
	refused *protocols.Error // it stands in place of a message that gatefold refused
	code    string           // SQLSTATE of the refusal; empty: that of its class
	seq     uint64           // of its record
	segment uint64           // how many Syncs went before it
	stmt    prepared         // Parse: what it makes. Describe, Close: the statement they name
	portal  bound            // Bind: what it makes. Close: the portal it names
	before  uint64           // statements, portals: place of the one before in its chain, plus one; 0: none
}

// refusal is what the client is told in place of the server's error.
func (e *expect) refusal() []byte { return encodeError(e.refused, severityError, e.state()) }

// state is the refusal's SQLSTATE.
func (e *expect) state() string {
	if e.code != "" {
		return e.code
	}
	return sqlState(e.refused.Class, severityError)
}

// isAction reports whether a Result is owed for it, whatever becomes of it.
func (e *expect) isAction() bool {
	return e.asked && (e.kind == typeQuery || e.kind == typeExecute || e.kind == typeFunctionCall)
}

const (
	keptQueue = 64   // entries that a session at rest keeps room for
	maxQueue  = 8192 // entries; a client that is further ahead waits for the server
)

// queue holds what is outstanding, first sent first: the server answers in that order (section 55.2.4). Places count
// from the session's start and are never used twice. Two chains run through it backwards, of what changes the names
// of statements and of portals.
type queue struct {
	ring       []expect // its length is a power of two
	head, tail uint64   // places
	lastStmt   uint64   // place of the last that changes a statement's name, plus one; not after head: none
	lastPortal uint64   // the same of portals
	copies     int      // entries whose text may begin a COPY that the server hasn't begun yet
	renames    int      // entries whose text may give a name to a statement or a portal
	replies    int      // ReadyForQuery owed
}

func (q *queue) len() int { return int(q.tail - q.head) }

func (q *queue) at(place uint64) *expect { return &q.ring[place&uint64(len(q.ring)-1)] }

// first returns the oldest entry, nil when there is none. It is valid until the next push or pop.
func (q *queue) first() *expect {
	if q.head == q.tail {
		return nil
	}
	return q.at(q.head)
}

// firstIs reports whether the oldest entry is of this type and not refused.
func (q *queue) firstIs(kind byte) bool {
	e := q.first()
	return e != nil && e.kind == kind && e.refused == nil
}

func (q *queue) push(e expect) {
	if q.len() == len(q.ring) {
		q.grow()
	}
	place := q.tail + 1
	switch {
	case e.kind == typeParse, e.kind == typeClose && e.of == ofStatement:
		e.before, q.lastStmt = q.lastStmt, place
	case e.kind == typeBind, e.kind == typeClose:
		e.before, q.lastPortal = q.lastPortal, place
	case e.kind == typeSync, e.kind == typeQuery, e.kind == typeFunctionCall:
		q.replies++
	}
	if e.marks&marksCopy != 0 {
		q.copies++
	}
	if e.marks&marksName != 0 {
		q.renames++
	}
	*q.at(q.tail) = e
	q.tail = place
}

func (q *queue) pop() {
	e := q.at(q.head)
	switch e.kind {
	case typeSync, typeQuery, typeFunctionCall:
		q.replies--
	}
	q.uncopy(e)
	if e.marks&marksName != 0 {
		q.renames--
	}
	*e = expect{}
	q.head++
	if q.head == q.tail && len(q.ring) > keptQueue {
		q.ring = nil
	}
}

// uncopy notes that e begins no (other) COPY.
func (q *queue) uncopy(e *expect) {
	if e.marks&marksCopy != 0 {
		e.marks &^= marksCopy
		q.copies--
	}
}

func (q *queue) grow() {
	ring := make([]expect, max(16, 2*len(q.ring)))
	for place := q.head; place < q.tail; place++ {
		ring[place&uint64(len(ring)-1)] = *q.at(place)
	}
	q.ring = ring
}

// lastOf walks a chain from last towards the head until found says so, and returns the entry and its place; nil: none.
func (q *queue) lastOf(last uint64, found func(*expect) bool) (*expect, uint64) {
	for last > q.head {
		e := q.at(last - 1)
		if found(e) {
			return e, last - 1
		}
		last = e.before
	}
	return nil, 0
}
