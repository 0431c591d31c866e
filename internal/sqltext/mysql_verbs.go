package sqltext

import (
	"slices"
	"strings"

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

// cutInto takes SELECT's INTO out of a query, wherever it may stand: variables change nothing, a file of the server does.
func (m *mreader) cutInto(s mstmt) (mstmt, error) {
	at := -1
	for i := range s.toks {
		if s.is(i, "into") {
			if at >= 0 {
				return s, errForm
			}
			at = i
		}
	}
	if at < 0 {
		return s, nil
	}
	end := at + 1
	switch {
	case s.any(end, "outfile", "dumpfile") && s.at(end+1).kind == mString:
		m.effect("copy_to")
		m.effect("copy_file")
		m.copied = true
		end = s.pastFormat(end + 2)
	case s.at(end).kind == mVar:
		for end++; s.op(end, ",") && s.at(end+1).kind == mVar; end += 2 {
		}
	default:
		return s, errForm
	}
	cut := s
	cut.toks = append(slices.Clone(s.toks[:at]), s.toks[end:]...)
	return cut, nil
}

// pastFormat returns i behind the format of a file: CHARACTER SET, FIELDS, LINES.
func (s mstmt) pastFormat(i int) int {
	i = s.pastCharset(i)
	if s.any(i, "fields", "columns") {
		i = s.pastDelimiters(i + 1)
	}
	if s.is(i, "lines") {
		i = s.pastDelimiters(i + 1)
	}
	return i
}

func (s mstmt) pastCharset(i int) int {
	switch {
	case s.is(i, "character", "set"):
		return i + 3
	case s.is(i, "charset"):
		return i + 2
	}
	return i
}

func (s mstmt) pastDelimiters(i int) int {
	for {
		j := s.past(i, "optionally")
		if !s.any(j, "terminated", "enclosed", "escaped", "starting") || !s.is(j+1, "by") {
			return i
		}
		switch s.at(j + 2).kind {
		case mString, mHex, mNumber:
		default:
			return i
		}
		i = j + 3
	}
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

// loadText is LOAD DATA and LOAD XML, and LOAD INDEX INTO CACHE.
func (m *mreader) loadText(s mstmt) error {
	if !s.any(1, "data", "xml") {
		return m.plain(s, "server_admin")
	}
	i := s.past(2, "low_priority", "concurrent")
	file := "copy_file"
	if s.is(i, "local") {
		file, i = "load_local", i+1
	}
	if !s.is(i, "infile") || s.at(i+1).kind != mString {
		return errForm
	}
	actions := []string{"copy_from", "insert"}
	i += 2
	if s.is(i, "replace") {
		actions = append(actions, "delete")
	}
	i = s.past(i, "replace", "ignore")
	if !s.is(i, "into", "table") {
		return errForm
	}
	schema, name, i, err := s.name(i + 2)
	if err != nil {
		return err
	}
	m.effect(file)
	for _, a := range actions {
		m.note(a, m.full(schema, name))
	}
	return m.loaded(s.from(i))
}

// loaded reads what follows the table of LOAD DATA: its format, columns and SET.
func (m *mreader) loaded(s mstmt) error {
	i := 0
	if s.is(i, "partition") {
		if i = s.pastBrackets(i + 1); i < 0 {
			return errForm
		}
	}
	i = s.pastCharset(i)
	if s.is(i, "rows", "identified", "by") {
		i += 4
	}
	i = s.pastFormat(i)
	if s.is(i, "ignore") {
		i += 3
	}
	columns := 0
	if s.op(i, "(") {
		end := s.pastBrackets(i)
		for ; i < end; i++ {
			if s.isName(i) {
				m.columnOf("insert", s.value(i))
				columns++
			}
		}
	}
	if columns == 0 {
		m.columnOf("insert", "*")
	}
	if i == len(s.toks) {
		return nil
	}
	if !s.is(i, "set") {
		return errForm
	}
	for _, item := range s.from(i + 1).split() {
		if err := m.assignment(item, "insert"); err != nil {
			return err
		}
	}
	return nil
}

// assignment reads column = expression.
func (m *mreader) assignment(s mstmt, action string) error {
	eq := 1
	if s.op(1, ".") {
		eq = 3
	}
	if !s.isName(0) || !s.op(eq, "=") {
		return errForm
	}
	m.columnOf(action, s.value(eq-1))
	if len(s.toks) == eq+2 && s.is(eq+1, "default") {
		return nil
	}
	return m.values(s.from(eq+1), action)
}

// handlerText is HANDLER: a cursor on a table.
func (m *mreader) handlerText(s mstmt) error {
	schema, name, i, err := s.name(1)
	if err != nil {
		return err
	}
	switch {
	case s.is(i, "open"):
		m.effect("declare")
		m.note("declare", m.full(schema, name))
		m.note("select", m.full(schema, name))
		m.columnOf("select", "*")
		return nil
	case s.is(i, "close"):
		m.effect("close")
		return nil
	case s.is(i, "read"):
		m.effect("fetch")
		if at := s.find(i, "where"); at > 0 {
			end := s.find(at, "limit")
			if end < 0 {
				end = len(s.toks)
			}
			return m.values(s.cut(at+1, end), "fetch")
		}
		return m.plain(s, "fetch")
	}
	return errForm
}

// grantText is GRANT and REVOKE.
func (m *mreader) grantText(s mstmt) error {
	action := s.word(0)
	m.effect(action)
	to := s.find(1, "to", "from")
	on := s.find(1, "on")
	if s.holds("identified", "require", "account") {
		m.effect("role") // it may make a user, or give one another password
	}
	if on < 0 || to >= 0 && to < on || s.is(1, "proxy") {
		m.effect("role")
		return nil
	}
	for i := 1; i < on; i++ {
		if s.op(i, "(") || s.op(i, ",") && s.isName(i+1) && (s.op(i+2, ")") || s.op(i+2, ",")) {
			m.columnOf(action, s.value(i+1))
		}
	}
	if s.from(on).queries() {
		return errForm
	}
	i := s.past(on+1, "table", "function", "procedure", "package")
	i = s.past(i, "body")
	full, err := m.granted(s, i)
	if err != nil {
		return err
	}
	m.note(action, full)
	return nil
}

// granted reads what a privilege is on: *, *.*, schema.* or a name.
func (m *mreader) granted(s mstmt, i int) (string, error) {
	switch {
	case s.op(i, "*") && s.op(i+1, "."):
		return "*.*", nil
	case s.op(i, "*"):
		return m.full("", ""), nil
	case s.isName(i) && s.op(i+1, ".") && s.op(i+2, "*"):
		return m.full(strings.ReplaceAll(s.value(i), `\_`, "_"), ""), nil
	}
	schema, name, _, err := s.name(i)
	return m.full(schema, name), err
}
