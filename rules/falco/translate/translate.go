// Package translate says conditions of Falco's rule language in CEL over the fields of package rules/field, one condition at
// a time: macros and lists stay names. Package rules compiles what it writes, and the importer puts it into rule files, so it
// is text that people read.
//
// Falco's comparisons have a value or are false: a field that an event lacks makes each comparison false, and "not" of it
// true. Fields read as their zero value where they are missing, so has() stands only where that would make a comparison true.
package translate

import (
	"fmt"
	"slices"
	"strings"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco/syntax"
)

// Names tells what stands behind the names in a condition, and how CEL is to call it.
type Names interface {
	// Macro is what CEL calls a macro; ok is false if there is none of that name.
	Macro(name string) (cel string, ok bool)
	// Items are those of a list, with the lists in it in place; ok is false if there is none of that name.
	Items(list string) (items []syntax.Value, ok bool)
	// List is what CEL calls a list, used as one of texts or of numbers.
	List(name string, of condition.Elem) (cel string)
	// Addresses is what CEL calls the list of the addresses that domain names resolve to. list is the Falco list that holds
	// the names, "" if they stand in the condition.
	Addresses(list string, names []string) (cel string)
}

// Options change what conditions mean.
type Options struct {
	// Exact leaves event types as they are named. Without it a type stands for newer calls that do the same, too:
	// fchmodat for fchmodat2.
	Exact bool
	// MountsExist makes a test of container.mount.* for the text <NA> hold for a mount that is not there. In Falco it does
	// not: the negated test upstream rules make of it is true of every container without the mount.
	MountsExist bool
	// AllNets makes fd.net in (…) look at every network. Falco looks at the first alone.
	AllNets bool
}

// An Issue is one thing wrong with a condition.
type Issue struct {
	Offset  int    // in bytes from the start of the Falco condition
	Code    string // Falco's: LOAD_ERR_COMPILE_CONDITION, …
	Message string
	Warning bool
	// Unknown says that it is about a field which Falco does not know either, Undefined that it is about a macro that there
	// is not.
	Unknown, Undefined bool
}

// The codes, as Falco names them.
const (
	codeCondition  = "LOAD_ERR_COMPILE_CONDITION"
	codeValidate   = "LOAD_ERR_VALIDATE"
	warnCondition  = "LOAD_COMPILE_CONDITION"
	warnDeprecated = "LOAD_DEPRECATED_ITEM"
)

// Text is a condition in CEL.
type Text struct {
	CEL   string
	marks []mark
}

// A mark ties a byte of the CEL text to the byte of the Falco condition that it comes from.
type mark struct{ cel, falco int }

// At is where in the Falco condition something stands that begins so many characters from the start of the CEL text.
func (t Text) At(characters int) int {
	at, n := 0, 0
	for i := range t.CEL {
		if n == characters {
			at = i
			break
		}
		n++
	}
	found := 0
	for _, m := range t.marks {
		if m.cel <= at {
			found = m.falco
		}
	}
	return found
}

// Condition translates one condition. The text is of no use if any issue is more than a warning.
func Condition(e syntax.Expr, names Names, opt Options) (Text, []Issue) {
	t := &translation{names: names, opt: opt}
	out := t.expr(e, false)
	slices.SortStableFunc(t.issues, func(a, b Issue) int { return a.Offset - b.Offset })
	return Text{CEL: out.text, marks: out.marks}, t.issues
}

type translation struct {
	names  Names
	opt    Options
	issues []Issue
}

func (t *translation) fail(at int, format string, args ...any) term {
	t.issues = append(t.issues, Issue{Offset: at, Code: codeCondition, Message: fmt.Sprintf(format, args...)})
	return boolean(at, false)
}

func (t *translation) warn(at int, code, format string, args ...any) {
	t.issues = append(t.issues, Issue{Offset: at, Code: code, Message: fmt.Sprintf(format, args...), Warning: true})
}

// expr translates e. opens says that the condition around it asks how a file was opened.
func (t *translation) expr(e syntax.Expr, opens bool) term {
	switch e := e.(type) {
	case *syntax.And:
		return joined(e.At(), " && ", and, t.terms(e.Terms, opens || slices.ContainsFunc(e.Terms, asksOpen)))
	case *syntax.Or:
		return joined(e.At(), " || ", or, t.terms(e.Terms, opens))
	case *syntax.Not:
		return not(t.expr(e.Term, opens))
	case *syntax.Macro:
		name, ok := t.names.Macro(e.Name)
		if !ok {
			t.issues = append(t.issues, Issue{Offset: e.At(), Code: codeValidate, Message: fmt.Sprintf("undefined macro '%s' used in filter", e.Name), Undefined: true})
		}
		return plain(e.At(), name)
	case *syntax.Exists:
		return t.exists(e)
	case *syntax.Compare:
		return t.compare(e, opens)
	}
	return t.fail(e.At(), "a condition of an unknown kind: %T", e)
}

func (t *translation) terms(of []syntax.Expr, opens bool) []term {
	out := make([]term, len(of))
	for i, e := range of {
		out[i] = t.expr(e, opens)
	}
	return out
}

// asksOpen reports whether a comparison in e is about how a file was opened.
func asksOpen(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.And:
		return slices.ContainsFunc(e.Terms, asksOpen)
	case *syntax.Or:
		return slices.ContainsFunc(e.Terms, asksOpen)
	case *syntax.Not:
		return asksOpen(e.Term)
	case *syntax.Compare:
		return strings.HasPrefix(e.Left.Field, "evt.is_open_")
	}
	return false
}
