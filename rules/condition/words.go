package condition

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/rules/field"
)

// A Word is a text of the condition's own that a field is compared with.
type Word struct {
	Field string
	Text  string
	// Whole says that the field is to be the text; else to begin with it, or to lie below it.
	Whole bool
}

// Words returns what the condition compares fields of text with, by ==, in, startsWith and pmatch, in its own texts and in
// those of fixed lists.
func (c *Condition) Words() []Word {
	w := wordFinder{c: c}
	ast.PostOrderVisit(c.ast.NativeRep().Expr(), w.visitor())
	return w.found
}

type wordFinder struct {
	c     *Condition
	found []Word
}

func (w *wordFinder) visitor() ast.Visitor {
	return ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		args := call.Args()
		if call.IsMemberFunction() {
			args = append([]ast.Expr{call.Target()}, args...)
		}
		if len(args) != 2 {
			return
		}
		switch call.FunctionName() {
		case operators.Equals:
			w.add(args[0], args[1], true)
			w.add(args[1], args[0], true)
		case operators.In:
			w.add(args[0], args[1], true)
		case "startsWith", "pmatch":
			w.add(args[0], args[1], false)
		}
	})
}

func (w *wordFinder) add(name, of ast.Expr, whole bool) {
	if name.Kind() != ast.IdentKind {
		return
	}
	f, err := field.Lookup(name.AsIdent())
	if err != nil || f.Type != field.Text {
		return
	}
	for _, text := range w.texts(of) {
		w.found = append(w.found, Word{Field: f.Name, Text: text, Whole: whole})
	}
}

// texts are those of a literal, a list of literals, or a fixed list.
func (w *wordFinder) texts(e ast.Expr) []string {
	switch e.Kind() {
	case ast.LiteralKind:
		if s, ok := e.AsLiteral().(types.String); ok {
			return []string{string(s)}
		}
	case ast.ListKind:
		var out []string
		for _, element := range e.AsList().Elements() {
			out = append(out, w.texts(element)...)
		}
		return out
	case ast.IdentKind:
		if l := w.c.all[e.AsIdent()]; l != nil && l.Dynamic == "" && l.Of == OfText {
			return l.Values.Texts
		}
	}
	return nil
}
