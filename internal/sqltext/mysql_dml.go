package sqltext

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// selectStmt is SELECT, VALUES and TABLE.
func (m *mreader) selectStmt(n *ast.SelectStmt) {
	if n.Kind == ast.SelectStmtKindSelect {
		m.selects++
	}
	defer m.with(n.With)()
	also := m.also
	m.within("select", []string{"select"}, func() {
		m.also = also
		m.effect("select")
		if n.LockInfo != nil && n.LockInfo.LockType != ast.SelectLockNone {
			m.effect("lock")
			m.also = "lock"
		}
		if n.From != nil {
			m.visit(n.From)
		}
		m.also = also
		if n.Kind == ast.SelectStmtKindTable {
			m.column("*")
		}
		if n.SelectIntoOpt != nil {
			m.err = errForm // it was cut off before
		}
		rest := *n
		rest.With, rest.From, rest.LockInfo, rest.SelectIntoOpt = nil, nil, nil, nil
		m.parts(&rest)
	})
}

// setOperation is UNION, EXCEPT and INTERSECT.
func (m *mreader) setOperation(n *ast.SetOprStmt) {
	defer m.with(n.With)()
	m.within("select", []string{"select"}, func() {
		m.visit(n.SelectList)
		if n.OrderBy != nil {
			m.visit(n.OrderBy)
		}
		if n.Limit != nil {
			m.visit(n.Limit)
		}
	})
}

// with opens the scope of a WITH clause, and returns what closes it. Without RECURSIVE a name stands for what is defined
// before it only. MariaDB compares these names without regard to case; so here fewer names hide a table than there.
func (m *mreader) with(n *ast.WithClause) (done func()) {
	if n == nil {
		return func() {}
	}
	m.ctes = append(m.ctes, nil)
	scope := len(m.ctes) - 1
	for _, c := range n.CTEs {
		if n.IsRecursive {
			m.ctes[scope] = append(m.ctes[scope], m.fold(c.Name.O))
		}
	}
	for _, c := range n.CTEs {
		if c.Query != nil {
			m.visit(c.Query)
		}
		if !n.IsRecursive {
			m.ctes[scope] = append(m.ctes[scope], m.fold(c.Name.O))
		}
	}
	return func() { m.ctes = m.ctes[:scope] }
}

// fold is a schema's or table's name as the server keeps it.
func (m *mreader) fold(name string) string {
	if m.r.FoldNames {
		return strings.ToLower(name)
	}
	return name
}

// full is a table's name as an Effect has it. Names in information_schema are the same in any case of letters.
func (m *mreader) full(schema, name string) string {
	schema, name = m.fold(schema), m.fold(name)
	if schema == "" {
		schema = m.schema
	}
	if low := strings.ToLower(schema); low == "information_schema" { // as the servers do: İ is i to both
		schema, name = low, strings.ToLower(name)
	}
	if name == "" {
		name = "*"
	} else {
		name = quoted(name)
	}
	if schema == "" {
		return name
	}
	return quoted(schema) + "." + name
}

// note puts a table under an action.
func (m *mreader) note(action, full string) {
	if e := m.effect(action); !slices.Contains(e.Tables, full) {
		e.Tables = append(e.Tables, full)
	}
}

// tableRef is a table where one is read.
func (m *mreader) tableRef(n *ast.TableName) {
	m.parts(n)
	if n.Schema.O == "" && m.isCTE(m.fold(n.Name.O)) {
		return
	}
	full := m.full(n.Schema.O, n.Name.O)
	m.note(m.action, full)
	if m.also != "" {
		m.note(m.also, full)
	}
}

// source is a table, a join or a query in FROM.
func (m *mreader) source(n *ast.TableSource) {
	if len(n.ColumnNames) > 0 {
		m.column("*")
	}
	m.visit(n.Source)
}

// column notes a column under the actions in force. Names of columns are the same in any case of letters; the server's
// idea of case is not Unicode's of today, so a name that has two forms is told in both.
func (m *mreader) column(name string) {
	for _, a := range m.columns {
		m.columnOf(a, name)
	}
}

func (m *mreader) columnOf(action, name string) {
	low := strings.ToLower(name)
	m.walker.columnOf(action, low)
	if other := strings.ToLower(strings.ToUpper(name)); other != low {
		m.walker.columnOf(action, other)
	}
}

// ref is a table that a statement goes by, and the name that stands for it there.
type ref struct {
	alias, full string
}

// refs collects the tables of a join; derived tables have no name but their alias.
func (m *mreader) refs(n ast.Node, list []ref) []ref {
	switch n := n.(type) {
	case *ast.TableRefsClause:
		if n != nil && n.TableRefs != nil {
			list = m.refs(n.TableRefs, list)
		}
	case *ast.Join:
		list = m.refs(n.Left, list)
		if n.Right != nil {
			list = m.refs(n.Right, list)
		}
	case *ast.TableSource:
		if t, ok := n.Source.(*ast.TableName); ok {
			r := ref{alias: n.AsName.O, full: m.full(t.Schema.O, t.Name.O)}
			if r.alias == "" {
				r.alias = t.Name.O
			}
			return append(list, r)
		}
		if _, ok := n.Source.(*ast.Join); ok {
			return m.refs(n.Source, list)
		}
		list = append(list, ref{alias: n.AsName.O})
	case *ast.TableName:
		list = append(list, ref{alias: n.Name.O, full: m.full(n.Schema.O, n.Name.O)})
	}
	return list
}

// changes puts the tables of list that name may stand for under an action: all of them where it stands for none.
func (m *mreader) changes(action string, list []ref, name string) {
	found := false
	for _, r := range list {
		if name != "" && strings.EqualFold(r.alias, name) {
			found = true
			if r.full != "" {
				m.note(action, r.full)
			}
		}
	}
	for _, r := range list {
		if !found && r.full != "" {
			m.note(action, r.full)
		}
	}
}

func (m *mreader) insert(n *ast.InsertStmt) {
	actions := []string{"insert"}
	if n.IsReplace {
		actions = append(actions, "delete")
	}
	targets := m.refs(n.Table, nil)
	for _, a := range actions {
		m.effect(a)
		m.changes(a, targets, "")
	}
	if len(n.Columns) == 0 {
		m.columnOf("insert", "*")
	}
	m.within("insert", []string{"insert"}, func() {
		for _, c := range n.Columns {
			m.visit(c)
		}
		for _, row := range n.Lists {
			for _, e := range row {
				m.visit(e)
			}
		}
	})
	if n.Select != nil {
		m.visit(n.Select)
	}
	if len(n.OnDuplicate) == 0 {
		return
	}
	m.changes("update", targets, "")
	m.within("update", []string{"update", "insert"}, func() {
		for _, a := range n.OnDuplicate {
			m.visit(a)
		}
	})
}

func (m *mreader) update(n *ast.UpdateStmt) {
	defer m.with(n.With)()
	m.effect("update")
	list := m.refs(n.TableRefs, nil)
	for _, a := range n.List {
		name := a.Column.Table.O
		if len(list) == 1 {
			name = ""
		}
		m.changes("update", list, name)
	}
	values := make([]ast.Node, len(n.List))
	for i, a := range n.List {
		values[i] = a
	}
	m.change("update", n.TableRefs, len(list) > 1 || list[0].full == "", values, n.Where, n.Order, n.Limit)
}

func (m *mreader) delete(n *ast.DeleteStmt) {
	defer m.with(n.With)()
	m.effect("delete")
	list := m.refs(n.TableRefs, nil)
	if n.Tables == nil {
		m.changes("delete", list, "")
	} else {
		for _, t := range n.Tables.Tables {
			m.changes("delete", list, t.Name.O)
			if t.Schema.O != "" {
				m.note("delete", m.full(t.Schema.O, t.Name.O))
			}
		}
	}
	m.change("delete", n.TableRefs, n.IsMultiTable || len(list) > 1, nil, n.Where, n.Order, n.Limit)
}

// change visits what UPDATE and DELETE have alike. reads: tables are read that may not be those changed.
func (m *mreader) change(action string, from *ast.TableRefsClause, reads bool, values []ast.Node, where ast.ExprNode,
	order *ast.OrderByClause, limit *ast.Limit) {
	columns := []string{action}
	if reads {
		columns = append(columns, "select") // whose columns they are can't be told
		m.within("select", columns, func() { m.visit(from) })
	}
	m.within(action, columns, func() {
		for _, v := range values {
			m.visit(v)
		}
		if order != nil {
			m.visit(order)
		}
		if limit != nil {
			m.visit(limit)
		}
		seen := m.seen
		if where != nil {
			m.visit(where)
		}
		if m.seen == seen && !m.dry {
			m.hasWhere = false // none, or one that is the same for every row
		}
	})
}

// call is CALL p(...).
func (m *mreader) call(n *ast.CallStmt) {
	name := quoted(n.Procedure.FnName.L)
	if n.Procedure.Schema.O != "" {
		name = quoted(m.fold(n.Procedure.Schema.O)) + "." + name
	}
	m.within("call", []string{"call"}, func() {
		m.noteFunction("call", name)
		for _, a := range n.Procedure.Args {
			m.visit(a)
		}
	})
}

// funcCall is f(...) in an expression.
func (m *mreader) funcCall(n *ast.FuncCallExpr) {
	m.calls(m.fold(n.Schema.O), n.FnName.L)
	if mysqlFunctions[n.FnName.L] != "sequence" {
		m.parts(n)
		return
	}
	m.within("sequence", nil, func() {
		args := n.Args
		if c, ok := firstColumn(args); ok { // the sequence, where the parser did not know that it is one
			m.note("sequence", m.full(c.Table.O, c.Name.O))
			args = args[1:]
		}
		for _, a := range args {
			m.visit(a)
		}
	})
}

func firstColumn(args []ast.ExprNode) (*ast.ColumnName, bool) {
	if len(args) == 0 {
		return nil, false
	}
	c, ok := args[0].(*ast.ColumnNameExpr)
	if !ok {
		return nil, false
	}
	return c.Name, true
}

// calls notes a function under the action in force, and under the one that its name has.
func (m *mreader) calls(schema, name string) {
	name = strings.ToLower(name)
	if own, ok := treeNames[name]; ok && own == "" {
		return
	} else if ok {
		name = own
	}
	full := quoted(name)
	if schema != "" {
		full = quoted(schema) + "." + full
	}
	m.noteFunction(m.action, full)
	switch action := mysqlFunctions[name]; {
	case schema != "" || m.spaced[name]:
		m.noteFunction("user_function", full)
	case action != "":
		m.noteFunction(action, full)
	case !m.isOwn(name):
		m.noteFunction("user_function", full)
	}
	if m.effectOf("user_function") {
		m.shaken = max(m.shaken, quoting) // it may SET NAMES
	}
}

func (m *mreader) effectOf(action string) bool {
	return slices.ContainsFunc(m.effects, func(e *Effect) bool { return e.Action == action })
}
