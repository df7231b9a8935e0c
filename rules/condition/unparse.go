package condition

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"
)

// Expanded is the condition with its macros in place. Fields with keys stand in it as they do in conditions.
func (c *Condition) Expanded() string {
	tree := c.ast.NativeRep()
	w := spelling{ast.NewExprFactory(), ast.MaxID(tree)}
	text, err := parser.Unparse(w.spelled(tree.Expr()), ast.NewSourceInfo(nil))
	if err != nil {
		return c.Text
	}
	return text
}

// A spelling turns folds back into the exists, all and exists_one that they came from. The parser can keep these, but
// keeps them as written: with the macros in them by their names.
type spelling struct {
	ast.ExprFactory
	lastID int64
}

func (w *spelling) id() int64 {
	w.lastID++
	return w.lastID
}

func (w *spelling) spelled(e ast.Expr) ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return w.NewMemberCall(w.id(), call.FunctionName(), w.spelled(call.Target()), w.all(call.Args())...)
		}
		return w.NewCall(w.id(), call.FunctionName(), w.all(call.Args())...)
	case ast.ListKind:
		return w.NewList(w.id(), w.all(e.AsList().Elements()), nil)
	case ast.ComprehensionKind:
		l := e.AsComprehension()
		name, predicate := foldOf(l)
		return w.NewMemberCall(w.id(), name, w.spelled(l.IterRange()), w.NewIdent(w.id(), l.IterVar()), w.spelled(predicate))
	}
	return e
}

func (w *spelling) all(of []ast.Expr) []ast.Expr {
	out := make([]ast.Expr, len(of))
	for i, e := range of {
		out[i] = w.spelled(e)
	}
	return out
}

// foldOf tells which of the three a fold is. They start with false, true and 0; their steps are accu || p, accu && p and
// p ? accu + 1 : accu.
func foldOf(l ast.ComprehensionExpr) (name string, predicate ast.Expr) {
	args := l.LoopStep().AsCall().Args()
	switch {
	case l.AccuInit().AsLiteral() == types.False:
		return operators.Exists, args[1]
	case l.AccuInit().AsLiteral() == types.True:
		return operators.All, args[1]
	}
	return operators.ExistsOne, args[0]
}
