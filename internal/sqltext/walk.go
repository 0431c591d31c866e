package sqltext

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// walker goes through a tree and collects effects. What it has no verb for it descends into, field by field, so that
// no part of a statement is passed over because a new version of the grammar gave it a new place.
type walker struct {
	effects []*Effect
	action  string   // what a table, a column or a function that is met now belongs to
	also    string   // a second action that tables belong to (lock); empty: none
	columns []string // the actions that columns belong to
	dry     bool     // inside EXPLAIN without ANALYZE

	ctes     [][]string      // names of common table expressions in force, innermost last
	ranges   map[string]bool // names of tables and aliases anywhere in the text: a column of that name is a whole row
	seen     int             // columns met so far
	hasWhere bool
	literal  bool // a literal was looked at
	err      error
}

func newWalker() *walker {
	return &walker{hasWhere: true, ranges: map[string]bool{}}
}

// facts ends the walk.
func (w *walker) facts() *Facts {
	f := &Facts{Understood: true, HasWhere: w.hasWhere}
	for _, e := range w.effects {
		if slices.ContainsFunc(e.Columns, func(c string) bool { return w.ranges[c] }) {
			e.Columns = append(e.Columns, "*")
		}
		f.Effects = append(f.Effects, *e)
	}
	return seal(f)
}

// effect returns the entry of an action, a new one at need. What EXPLAIN only plans is explained, not done; but
// planning may run functions.
func (w *walker) effect(action string) *Effect {
	if w.dry && !slices.Contains(plannedActions, action) {
		action = "explain"
	}
	for _, e := range w.effects {
		if e.Action == action {
			return e
		}
	}
	e := &Effect{Action: action}
	w.effects = append(w.effects, e)
	return e
}

// plannedActions are those of functions, which the planner may run.
var plannedActions = []string{
	"user_function", "dynamic_sql", "foreign", "server_file", "sequence", "large_object", "signal_backend",
	"server_admin", "notify", "lock", "set", "set_role", "set_search_path",
}

// within walks with another action in force and restores the one before.
func (w *walker) within(action string, columns []string, walk func()) {
	a, c, also := w.action, w.columns, w.also
	w.action, w.columns, w.also = action, columns, ""
	walk()
	w.action, w.columns, w.also = a, c, also
}

// statement visits one statement of the text.
func (w *walker) statement(n *pg.Node) {
	if n.GetNode() == nil {
		return
	}
	w.node(n)
}

func (w *walker) nodes(list []*pg.Node) {
	for _, n := range list {
		w.node(n)
	}
}

// node visits what an expression, a clause or a statement is made of.
func (w *walker) node(n *pg.Node) {
	if n == nil || w.err != nil {
		return
	}
	switch v := n.Node.(type) {
	case nil, *pg.Node_AConst, *pg.Node_ParamRef, *pg.Node_String_, *pg.Node_Integer, *pg.Node_AStar:
	case *pg.Node_ColumnRef:
		w.columnRef(v.ColumnRef)
	case *pg.Node_SelectStmt:
		w.selectStmt(v.SelectStmt)
	default:
		m := n.ProtoReflect()
		fd := m.WhichOneof(nodeOneof)
		w.message(m.Get(fd).Message())
	}
}

var nodeOneof = (&pg.Node{}).ProtoReflect().Descriptor().Oneofs().ByName("node")

// message visits a message that is not a Node.
func (w *walker) message(m protoreflect.Message) {
	if w.special(m) {
		return
	}
	name := m.Descriptor().Name()
	if actions, ok := utilities[name]; ok {
		w.utility(m, strings.Fields(actions))
		return
	}
	if strings.HasSuffix(string(name), "Stmt") {
		w.err = fmt.Errorf("no action is known for a %s", name)
		return
	}
	w.fields(m)
}

// special visits the messages that have verbs of their own.
func (w *walker) special(m protoreflect.Message) bool {
	if !m.IsValid() {
		return true
	}
	switch v := m.Interface().(type) {
	case *pg.Node:
		w.node(v)
	case *pg.SelectStmt:
		w.selectStmt(v)
	case *pg.InsertStmt:
		w.insertStmt(v)
	case *pg.UpdateStmt:
		w.updateStmt(v)
	case *pg.DeleteStmt:
		w.deleteStmt(v)
	case *pg.MergeStmt:
		w.mergeStmt(v)
	case *pg.RangeVar:
		w.rangeVar(v)
	case *pg.Alias:
		w.ranges[v.GetAliasname()] = true
	case *pg.JoinExpr:
		w.joinExpr(v)
	case *pg.ColumnRef:
		w.columnRef(v)
	case *pg.FuncCall:
		w.funcCall(v)
	case *pg.A_Indirection:
		w.indirection(v)
	case *pg.A_Expr:
		w.operator(v)
	case *pg.RangeTableSample:
		w.sample(v)
	case *pg.CurrentOfExpr:
		w.seen++
	default:
		return w.specialStmt(m)
	}
	return true
}

// fields visits all that is set in a message.
func (w *walker) fields(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Kind() != protoreflect.MessageKind {
			return true
		}
		if fd.IsList() {
			list := v.List()
			for i := range list.Len() {
				w.message(list.Get(i).Message())
			}
			return w.err == nil
		}
		w.message(v.Message())
		return w.err == nil
	})
}

// with opens the scope of a WITH clause, and returns what closes it.
func (w *walker) with(clause *pg.WithClause) (done func()) {
	if clause == nil {
		return func() {}
	}
	w.ctes = append(w.ctes, nil)
	scope := len(w.ctes) - 1
	define := func(n *pg.Node) {
		name := n.GetCommonTableExpr().GetCtename()
		w.ctes[scope] = append(w.ctes[scope], name)
		w.ranges[name] = true
	}
	for _, n := range clause.GetCtes() {
		if clause.GetRecursive() {
			define(n)
		}
	}
	for _, n := range clause.GetCtes() {
		w.fields(n.GetCommonTableExpr().ProtoReflect())
		if !clause.GetRecursive() {
			define(n)
		}
	}
	return func() { w.ctes = w.ctes[:scope] }
}

// isCTE reports whether a name without a schema means a common table expression here.
func (w *walker) isCTE(name string) bool {
	return slices.ContainsFunc(w.ctes, func(scope []string) bool { return slices.Contains(scope, name) })
}

// rangeVar is a table where one is read.
func (w *walker) rangeVar(v *pg.RangeVar) {
	if v.GetAlias() != nil {
		w.ranges[v.GetAlias().GetAliasname()] = true
	}
	w.ranges[v.GetRelname()] = true
	if len(v.GetAlias().GetColnames()) > 0 {
		w.column("*") // columns under new names
	}
	if v.GetSchemaname() == "" && w.isCTE(v.GetRelname()) {
		return
	}
	w.table(w.action, v)
	if w.also != "" {
		w.table(w.also, v)
	}
}

// table notes a table under an action.
func (w *walker) table(action string, v *pg.RangeVar) {
	if v == nil || v.GetRelname() == "" {
		return
	}
	w.tableName(action, v.GetSchemaname(), v.GetRelname())
}

// target is a table that a statement changes: never a common table expression.
func (w *walker) target(action string, v *pg.RangeVar) {
	w.ranges[v.GetRelname()] = true
	if v.GetAlias() != nil {
		w.ranges[v.GetAlias().GetAliasname()] = true
	}
	w.table(action, v)
}

func (w *walker) tableName(action, schema, name string) {
	full := quoted(name)
	if schema != "" {
		full = quoted(schema) + "." + full
	}
	e := w.effect(action)
	if !slices.Contains(e.Tables, full) {
		e.Tables = append(e.Tables, full)
	}
}

// quoted keeps a name with a dot in it apart from a name with a schema, and one that is a star from all tables.
func quoted(name string) string {
	if strings.ContainsAny(name, `."`) || name == "*" {
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return name
}

func (w *walker) column(name string) {
	for _, action := range w.columns {
		w.columnOf(action, name)
	}
}

func (w *walker) columnOf(action, name string) {
	e := w.effect(action)
	if !slices.Contains(e.Columns, name) {
		e.Columns = append(e.Columns, name)
	}
}

func (w *walker) columnRef(v *pg.ColumnRef) {
	w.seen++
	fields := v.GetFields()
	if len(fields) == 0 {
		return
	}
	last := fields[len(fields)-1]
	if last.GetAStar() != nil {
		w.column("*")
		return
	}
	name := last.GetString_().GetSval()
	w.column(name)
	if len(fields) > 1 {
		w.attribute(name)
	}
}

// joinExpr notes the columns that a join names without a reference to them.
func (w *walker) joinExpr(v *pg.JoinExpr) {
	if v.GetIsNatural() || len(v.GetAlias().GetColnames()) > 0 {
		w.column("*")
	}
	for _, n := range v.GetUsingClause() {
		w.column(n.GetString_().GetSval())
	}
	w.fields(v.ProtoReflect())
}
