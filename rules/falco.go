package rules

import (
	"bytes"
	"fmt"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/falco/translate"
	"tiercel.dev/rules/source"
)

// FalcoOptions change what Falco's rule files mean. The zero value is Falco's own meaning, but for calls and ways to make
// them that Falco does not know: these count as what they do.
type FalcoOptions struct {
	// Exact takes event types as they are named, and no operations of io_uring for them.
	Exact bool
	// AllMatch lets every rule that matches an event fire, not the first alone.
	AllMatch bool
	// Select switches rules on and off, in order.
	Select []falco.Selection
	// Least is the least urgent priority whose rules are tried; nil for all.
	Least *falco.Priority
	// Append adds to outputs, and Static fields of one value to those to which Append adds what Falco suggests.
	Append []FalcoAppend
	Static []FalcoField
	// Severities is what a priority becomes; those not in it are as DefaultSeverity has them.
	Severities map[falco.Priority]Severity
	// MountsExist and AllNets mend what is surely not meant: see [translate.Options].
	MountsExist, AllNets bool
}

// DefaultSeverity is what a priority of Falco's becomes. The three highest all call for somebody at once, and Security
// Command Center has one word for that. Notice and below are what happens on healthy systems, too.
func DefaultSeverity(p falco.Priority) Severity {
	switch p {
	case falco.Emergency, falco.Alert, falco.Critical:
		return Critical
	case falco.Error:
		return High
	case falco.Warning:
		return Medium
	}
	return Low
}

// IsFalco reports whether a file is in Falco's language: its root is a list. That of a native file is a mapping.
func IsFalco(f source.File) bool {
	for line := range bytes.Lines(f.Data) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		switch {
		case len(line) == 0, line[0] == '#', line[0] == '%', bytes.HasPrefix(line, []byte("---")):
		default:
			return line[0] == '-' || line[0] == '['
		}
	}
	return false
}

// falcoLoading compiles what Falco files define. Their macros and lists are in a compiler of their own, so that they never
// meet those of native files.
type falcoLoading struct {
	*falco.Ruleset
	set      *Set
	errs     *Errors
	opt      FalcoOptions
	compiler *condition.Compiler
	names    *falcoNames
	macros   map[string]*falcoMacro
}

// A falcoMacro is a macro and what is wrong with it, which is told if a rule that is loaded uses it.
type falcoMacro struct {
	*falco.Macro
	text   translate.Text
	issues []translate.Issue
	told   bool
}

func loadFalco(files []source.File, set *Set, opt FalcoOptions, errs *Errors) error {
	compiler, err := condition.NewCompiler(set.lists)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	rs := falco.Load(files)
	for _, i := range rs.Errors {
		*errs = append(*errs, falcoError(i))
	}
	for _, i := range rs.Warnings {
		set.warnings = append(set.warnings, falcoError(i))
	}
	for _, s := range rs.Select(opt.Select) {
		set.warnings = append(set.warnings, &Error{Position: s.Position, Message: "rules: no rule has " + s.String()})
	}
	for _, r := range rs.Rules {
		r.Enabled = r.Enabled && (opt.Least == nil || r.Priority <= *opt.Least)
	}
	l := &falcoLoading{Ruleset: rs, set: set, errs: errs, opt: opt, compiler: compiler, names: newFalcoNames(rs, nil), macros: map[string]*falcoMacro{}}
	return l.compile()
}

func falcoError(i *falco.Issue) *Error {
	message := string(i.Code) + ": "
	if i.Item != "" {
		message += i.Item + ": "
	}
	return &Error{Position: i.Position, Message: message + i.Message, Text: i.Text}
}

func (l *falcoLoading) translate(c *falco.Condition) (translate.Text, []translate.Issue) {
	return translate.Condition(c.Expr, l.names, translate.Options{Exact: l.opt.Exact, MountsExist: l.opt.MountsExist, AllNets: l.opt.AllNets})
}

func (l *falcoLoading) compile() error {
	for _, m := range l.Macros {
		text, issues := l.translate(m.Condition)
		l.macros[m.Name] = &falcoMacro{Macro: m, text: text, issues: issues}
	}
	type translated struct {
		*falco.Rule
		text translate.Text
	}
	var rules []translated
	for _, r := range l.Rules {
		if text, ok := l.ruleText(r); ok {
			rules = append(rules, translated{r, text})
		}
	}
	if err := l.compiler.DefineLists(l.names.lists()); err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	l.defineMacros()
	for _, r := range rules {
		if rule := l.rule(r.Rule, r.text); rule != nil {
			l.set.rules = append(l.set.rules, rule)
		}
	}
	for dynamic, names := range l.names.domains {
		l.set.domains[dynamic], l.set.fills[dynamic] = names, condition.OfText
	}
	return nil
}
