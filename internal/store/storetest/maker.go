// Package storetest is the conformance suite that every store passes, and the maker of the archives that tests need.
package storetest

import (
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Maker makes sealed blocks as the recorder does: one chain a session, positions without gaps. What it makes is the
// same each time.
type Maker struct {
	Now time.Time // of the next record; moves on by a millisecond with each

	pos      uint64
	sessions byte
	chains   map[record.ID]*chain
	pending  []record.Record
}

type chain struct {
	next  uint64
	head  record.Hash
	salts *record.Salter
}

// NewMaker begins at a fixed time and position.
func NewMaker() *Maker {
	return &Maker{Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), pos: 4096, chains: make(map[record.ID]*chain)}
}

// Add numbers a record, sets its time if it has none, and keeps it for the next block. It returns its Seq.
func (m *Maker) Add(id record.ID, r record.Record) uint64 {
	c := m.chains[id]
	if c == nil {
		c = &chain{head: record.Start(id), salts: record.NewSecret([16]byte([]byte("secret of " + id.String()[30:]))).Salts()}
		m.chains[id] = c
	}
	m.Now = m.Now.Add(time.Millisecond)
	if r.At == 0 {
		r.At = m.Now.UnixNano()
	}
	r.Session, r.Seq = id, c.next
	c.next++
	m.pending = append(m.pending, r)
	return r.Seq
}

// Seal makes a block of the records that were added since the last.
func (m *Maker) Seal() (*record.Block, []byte) {
	b := &record.Block{Pos: m.pos, Count: len(m.pending), First: m.pending[0].At, Last: m.pending[0].At}
	index := make(map[record.ID]int)
	var words record.WordSet
	var raw []byte
	for i := range m.pending {
		r := &m.pending[i]
		c := m.chains[r.Session]
		at, ok := index[r.Session]
		if !ok {
			at = len(b.Spans)
			index[r.Session] = at
			b.Spans = append(b.Spans, record.Span{Session: r.Session, First: r.Seq, Before: c.head, Secret: c.salts.Secret()})
		}
		c.head = record.Next(c.head, c.salts, r.Seq, r.AppendEnvelope(nil), r.AppendPayload(nil))
		b.Spans[at].Last, b.Spans[at].After = r.Seq, c.head
		b.First, b.Last = min(b.First, r.At), max(b.Last, r.At)
		b.Kinds |= 1 << r.Kind
		words.AddRecord(r)
		raw = record.AppendRecord(raw, r)
	}
	m.pos += uint64(len(raw))
	m.pending = nil
	b.End, b.Raw, b.Words, b.Data = m.pos, len(raw), words.Filter(), record.Pack(nil, raw)
	return b, b.AppendTo(nil)
}

// Session is one session that a Maker tells of, as the Postgres relay would.
type Session struct {
	m  *Maker
	ID record.ID
}

// Open begins a session of Postgres.
func (m *Maker) Open(user, account, target, database string) *Session {
	s := m.session()
	s.m.Add(s.ID, record.Record{Kind: record.KindOpen, Verdict: record.VerdictAllow, User: user, Account: account, Target: target,
		Database: database, Protocol: "postgres", Client: "10.0.0.5:51234", App: "psql", TLS: "TLS1.3 TLS_AES_128_GCM_SHA256",
		Gateway: "gw1", Build: "v0.1.0", Config: "91bc0c0ffee0", Policy: "3f2a0c0ffee0"})
	s.m.Add(s.ID, record.Record{Kind: record.KindJoin, Peer: "10.0.1.7:5432", PID: 4700 + uint64(m.sessions), Version: "15.8", Credential: "3"})
	return s
}

// OpenMySQL begins a session of MySQL, in which UTF-8 is spoken under MariaDB's own sql_mode.
func (m *Maker) OpenMySQL(user, account, target, database string) *Session {
	s := m.session()
	s.m.Add(s.ID, record.Record{Kind: record.KindOpen, Verdict: record.VerdictAllow, User: user, Account: account, Target: target,
		Database: database, Protocol: "mysql", Client: "10.0.0.5:51235", App: "mysql", TLS: "TLS1.3 TLS_AES_128_GCM_SHA256",
		Gateway: "gw1", Build: "v0.1.0", Config: "91bc0c0ffee0", Policy: "3f2a0c0ffee0"})
	s.m.Add(s.ID, record.Record{Kind: record.KindJoin, Peer: "10.0.1.8:3306", PID: 4700 + uint64(m.sessions), Version: "10.11.19-MariaDB", Credential: "3"})
	s.State("character_set_client", "utf8mb4")
	s.State("sql_mode", "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION")
	return s
}

// session is one that says nothing yet.
func (m *Maker) session() *Session {
	m.sessions++
	s := &Session{m: m, ID: record.NewID(m.Now)}
	for i := 6; i < len(s.ID); i++ {
		s.ID[i] = m.sessions // the same each time
	}
	s.ID[6], s.ID[8] = 0x70|m.sessions>>4, 0x80|m.sessions
	return s
}

// State tells of a setting.
func (s *Session) State(name, value string) {
	s.m.Add(s.ID, record.Record{Kind: record.KindState, Name: []byte(name), Text: []byte(value)})
}

// Query asks for a statement and returns its Seq.
func (s *Session) Query(text string, actions, tables []string) uint64 {
	return s.m.Add(s.ID, record.Record{Kind: record.KindQuery, Verdict: record.VerdictAllow, Rule: "staff", Text: []byte(text),
		Actions: actions, Tables: tables, Digest: 0x50fde20626009aba})
}

// Result tells what came of an action.
func (s *Session) Result(of uint64, tag string, rows uint64) {
	s.m.Add(s.ID, record.Record{Kind: record.KindResult, Of: of, Outcome: record.OutcomeDone, Text: []byte(tag), Rows: rows,
		Took: int64(1200 * time.Microsecond), Bytes: rows * 20})
}

// Fail tells that an action failed.
func (s *Session) Fail(of uint64, code, message string) {
	s.m.Add(s.ID, record.Record{Kind: record.KindResult, Of: of, Outcome: record.OutcomeFailed, Code: []byte(code),
		Message: []byte(message), Took: int64(time.Millisecond)})
}

// Refuse asks for a statement that policy refuses.
func (s *Session) Refuse(text, rule string, actions, tables []string) uint64 {
	seq := s.m.Add(s.ID, record.Record{Kind: record.KindQuery, Verdict: record.VerdictDeny, Rule: rule, Text: []byte(text),
		Actions: actions, Tables: tables})
	s.m.Add(s.ID, record.Record{Kind: record.KindResult, Of: seq, Outcome: record.OutcomeRefused, Code: []byte("42501"),
		Message: []byte("the policy refuses this statement")})
	return seq
}

// Prepare, Bind and Execute are the extended protocol.
func (s *Session) Prepare(name, text string, actions, tables []string) uint64 {
	return s.m.Add(s.ID, record.Record{Kind: record.KindParse, Verdict: record.VerdictAllow, Name: []byte(name), Text: []byte(text),
		Actions: actions, Tables: tables})
}

// Bind binds parameters to a prepared statement.
func (s *Session) Bind(of uint64, params ...record.Param) uint64 {
	return s.m.Add(s.ID, record.Record{Kind: record.KindBind, Of: of, Params: params})
}

// Execute runs what was bound.
func (s *Session) Execute(of uint64) uint64 {
	return s.m.Add(s.ID, record.Record{Kind: record.KindExecute, Verdict: record.VerdictAllow, Rule: "staff", Of: of})
}

// Long tells of long data for a parameter of a prepared statement, of which more follows or not.
func (s *Session) Long(of uint64, parameter, data string, more bool) uint64 {
	r := record.Record{Kind: record.KindBind, Of: of, Portal: []byte(parameter),
		Params: []record.Param{{Type: record.MySQLBlob, Format: record.FormatMySQL, Value: []byte(data)}}}
	if more {
		r.Flags = record.FlagMore
	}
	return s.m.Add(s.ID, r)
}

// Run executes a prepared statement of MySQL with its parameters.
func (s *Session) Run(of uint64, params ...record.Param) uint64 {
	return s.m.Add(s.ID, record.Record{Kind: record.KindExecute, Verdict: record.VerdictAllow, Rule: "staff", Of: of, Params: params})
}

// Command asks for a command of MySQL's that is no statement.
func (s *Session) Command(name, object string) uint64 {
	return s.m.Add(s.ID, record.Record{Kind: record.KindCommand, Verdict: record.VerdictAllow, Rule: "staff", Name: []byte(name), Text: []byte(object)})
}

// OK tells what came of an action of MySQL.
func (s *Session) OK(of uint64, r record.Record) {
	r.Kind, r.Of, r.Outcome, r.Took = record.KindResult, of, record.OutcomeDone, int64(1200*time.Microsecond)
	s.m.Add(s.ID, r)
}

// Add is the Maker's.
func (s *Session) Add(r record.Record) uint64 { return s.m.Add(s.ID, r) }

// Close ends the session.
func (s *Session) Close() {
	s.m.Add(s.ID, record.Record{Kind: record.KindClose, Outcome: record.OutcomeDone, Took: int64(time.Minute)})
}
