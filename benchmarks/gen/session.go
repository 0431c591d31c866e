package gen

import (
	"fmt"
	"strconv"

	"github.com/gatefold/gatefold/internal/record"
)

// style is how a session works.
type style int

const (
	fleeting style = iota // in and out: a health check, a login that is turned away
	person                // types statements
	program               // sends statements with literals in them, as programs without parameters do
	prepared              // prepares a few and executes them again and again
)

type session struct {
	id      record.ID
	style   style
	user    string
	app     string
	target  *target
	client  string
	refused bool  // never let in
	left    int   // actions to come
	began   int64 // unix nanoseconds
	next    uint64
	actions uint64
	phase   phase
	last    record.Record // the action without a Result; its slices are not kept
	form    *form         // of it
	plan    []*form       // prepared: those that it prepares
	parses  []uint64      // their Seq, as far as they are prepared
	bound   uint64
}

type phase int

const (
	opening phase = iota
	joining
	asking
	executing
	answering
)

// newSession draws who comes next: one in three is gone before its fifth record.
func (g *Generator) newSession() *session {
	s := &session{id: g.id(), began: g.now, target: &targets[g.skewed(len(targets))]}
	s.client = fmt.Sprintf("10.%d.%d.%d:%d", g.rng.IntN(4), g.rng.IntN(32), 1+g.rng.IntN(250), 32768+g.rng.IntN(28000))
	switch n := g.rng.IntN(100); {
	case n < 34:
		s.style, s.user, s.app = fleeting, users[g.skewed(len(users))], "psql"
		s.refused = g.chance(15)
	case n < 62:
		s.style, s.user, s.app = person, users[g.skewed(len(users))], apps[g.rng.IntN(len(apps))]
		s.left = g.spread(2, 120)
	case n < 84:
		s.style, s.user, s.app = program, services[g.skewed(len(services))], "libpq"
		s.left = g.spread(3, max(g.o.Long/4, 4))
	default:
		s.style, s.user, s.app = prepared, services[g.skewed(len(services))], "PostgreSQL JDBC Driver"
		s.left = g.spread(5, max(g.o.Long, 6))
		for range 1 + g.rng.IntN(8) {
			s.plan = append(s.plan, &forms[g.rng.IntN(len(forms))])
		}
	}
	return s
}

// step makes the session's next record.
func (s *session) step(g *Generator, r *record.Record) {
	switch s.phase {
	case opening:
		s.begin(r)
	case joining:
		s.join(g, r)
	case asking:
		s.ask(g, r)
	case executing:
		s.act(r, record.Record{Kind: record.KindExecute, Of: s.bound})
	case answering:
		s.answer(g, r)
	}
}

func (s *session) begin(r *record.Record) {
	r.Kind, r.Epoch, r.Verdict, r.Rule = record.KindOpen, 3, record.VerdictAllow, "staff-may-connect"
	r.User, r.Account, r.Target, r.Database, r.Protocol = s.user, "app", s.target.name, s.target.database, "postgres"
	r.Client, r.App, r.TLS = s.client, s.app, "TLS1.3 TLS_AES_128_GCM_SHA256"
	r.Gateway, r.Build, r.Config, r.Policy = "gw1", "v0.3.0 (4f1c7a90b2d6)", configHash, policyHash
	s.phase = joining
	if s.refused {
		r.Verdict, r.Rule = record.VerdictDeny, ""
	}
}

func (s *session) join(g *Generator, r *record.Record) {
	if s.refused {
		s.end(g, r, record.OutcomeRefused, "the login failed")
		return
	}
	r.Kind, r.Peer, r.PID, r.Version = record.KindJoin, s.target.peer, uint64(1000+g.rng.IntN(4_000_000)), "15.14"
	r.TLS, r.Credential = "TLS1.3 TLS_AES_256_GCM_SHA384", "3"
	s.phase = asking
}

func (s *session) ask(g *Generator, r *record.Record) {
	switch {
	case s.left == 0:
		s.end(g, r, record.OutcomeDone, "")
	case s.style == prepared && len(s.parses) < len(s.plan) && (len(s.parses) == 0 || g.chance(5)):
		s.prepare(g, r)
	case s.style == prepared:
		s.bind(g, r)
	default:
		s.left--
		s.form = &forms[g.rng.IntN(len(forms))]
		if s.style == person && g.chance(1) {
			s.form = &secret
		}
		g.buf = s.form.appendText(g, g.buf)
		q := record.Record{Kind: record.KindQuery, Text: g.buf}
		s.form.describe(&q)
		s.act(r, q)
	}
}

func (s *session) prepare(g *Generator, r *record.Record) {
	f := s.plan[len(s.parses)]
	g.buf = append(strconv.AppendInt(append(g.buf, "S_"...), int64(len(s.parses)+1), 10), ' ')
	n := len(g.buf)
	g.buf = f.appendPrepared(g.buf)
	r.Kind, r.Epoch, r.Verdict, r.Rule, r.Name, r.Text = record.KindParse, 3, record.VerdictAllow, allowRule, g.buf[:n-1], g.buf[n:]
	f.describe(r)
	s.parses = append(s.parses, s.next)
}

func (s *session) bind(g *Generator, r *record.Record) {
	i := g.rng.IntN(len(s.parses))
	s.form = s.plan[i]
	s.left--
	r.Kind, r.Of, r.Verdict, r.Epoch, r.Rule = record.KindBind, s.parses[i], record.VerdictAllow, 3, allowRule
	r.Params = s.form.params(g)
	s.bound, s.phase = s.next, executing
}

// act asks for an action.
func (s *session) act(r *record.Record, a record.Record) {
	a.Session, a.Seq, a.At, a.Epoch, a.Verdict, a.Rule = r.Session, r.Seq, r.At, 3, record.VerdictAllow, allowRule
	if s.form == &secret {
		a.Verdict, a.Rule = record.VerdictDeny, denyRule
	}
	*r = a
	s.last, s.phase = record.Record{Seq: a.Seq, At: a.At, Verdict: a.Verdict}, answering
	s.actions++
}

func (s *session) answer(g *Generator, r *record.Record) {
	r.Kind, r.Of, r.Outcome = record.KindResult, s.last.Seq, record.OutcomeDone
	r.Took = int64(g.spread(80_000, 40_000_000)) // 80 us to 40 ms
	s.phase = asking
	switch {
	case s.last.Verdict == record.VerdictDeny:
		r.Outcome, r.Code, r.Took = record.OutcomeRefused, []byte("42501"), 0
		r.Message = []byte(`policy refuses select on salaries: rule "no-salaries"`)
	case g.chance(1.5):
		fail := failures[g.rng.IntN(len(failures))]
		r.Outcome, r.Code = record.OutcomeFailed, []byte(fail.code)
		r.Message = fmt.Appendf(nil, fail.message, g.rng.IntN(1_000_000))
	default:
		r.Rows = s.form.rows(g)
		r.Bytes = r.Rows * uint64(40+g.rng.IntN(90))
		g.buf = strconv.AppendUint(append(g.buf, s.form.tag...), r.Rows, 10)
		r.Text = g.buf
	}
}

func (s *session) end(g *Generator, r *record.Record, o record.Outcome, message string) {
	r.Kind, r.Outcome, r.Rows, r.Took = record.KindClose, o, s.actions, g.now-s.began
	if message != "" {
		r.Message = []byte(message)
	}
}
