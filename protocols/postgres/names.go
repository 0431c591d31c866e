package postgres

import (
	"bytes"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// prepared is a statement as its Parse was judged.
type prepared struct {
	known bool
	name  []byte          // its own; empty: the unnamed statement
	seq   uint64          // of the Parse's record
	facts protocols.Facts //
	types []uint32        // of the parameters, as the server told or the client declared; 0: not told
	marks marks           // of its text
}

// bound is a portal: a statement with its parameters.
type bound struct {
	known bool
	name  []byte // its own; empty: the unnamed portal
	seq   uint64 // of the Bind's record
	stmt  prepared
}

const (
	maxName       = 63     // bytes of a name that count: PostgreSQL cuts the rest off (NAMEDATALEN)
	maxStatements = 10_000 // named statements of a session, and portals; over it they are refused
	maxTypes      = 1024   // parameter types that are kept of a statement; of more, the first
)

// names is what statements and portals are called, as the server has answered: a name means what the server says that it
// means. (A client may prepare s1 twice: the second fails, and executing s1 runs the first.)
type names struct {
	unnamed       prepared
	unnamedPortal bound
	stmts         map[string]prepared
	portals       map[string]bound
	deallocated   bool // SQL took names away: which of stmts is still there isn't known
	fromSQL       bool // SQL may have given names that aren't known here
}

// clip cuts a name to what PostgreSQL compares.
func clip(name []byte) []byte {
	return name[:min(len(name), maxName)]
}

func (n *names) statement(name []byte) prepared {
	if len(name) == 0 {
		return n.unnamed
	}
	return n.stmts[string(name)]
}

func (n *names) portal(name []byte) bound {
	if len(name) == 0 {
		return n.unnamedPortal
	}
	return n.portals[string(name)]
}

func (n *names) setStatement(p prepared) {
	if len(p.name) == 0 {
		n.unnamed = p
		return
	}
	if n.stmts == nil {
		n.stmts = make(map[string]prepared)
	}
	n.stmts[string(p.name)] = p
}

func (n *names) setPortal(b bound) {
	if len(b.name) == 0 {
		n.unnamedPortal = b
		return
	}
	if n.portals == nil {
		n.portals = make(map[string]bound)
	}
	n.portals[string(b.name)] = b
}

// closed follows a CloseComplete.
func (n *names) closed(e *expect) {
	switch {
	case e.of == ofStatement && len(e.stmt.name) == 0:
		n.unnamed = prepared{}
	case e.of == ofStatement:
		delete(n.stmts, string(e.stmt.name))
	case len(e.portal.name) == 0:
		n.unnamedPortal = bound{}
	default:
		delete(n.portals, string(e.portal.name))
	}
}

// closePortals follows the end of a transaction: no portal of the protocol outlives it.
func (n *names) closePortals() {
	n.unnamedPortal = bound{}
	clear(n.portals)
}

// command follows what SQL did to names, as far as a command tag tells.
func (n *names) command(tag []byte) {
	switch string(tag) {
	case "DISCARD ALL", "DEALLOCATE ALL":
		n.deallocated = false // the unnamed statement stays: it isn't one of SQL's
		clear(n.stmts)
		if string(tag) == "DISCARD ALL" {
			n.closePortals()
		}
	case "DEALLOCATE":
		n.deallocated = true
	case "PREPARE":
		if n.deallocated { // the name may be one that we know as something else
			clear(n.stmts)
		}
	case "COMMIT", "BEGIN", "START TRANSACTION", "PREPARE TRANSACTION": // a function may open a cursor of that name now
		n.closePortals()
	case "CLOSE CURSOR", "CLOSE CURSOR ALL", "DECLARE CURSOR":
		clear(n.portals)
	}
}

// absent makes a refusal of what isn't known by its name say what the server itself would, where it can't exist there
// either: drivers prepare anew when they are told so.
func (m *machine) absent(e *expect, answer *protocols.Answer, known bool, what string, name []byte) {
	if known || answer.Verdict == record.VerdictAllow || len(name) > 0 && m.names.fromSQL {
		return
	}
	answer.Refusal = &protocols.Error{Class: protocols.ClassBadRequest, Message: fmt.Sprintf("%s %q does not exist", what, name)}
	if len(name) == 0 && what == preparedStatement {
		answer.Refusal.Message = "unnamed prepared statement does not exist"
	}
	if e.code = "26000"; what != preparedStatement { // invalid_sql_statement_name
		e.code = "34000" // invalid_cursor_name
	}
}

// What a name is of, as PostgreSQL says it.
const (
	preparedStatement = "prepared statement"
	portalName        = "portal"
)

// statementFor finds what name will mean when the server reads a message sent now. wait: only the server's answers to
// what is outstanding will tell, up to there. Within one segment (up to a Sync) the last Parse decides: if anything before fails, the
// server passes over what refers to it.
func (m *machine) statementFor(name []byte) (p prepared, wait condition) {
	name = clip(name)
	last, place := m.queue.lastOf(m.queue.lastStmt, func(e *expect) bool { return bytes.Equal(e.stmt.name, name) })
	switch {
	case last != nil && last.segment != m.segment:
		return prepared{}, m.answered(place)
	case last != nil && last.kind == typeParse:
		return last.stmt, nil
	case last != nil:
		return prepared{}, nil
	case len(name) > 0 && m.queue.renames > 0:
		return prepared{}, m.settledNames
	}
	return m.names.statement(name), nil
}

// portalFor is statementFor of portals.
func (m *machine) portalFor(name []byte) (b bound, wait condition) {
	name = clip(name)
	last, place := m.queue.lastOf(m.queue.lastPortal, func(e *expect) bool { return bytes.Equal(e.portal.name, name) })
	switch {
	case last != nil && last.segment != m.segment:
		return bound{}, m.answered(place)
	case last != nil && last.kind == typeBind:
		return last.portal, nil
	case last != nil:
		return bound{}, nil
	case len(name) > 0 && m.queue.renames > 0:
		return bound{}, m.settledNames
	case len(name) > 0 && m.queue.len() > 0 && m.names.portal(name).known: // a transaction may end in what is outstanding
		return bound{}, m.answered(m.queue.tail - 1)
	}
	return m.names.portal(name), nil
}
