package sqltext

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	tidb "github.com/pingcap/tidb/pkg/parser/mysql"
)

var errSyntax = errors.New("the grammar does not take it")

// parsers are kept: each is a stack and a few tables.
var parsers = sync.Pool{New: func() any { return parser.New() }}

// parse hands a statement to TiDB's parser. Its errors quote the text, and are not passed on.
func (m *mreader) parse(s mstmt) (node ast.StmtNode, err error) {
	m.buf = s.render(m.buf[:0])
	return m.parseText(string(m.buf))
}

func (m *mreader) parseText(text string) (node ast.StmtNode, err error) {
	defer func() {
		if recover() != nil {
			node, err = nil, errSyntax
		}
	}()
	p := parsers.Get().(*parser.Parser) // one that panics is not put back
	p.Reset()
	p.SetSQLMode(tidb.ModeNoBackslashEscapes) // strings have no content here, and all quoted names are in backticks
	p.SetMariaDB(m.r.Dialect == DialectMariaDB)
	p.SetStrictDoubleTypeCheck(false)
	nodes, _, err := p.ParseSQL(text)
	if err == nil && len(nodes) == 1 {
		node = nodes[0]
	}
	parsers.Put(p)
	if node == nil {
		return nil, errSyntax
	}
	return node, nil
}

// tree parses s and visits it, if its root is what the first keyword promised.
func (m *mreader) tree(s mstmt, kinds ...any) error {
	node, err := m.parse(s)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		if reflect.TypeOf(k) == reflect.TypeOf(node) {
			return m.root(s, node)
		}
	}
	return errForm
}

// root visits a statement's tree. Where the tree holds not as many SELECTs as the text does, a part of the text is not in
// the tree.
func (m *mreader) root(s mstmt, node ast.Node) error {
	m.spaced = s.spacedNames()
	m.selects = 0
	m.visit(node)
	return m.selectsOf(s)
}

func (m *mreader) selectsOf(s mstmt) error {
	words := 0
	for i := range s.toks {
		if s.is(i, "select") {
			words++
		}
	}
	if m.err == nil && m.selects != words {
		m.err = errForm
	}
	return m.err
}

// spacedNames are the functions of s that are not the server's own whatever their names: those whose name is quoted, and
// those that a gap before the bracket keeps from being it.
func (s mstmt) spacedNames() map[string]bool {
	var names map[string]bool
	for i := 1; i < len(s.toks); i++ {
		t, before := s.toks[i], s.toks[i-1].kind
		if before != mWord && before != mIdent || !s.op(i, "(") {
			continue
		}
		w := strings.ToLower(s.value(i - 1))
		if before == mIdent || t.gap && !(s.r.IgnoreSpace && t.spaces) && gapped[w] {
			if names == nil {
				names = map[string]bool{}
			}
			names[w] = true
		}
	}
	return names
}

// visit goes through a part of the tree.
func (m *mreader) visit(n ast.Node) {
	if n == nil || m.err != nil {
		return
	}
	v := reflect.ValueOf(n)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return
	}
	if m.query(n) || m.expression(n) {
		return
	}
	switch n := n.(type) {
	case *ast.InsertStmt:
		m.insert(n)
	case *ast.UpdateStmt:
		m.update(n)
	case *ast.DeleteStmt:
		m.delete(n)
	case *ast.CallStmt:
		m.call(n)
	case *ast.DoStmt:
		m.parts(n)
	case *ast.CreateTableStmt, *ast.CreateViewStmt, *ast.CreateIndexStmt:
		m.utility("create", n)
	case *ast.AlterTableStmt:
		m.utility("alter", n)
	case *ast.AlterTableSpec:
		m.alterSpec(n)
	case *ast.TableOption:
		m.tableOption(n)
	default:
		if _, ok := n.(ast.StmtNode); ok {
			m.err = fmt.Errorf("no action is known for a %s", strings.TrimPrefix(reflect.TypeOf(n).String(), "*ast."))
			return
		}
		m.parts(n)
	}
}

// query visits what SELECT is made of.
func (m *mreader) query(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectStmt:
		m.selectStmt(n)
	case *ast.SetOprStmt:
		m.setOperation(n)
	case *ast.SetOprSelectList:
		defer m.with(n.With)()
		m.parts(n)
	case *ast.WithClause:
	case *ast.TableName:
		m.tableRef(n)
	case *ast.TableSource:
		m.source(n)
	case *ast.Join:
		if n.NaturalJoin {
			m.column("*")
		}
		m.parts(n)
	case *ast.WildCardField:
		m.seen++
		m.column("*")
	case *ast.TableOptimizerHint:
	default:
		return false
	}
	return true
}

// expression visits what an expression is made of.
func (m *mreader) expression(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ColumnName:
		m.seen++
		m.column(n.Name.O)
	case *ast.FuncCallExpr:
		m.funcCall(n)
	case *ast.AggregateFuncExpr:
		m.calls("", n.F)
		m.parts(n)
	case *ast.WindowFuncExpr:
		m.calls("", n.Name)
		m.parts(n)
	case *ast.FuncCastExpr:
		if m.spaced["cast"] {
			m.calls("", "cast")
		}
		m.visit(n.Expr)
	case *valueExpr, *paramExpr:
	default:
		return false
	}
	return true
}

// parts visits all that a node holds, so that no part is passed over because a new version gave it a new place.
func (m *mreader) parts(n any) {
	v := reflect.ValueOf(n)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		m.fields(v)
	}
}

func (m *mreader) fields(v reflect.Value) {
	for _, i := range nodeFields(v.Type()) {
		m.field(v.Field(i))
	}
}

func (m *mreader) field(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if n, ok := v.Interface().(ast.Node); ok {
			m.visit(n)
			return
		}
		m.field(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			m.field(v.Index(i))
		}
	case reflect.Struct:
		if v.CanAddr() {
			if n, ok := v.Addr().Interface().(ast.Node); ok {
				m.visit(n)
				return
			}
		}
		m.fields(v)
	}
}

// fieldsOf keeps, for each type of struct, which of its fields may hold a node.
var fieldsOf sync.Map

func nodeFields(t reflect.Type) []int {
	if list, ok := fieldsOf.Load(t); ok {
		return list.([]int)
	}
	var list []int
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() && mayHoldNode(f.Type) || f.Anonymous && f.Type.Kind() == reflect.Pointer && f.IsExported() {
			list = append(list, i)
		}
	}
	fieldsOf.Store(t, list)
	return list
}

var astPackage = reflect.TypeOf(ast.TableName{}).PkgPath()

// mayHoldNode reports whether a field of that type may hold a node: the tree's own structs and interfaces, and lists.
func mayHoldNode(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return mayHoldNode(t.Elem())
	case reflect.Interface:
		return t.NumMethod() > 0
	case reflect.Struct:
		return t.PkgPath() == astPackage && t != reflect.TypeOf(ast.CIStr{})
	}
	return false
}
