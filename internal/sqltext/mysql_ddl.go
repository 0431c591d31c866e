package sqltext

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// createText is CREATE of anything.
func (m *mreader) createText(s mstmt) error {
	if kind, at := s.program(); kind != "" {
		return m.programText(s, kind, at)
	}
	i := 1
	if s.is(1, "or", "replace") {
		m.replaced = true
		i = 3
	}
	i = s.past(i, "temporary", "unique", "fulltext", "spatial", "online", "offline", "ignore", "undo")
	switch {
	case s.is(i, "table"):
		return m.tableText(s, i)
	case s.is(i, "sequence"):
		return m.object(s, i+1, "create", m.replacing())
	case s.any(i, "database", "schema"):
		return m.schemaText(s, i+1, "create")
	case s.any(i, "user", "role"):
		return m.plain(s, "role")
	case s.any(i, "server"):
		return m.plain(s, "create", "foreign")
	case s.any(i, "tablespace", "logfile"):
		return m.plain(s, "create", "server_file")
	case s.any(i, "resource", "spatial"):
		return m.plain(s, "create", "server_admin")
	case s.is(i, "index"):
		return m.indexText(s, "create")
	case s.holds("view"):
		if m.replaced {
			m.effect("alter")
		}
		return m.tree(s, (*ast.CreateViewStmt)(nil))
	}
	return errForm
}

// replacing is drop after OR REPLACE, which drops what is there.
func (m *mreader) replacing() string {
	if m.replaced {
		return "drop"
	}
	return "create"
}

// programText is CREATE, ALTER of a stored program: code that later statements run, and that is not read.
func (m *mreader) programText(s mstmt, kind string, at int) error {
	action := s.word(0)
	if kind == "package" {
		return errForm
	}
	schema, _, i, err := s.name(at)
	if err != nil {
		return err
	}
	m.effect("create_function")
	m.note(action, m.full(schema, ""))
	if s.is(1, "or", "replace") {
		m.note("drop", m.full(schema, ""))
	}
	if kind == "function" && s.holds("soname") {
		m.effect("load")
	}
	if kind != "trigger" {
		return nil
	}
	on := s.find(i, "on")
	tschema, table, _, err := s.name(on + 1)
	if on < 0 || err != nil {
		return errForm
	}
	if tschema == "" {
		tschema = schema
	}
	m.note(action, m.full(tschema, table))
	return nil
}

// tableText is CREATE TABLE, the word TABLE at i. The parser knows no OR REPLACE.
func (m *mreader) tableText(s mstmt, i int) error {
	schema, name, next, err := s.name(s.pastAll(i+1, "if", "not", "exists"))
	if err != nil {
		return err
	}
	full := m.full(schema, name)
	m.note("create", full)
	if m.replaced {
		m.note("drop", full)
		cut := s
		cut.toks = append(slices.Clone(s.toks[:1]), s.toks[3:]...)
		s = cut
		next -= 2
	}
	m.engines(s)
	saved := m.snapshot()
	if err = m.tree(s, (*ast.CreateTableStmt)(nil)); err == nil {
		return nil
	}
	m.restore(saved)
	return m.looseTable(s.from(next), "create", err)
}

// looseTable reads the definition of a table that the parser does not take: a type or an option of MariaDB's. It is told
// only where no other table may be in it.
func (m *mreader) looseTable(s mstmt, action string, cause error) error {
	if s.holds("select", "values", "with", "like", "union", "references", "rename", "exchange", "connection", "directory",
		"from", "table", "tablespace", "load_file", "into", "file_name", "tabname", "table_type", "srcdef", "option_list", "dbname",
		"wrapper", "module", "subtype", "remote_server", "remote_table", "remote_database") {
		return cause
	}
	m.columnOf(action, "*")
	return nil
}

// indexText is CREATE and DROP INDEX: ON names the table.
func (m *mreader) indexText(s mstmt, action string) error {
	on := s.find(1, "on")
	if on < 0 || s.queries() {
		return errForm
	}
	schema, name, i, err := s.name(on + 1)
	if err != nil {
		return err
	}
	m.note(action, m.full(schema, name))
	if action == "create" && s.op(i, "(") {
		end := s.pastBrackets(i)
		for _, part := range s.cut(i+1, end-1).split() {
			if !part.isName(0) {
				return m.tree(s, (*ast.CreateIndexStmt)(nil))
			}
			m.columnOf(action, part.value(0))
		}
	}
	return nil
}

// object reads one name at i, behind IF [NOT] EXISTS.
func (m *mreader) object(s mstmt, i int, actions ...string) error {
	i = s.pastAll(s.pastAll(i, "if", "not", "exists"), "if", "exists")
	schema, name, _, err := s.name(i)
	if err != nil || s.queries() {
		return errForm
	}
	for _, a := range actions {
		m.note(a, m.full(schema, name))
	}
	return nil
}

// schemaText is CREATE, ALTER and DROP DATABASE; only ALTER may leave the name out.
func (m *mreader) schemaText(s mstmt, i int, action string) error {
	i = s.pastAll(s.pastAll(i, "if", "not", "exists"), "if", "exists")
	name := ""
	if s.isName(i) && !(action == "alter" && s.any(i, "character", "charset", "default", "collate", "comment")) {
		name = s.value(i)
	} else if action != "alter" {
		return errForm
	}
	m.note(action, m.full(name, ""))
	if m.replaced {
		m.note("drop", m.full(name, ""))
	}
	return nil
}

// alterText is ALTER of anything.
func (m *mreader) alterText(s mstmt) error {
	if kind, at := s.program(); kind != "" {
		return m.programText(s, kind, at)
	}
	i := s.past(s.past(1, "online", "offline"), "ignore")
	switch {
	case s.is(i, "table"):
		return m.alterTable(s, i+1)
	case s.is(i, "sequence"):
		return m.object(s, i+1, "alter")
	case s.any(i, "database", "schema"):
		return m.schemaText(s, i+1, "alter")
	case s.any(i, "user", "role"):
		return m.plain(s, "role")
	case s.is(i, "server"):
		return m.plain(s, "alter", "foreign")
	case s.any(i, "tablespace", "logfile", "undo"):
		return m.plain(s, "alter", "server_file")
	case s.any(i, "instance", "resource"):
		return m.plain(s, "alter", "server_admin")
	case s.holds("view"):
		return m.alterView(s)
	}
	return errForm
}

// alterView is ALTER VIEW, which the parser knows as CREATE VIEW only.
func (m *mreader) alterView(s mstmt) error {
	m.buf = append(m.buf[:0], "CREATE "...)
	m.buf = s.from(1).render(m.buf)
	node, err := m.parseText(string(m.buf))
	if err != nil {
		return err
	}
	view, ok := node.(*ast.CreateViewStmt)
	if !ok {
		return errForm
	}
	m.effect("alter")
	m.within("alter", []string{"alter"}, func() { m.parts(view) })
	return m.selectsOf(s)
}

// alterTable is ALTER TABLE, its name at i.
func (m *mreader) alterTable(s mstmt, i int) error {
	schema, name, next, err := s.name(s.pastAll(i, "if", "exists"))
	if err != nil {
		return err
	}
	m.note("alter", m.full(schema, name))
	m.engines(s)
	saved := m.snapshot()
	if err = m.tree(s, (*ast.AlterTableStmt)(nil)); err == nil {
		return nil
	}
	m.restore(saved)
	if s.holds("partition") {
		return err
	}
	return m.looseTable(s.from(next), "alter", err)
}

// alterSpec visits one change of ALTER TABLE.
func (m *mreader) alterSpec(n *ast.AlterTableSpec) {
	switch n.Tp {
	case ast.AlterTableTruncatePartition:
		m.alsoAll("truncate")
	case ast.AlterTableDropPartition, ast.AlterTableDropFirstPartition:
		m.alsoAll("drop")
	case ast.AlterTableDiscardTablespace, ast.AlterTableImportTablespace, ast.AlterTableImportPartitionTablespace,
		ast.AlterTableDiscardPartitionTablespace:
		m.effect("server_file")
	}
	m.parts(n)
}

// alsoAll gives the tables that are altered another action.
func (m *mreader) alsoAll(action string) {
	for _, t := range slices.Clone(m.effect("alter").Tables) {
		m.note(action, t)
	}
}

// tableOption visits an option of a table or a partition.
func (m *mreader) tableOption(n *ast.TableOption) {
	switch n.Tp {
	case ast.TableOptionConnection, ast.TableOptionPassword:
		m.effect("foreign")
	case ast.TableOptionDataDirectory, ast.TableOptionIndexDirectory:
		m.effect("server_file")
	case ast.TableOptionUnion:
		for _, t := range n.TableNames { // rows of these are read and written through the table
			for _, a := range [...]string{"select", "insert", "update", "delete"} {
				m.note(a, m.full(t.Schema.O, t.Name.O))
			}
		}
	}
	m.parts(n)
}

// engines gives storage engines that go outside the server their actions. A name in quotes is not in the tree.
func (m *mreader) engines(s mstmt) {
	m.literal = true // whether the parser takes the rest may depend on one
	for i := range s.toks {
		if !s.any(i, "engine", "secondary_engine", "type") {
			continue
		}
		at := i + 1
		if s.op(at, "=") {
			at++
		}
		m.engine(s.cut(at, at+1))
	}
}

// engine gives the storage engine whose name s is its actions. One that can't be told has them all.
func (m *mreader) engine(s mstmt) {
	if s.at(0).kind == mString {
		m.literal = true
	}
	switch strings.ToLower(s.value(0)) {
	case "federated", "federatedx", "spider", "s3", "sphinx", "cassandra", "oqgraph":
		m.effect("foreign")
		return
	case "connect":
	default:
		if len(s.toks) == 1 && (s.isName(0) || s.at(0).kind == mString) {
			return
		}
	}
	m.effect("foreign")
	m.effect("server_file")
}

// dropText is DROP of anything.
func (m *mreader) dropText(s mstmt) error {
	i := s.past(1, "temporary", "online", "offline")
	switch {
	case s.is(i, "prepare"):
		return m.plain(s, "deallocate")
	case s.any(i, "table", "tables", "view", "sequence"):
		return m.tableList(s, i+1, "drop")
	case s.is(i, "index"):
		return m.indexText(s, "drop")
	case s.any(i, "database", "schema"):
		return m.schemaText(s, i+1, "drop")
	case s.any(i, "user", "role"):
		return m.plain(s, "role")
	case s.any(i, "procedure", "function", "trigger", "event"):
		schema, _, _, err := s.name(s.pastAll(i+1, "if", "exists"))
		m.note("drop", m.full(schema, ""))
		return err
	case s.is(i, "server"):
		return m.plain(s, "drop", "foreign")
	case s.any(i, "tablespace", "logfile", "undo"):
		return m.plain(s, "drop", "server_file")
	case s.any(i, "resource", "spatial"):
		return m.plain(s, "drop", "server_admin")
	}
	return errForm
}

// renameText is RENAME TABLE a TO b, c TO d, and RENAME USER.
func (m *mreader) renameText(s mstmt) error {
	if !s.any(1, "table", "tables") {
		return m.plain(s, "role")
	}
	for _, item := range s.from(s.pastAll(2, "if", "exists")).split() {
		schema, name, i, err := item.name(0)
		if err != nil {
			return err
		}
		m.note("alter", m.full(schema, name))
		to := item.find(i, "to")
		if to < 0 {
			return errForm
		}
		if schema, name, _, err = item.name(to + 1); err != nil {
			return err
		}
		m.note("alter", m.full(schema, name))
	}
	return nil
}

func (m *mreader) truncateText(s mstmt) error {
	return m.object(s, s.past(1, "table"), "truncate")
}

// snapshot is what was read so far, to go back to where a second way of reading follows a first that failed.
type snapshot struct {
	effects  []Effect
	hasWhere bool
}

func (m *mreader) snapshot() snapshot {
	saved := snapshot{hasWhere: m.hasWhere}
	for _, e := range m.effects {
		saved.effects = append(saved.effects, Effect{
			e.Action, slices.Clone(e.Tables), slices.Clone(e.Columns), slices.Clone(e.Functions),
		})
	}
	return saved
}

func (m *mreader) restore(saved snapshot) {
	m.effects, m.hasWhere, m.err, m.ctes = nil, saved.hasWhere, nil, nil
	for i := range saved.effects {
		m.effects = append(m.effects, &saved.effects[i])
	}
}
