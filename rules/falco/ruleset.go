// Package falco reads Falco's rule files. It knows the language of the files (items, keys, append, override, exceptions)
// and the order in which definitions see and change each other; the conditions are parsed by package syntax.
package falco

import (
	"strings"
	"unicode"

	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/source"
)

// A Ruleset is what rule files define together, the later ones changing what the earlier ones define. Each name that a
// condition uses is defined, and no macro leads to itself.
type Ruleset struct {
	Lists  []*List  // in the order in which their names came first
	Macros []*Macro // in the order in which their names came first; one may use another that stands behind it
	Rules  []*Rule  // in the order in which Falco tries them; without those of sources other than syscall
	// Errors are what keeps Falco from loading the files; each is about the file that it names. With errors, the
	// ruleset is what could be read all the same.
	Errors   []*Issue
	Warnings []*Issue
}

// A List is a list with what later files appended.
type List struct {
	Name string
	// Items are what was written: values, and names of lists.
	Items []Item
	// Values are the items with the items of lists in place of their names, as Falco has it: it looks into a list in a
	// list, and into one more only if that was defined later.
	Values   []syntax.Value
	Position source.Position // of the definition that holds, which later ones may have appended to
	Comments []string        // see [Macro]
}

// An Item is a value of a list. Its place is that of Position, not that of the Value.
type Item struct {
	syntax.Value
	List     string // the name of the list that the item stands for; else ""
	Position source.Position
}

// A Macro is a condition with a name.
type Macro struct {
	Name      string
	Condition *Condition
	Position  source.Position
	// Comments are the lines of comments above the item and in it, from # on; "" is an empty line between them.
	Comments []string
}

// A Rule is a rule with all that later files changed.
type Rule struct {
	Name string
	Desc string
	// Condition is the rule's own with its exceptions: (own) and not (…) and not (…).
	Condition *Condition
	Output    string // without white space around it
	Priority  Priority
	Tags      []string // each once, as they came
	Enabled   bool
	// WarnEventTypes is false if nobody wants to hear that the rule needs too many event types.
	WarnEventTypes bool
	// SkipUnknown asks that the rule be dropped with a warning, if it names a field that there is not.
	SkipUnknown bool
	Position    source.Position
	Comments    []string // see [Macro]
	output      *source.Join
}

// OutputIssue says that something is wrong at an offset in bytes into Output.
func (r *Rule) OutputIssue(offset int, message string) *Issue {
	text := r.output.String()
	offset += len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
	return newIssue(CompileOutput, "rule "+source.Quote(r.Name), r.output, offset, message)
}

// A Condition is a parsed condition whose text may come from several places.
type Condition struct {
	Expr syntax.Expr
	// Text is what Expr's places count in: the texts as they stand in the files, joined by Falco's rules.
	Text   string
	join   *source.Join
	macros []*syntax.Macro // those in Expr
}

// At finds the place in a file of an offset in bytes into the text.
func (c *Condition) At(offset int) source.Position { return c.join.AtByte(offset) }

// Macros are the names of those that the condition uses itself.
func (c *Condition) Macros() []string {
	names := make([]string, len(c.macros))
	for i, m := range c.macros {
		names[i] = m.Name
	}
	return names
}

// Issue says that something is wrong, or worth a warning, at an offset in bytes into the text. item is what it is about.
func (c *Condition) Issue(offset int, code Code, item, message string) *Issue {
	return newIssue(code, item, c.join, offset, message)
}
