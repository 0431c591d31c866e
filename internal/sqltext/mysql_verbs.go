package sqltext

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
)

// statement reads one statement, by its first keyword.
func (m *mreader) statement(s mstmt) error {
	if err := s.balanced(); err != nil {
		return err
	}
	m.action, m.also, m.columns = "", "", nil
	if s.op(0, "(") {
		return m.queryText(s)
	}
	if s.op(1, ":") {
		return m.block(s)
	}
	verb := mysqlVerbs[s.word(0)]
	if verb == nil {
		return errForm
	}
	return verb(m, s)
}

// mysqlVerbs reads each statement by its first keyword. Filled in init: verbs read statements in statements.
var mysqlVerbs map[string]func(*mreader, mstmt) error

func init() {
	mysqlVerbs = map[string]func(*mreader, mstmt) error{
		"select": (*mreader).queryText, "with": (*mreader).withText, "values": (*mreader).queryText,
		"table": (*mreader).queryText, "insert": (*mreader).writeText, "replace": (*mreader).writeText,
		"update": (*mreader).writeText, "delete": (*mreader).writeText,
		"do":   func(m *mreader, s mstmt) error { return m.evaluate(s.from(1), "select") },
		"call": (*mreader).callText, "load": (*mreader).loadText, "handler": (*mreader).handlerText,

		"explain": (*mreader).explainText, "describe": (*mreader).explainText, "desc": (*mreader).explainText,
		"analyze": (*mreader).analyzeText, "show": (*mreader).showText,
		"help": plainly("show"), "get": plainly("show"), "signal": plainly("show"), "resignal": plainly("show"),

		"begin": (*mreader).beginText, "start": (*mreader).startText, "stop": plainly("replication"),
		"commit": plainly("transaction"), "rollback": plainly("transaction"), "savepoint": plainly("transaction"),
		"release": plainly("transaction"), "xa": plainly("transaction"),
		"set": (*mreader).setText, "use": (*mreader).useText,
		"prepare": (*mreader).prepareText, "execute": (*mreader).executeText, "deallocate": plainly("deallocate"),
		"lock": (*mreader).lockText, "unlock": plainly("lock"),

		"create": (*mreader).createText, "alter": (*mreader).alterText, "drop": (*mreader).dropText,
		"rename": (*mreader).renameText, "truncate": (*mreader).truncateText,
		"optimize": tables("vacuum"), "check": tables("check"), "checksum": tables("check"), "repair": tables("repair"),
		"cache": plainly("server_admin"),

		"grant": (*mreader).grantText, "revoke": (*mreader).grantText,
		"flush": (*mreader).flushText, "reset": plainly("server_admin", "replication"),
		"purge": plainly("server_admin", "replication"), "kill": (*mreader).killText,
		"shutdown": plainly("server_admin"), "restart": plainly("server_admin"),
		"install": plainly("load", "server_admin"), "uninstall": plainly("load", "server_admin"),
		"change": plainly("replication", "foreign"), "binlog": plainly("replication", "dynamic_sql"),
		"backup": plainly("server_admin", "lock"), "clone": plainly("server_admin", "foreign"),
		"import": plainly("create", "server_file"),
		"if":     (*mreader).block, "case": (*mreader).block, "loop": (*mreader).block, "repeat": (*mreader).block,
		"while": (*mreader).block, "for": (*mreader).block,
	}
}

// plainly gives a statement that holds neither tables nor queries its actions.
func plainly(actions ...string) func(*mreader, mstmt) error {
	return func(m *mreader, s mstmt) error { return m.plain(s, actions...) }
}

func (m *mreader) plain(s mstmt, actions ...string) error {
	if s.queries() {
		return errForm
	}
	for _, a := range actions {
		m.effect(a)
	}
	return nil
}

// queries reports whether a query may stand in a statement: SELECT is reserved by both servers, as are WITH and VALUES.
func (s mstmt) queries() bool { return s.holds("select") }

// tables reads VERB [options] TABLE[S] name, name ... options.
func tables(action string) func(*mreader, mstmt) error {
	return func(m *mreader, s mstmt) error {
		at := s.find(1, "table", "tables", "view")
		if at < 0 || at > 3 {
			return errForm
		}
		return m.tableList(s, at+1, action)
	}
}

// tableList reads name, name, ... from i on; what else may follow each name doesn't matter.
func (m *mreader) tableList(s mstmt, i int, actions ...string) error {
	if s.queries() {
		return errForm
	}
	i = s.pastAll(i, "if", "exists")
	for _, item := range s.from(i).split() {
		schema, name, _, err := item.name(0)
		if err != nil {
			return err
		}
		for _, a := range actions {
			m.note(a, m.full(schema, name))
		}
	}
	return nil
}

// queryText is SELECT and what else gives rows. What INTO does is read from the tokens, and cut off.
func (m *mreader) queryText(s mstmt) error {
	s, err := m.cutInto(s)
	if err != nil {
		return err
	}
	return m.tree(s, (*ast.SelectStmt)(nil), (*ast.SetOprStmt)(nil))
}

// withText is WITH before a query, or MySQL's before UPDATE and DELETE.
func (m *mreader) withText(s mstmt) error {
	if s.find(1, "update", "delete") > 0 {
		return m.tree(s, (*ast.UpdateStmt)(nil), (*ast.DeleteStmt)(nil))
	}
	return m.queryText(s)
}

// writeText is INSERT, REPLACE, UPDATE and DELETE, with MariaDB's RETURNING cut off: a list of what is read of the
// table that is written.
func (m *mreader) writeText(s mstmt) error {
	var list mstmt
	if at := s.find(1, "returning"); at > 0 && m.r.Dialect == DialectMariaDB && !s.is(0, "update") {
		s, list = s.cut(0, at), s.from(at+1)
	}
	node, err := m.parse(s)
	if err != nil {
		return err
	}
	var target ast.Node
	switch n := node.(type) {
	case *ast.InsertStmt:
		target = n.Table
	case *ast.DeleteStmt:
		target = n.TableRefs
	case *ast.UpdateStmt:
	default:
		return errForm
	}
	if err := m.root(s, node); err != nil || len(list.toks) == 0 {
		return err
	}
	m.changes("select", m.refs(target, nil), "")
	return m.values(list, "select")
}

// evaluate reads a list of expressions under an action.
func (m *mreader) evaluate(s mstmt, action string) error {
	m.effect(action)
	return m.values(s, action)
}

// values reads a list of expressions as those of a SELECT of its own; what is read in it belongs to an action.
func (m *mreader) values(s mstmt, action string) error {
	if len(s.toks) == 0 || s.find(0, "from", "into", "union", "except", "intersect", "where", "limit", "for", "lock") >= 0 {
		return errForm
	}
	m.buf = append(m.buf[:0], "SELECT "...)
	m.buf = s.render(m.buf)
	node, err := m.parseText(string(m.buf))
	if err != nil {
		return err
	}
	sel, ok := node.(*ast.SelectStmt)
	if !ok || sel.Fields == nil || sel.From != nil || sel.With != nil || sel.GroupBy != nil || sel.Having != nil ||
		sel.OrderBy != nil || sel.WindowSpecs != nil {
		return errForm
	}
	columns := []string{action}
	if action == "show" {
		columns = nil // of what is shown
	}
	m.within(action, columns, func() { err = m.root(s, sel.Fields) })
	return err
}

func (m *mreader) callText(s mstmt) error {
	m.shaken = max(m.shaken, quoting)
	return m.tree(s, (*ast.CallStmt)(nil))
}

// utility visits a statement whose tables and columns belong to one action.
func (m *mreader) utility(action string, n ast.Node) {
	m.within(action, []string{action}, func() {
		m.effect(action)
		m.parts(n)
	})
}

func (m *mreader) useText(s mstmt) error {
	if len(s.toks) != 2 || !s.isName(1) {
		return errForm
	}
	m.schema = m.fold(s.value(1))
	m.note("use", m.full(m.schema, ""))
	return nil
}

func (m *mreader) beginText(s mstmt) error {
	if s.is(1, "not", "atomic") {
		return m.block(s)
	}
	return m.plain(s, "transaction")
}

// block is a compound statement outside a stored program: a body that is not read.
func (m *mreader) block(s mstmt) error {
	if m.r.Dialect != DialectMariaDB || !s.is(0, "begin", "not", "atomic") {
		return errForm
	}
	m.effect("do")
	m.shaken = anything
	return nil
}

func (m *mreader) startText(s mstmt) error {
	if s.is(1, "transaction") {
		return m.plain(s, "transaction")
	}
	return m.plain(s, "replication")
}

// lockText is LOCK TABLES, and MySQL's LOCK INSTANCE.
func (m *mreader) lockText(s mstmt) error {
	if s.any(1, "table", "tables") {
		return m.tableList(s, 2, "lock")
	}
	return m.plain(s, "lock", "server_admin")
}

func (m *mreader) flushText(s mstmt) error {
	if at := s.find(1, "table", "tables"); at > 0 && s.isName(at+1) && !s.any(at+1, "with", "for") {
		m.effect("server_admin")
		return m.tableList(s, at+1, "lock")
	}
	return m.plain(s, "server_admin")
}

// killText is KILL. What it names may be an expression.
func (m *mreader) killText(s mstmt) error {
	m.literal = true
	i := 1
	for s.any(i, "hard", "soft", "connection", "query", "id") {
		i++
	}
	if err := m.plain(s, "signal_backend"); err != nil || len(s.toks) == i+1 || s.is(i, "user") {
		return err
	}
	return m.values(s.from(i), "signal_backend")
}
