package sqltext

import (
	"fmt"
	"io"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"
)

// The parser leaves literals to a driver that whoever links it supplies. Ours keeps what the lexer gave it and computes
// nothing: no value of a literal is looked at in the tree.
func init() {
	ast.NewValueExpr = func(v any, _, _ string) ast.ValueExpr { return &valueExpr{value: v} }
	ast.NewParamMarkerExpr = func(int) ast.ParamMarkerExpr { return &paramExpr{} }
	ast.NewDecimal = func(s string) (any, error) { return s, nil }
	ast.NewHexLiteral = func(s string) (any, error) { return s, nil }
	ast.NewBitLiteral = func(s string) (any, error) { return s, nil }
}

// valueExpr is a literal.
type valueExpr struct {
	ast.TexprNode
	value any
}

func (v *valueExpr) Restore(*format.RestoreCtx) error { return nil }
func (v *valueExpr) Format(io.Writer)                 {}
func (v *valueExpr) SetValue(x any)                   { v.value = x }
func (v *valueExpr) GetValue() any                    { return v.value }
func (v *valueExpr) GetDatumString() string           { return v.GetString() }
func (v *valueExpr) GetProjectionOffset() int         { return -1 }
func (v *valueExpr) SetProjectionOffset(int)          {}

func (v *valueExpr) GetString() string {
	if s, ok := v.value.(string); ok {
		return s
	}
	return fmt.Sprint(v.value)
}

func (v *valueExpr) Accept(visit ast.Visitor) (ast.Node, bool) {
	n, _ := visit.Enter(v)
	return visit.Leave(n)
}

// paramExpr is a parameter's place, a question mark.
type paramExpr struct{ valueExpr }

func (p *paramExpr) SetOrder(int) {}

func (p *paramExpr) Accept(visit ast.Visitor) (ast.Node, bool) {
	n, _ := visit.Enter(p)
	return visit.Leave(n)
}
