package syntax

import (
	"fmt"
	"strings"
)

// format writes a tree so that every part's extent shows, in the language itself: and and or stand in parentheses.
func format(e Expr) string {
	switch e := e.(type) {
	case *And:
		return formatTerms(e.Terms, " and ")
	case *Or:
		return formatTerms(e.Terms, " or ")
	case *Not:
		return "not " + format(e.Term)
	case *Macro:
		return e.Name
	case *Exists:
		return formatOperand(&e.Of) + " exists"
	case *Compare:
		s := formatOperand(&e.Left) + " " + e.Op + " "
		if e.Modifier != "" {
			s += e.Modifier + " "
		}
		return s + formatRight(e.Right)
	}
	return fmt.Sprintf("%T", e)
}

func formatTerms(terms []Expr, between string) string {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = format(t)
	}
	return "(" + strings.Join(texts, between) + ")"
}

func formatOperand(o *Operand) string {
	switch {
	case o.Transformer != "":
		return o.Transformer + formatArgs(o.Args)
	case o.Keyed:
		return o.Field + "[" + formatText(o.Key) + "]"
	}
	return o.Field
}

func formatArgs(args []Arg) string {
	texts := make([]string, len(args))
	for i, a := range args {
		switch {
		case a.Operand != nil:
			texts[i] = formatOperand(a.Operand)
		case a.IsList:
			texts[i] = formatArgs(a.List)
		default:
			texts[i] = formatValue(a.Value)
		}
	}
	return "(" + strings.Join(texts, ", ") + ")"
}

func formatRight(r Right) string {
	if r.Operand != nil {
		return formatOperand(r.Operand)
	}
	texts := make([]string, len(r.Values))
	for i, v := range r.Values {
		texts[i] = formatValue(v)
	}
	if !r.IsList {
		return texts[0]
	}
	return "(" + strings.Join(texts, ", ") + ")"
}

func formatValue(v Value) string {
	if !v.Quoted {
		return v.Text
	}
	return formatText(v.Text)
}

func formatText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
