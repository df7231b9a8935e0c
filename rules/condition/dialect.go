package condition

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// A Dialect is the language of conditions over other names than the fields of events, where speed does not matter: cel-go
// itself runs what it compiles. It is safe for concurrent use.
type Dialect struct{ env *cel.Env }

// An Expression is compiled, and what it gives is of a type that need not be bool.
type Expression struct {
	cel.Program
	Type *cel.Type
	Tree ast.Expr // as checked, comprehensions in place of their macros
}

// NewDialect returns a dialect with these variables; their names may hold dots. It has maps of texts and no has().
func NewDialect(variables map[string]*cel.Type) (*Dialect, error) {
	functions := maps.Clone(standard)
	functions[operators.In] = []string{"in_list", "in_map"}
	functions[operators.Index] = []string{"index_list", "index_map"}
	return newDialect(functions, variables, cel.Macros(cel.ExistsMacro, cel.ExistsOneMacro, cel.AllMacro))
}

func newDialect(functions map[string][]string, variables map[string]*cel.Type, options ...cel.EnvOption) (*Dialect, error) {
	env, err := newLanguage(functions, append(options, declare(variables)...))
	if err != nil {
		return nil, fmt.Errorf("language of conditions: %w", err)
	}
	return &Dialect{env}, nil
}

func declare(variables map[string]*cel.Type) []cel.EnvOption {
	var options []cel.EnvOption
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		options = append(options, cel.Variable(name, variables[name]))
	}
	return options
}

// With returns the dialect with more variables.
func (d *Dialect) With(variables map[string]*cel.Type) (*Dialect, error) {
	env, err := d.env.Extend(declare(variables)...)
	if err != nil {
		return nil, fmt.Errorf("language of conditions: %w", err)
	}
	return &Dialect{env}, nil
}

// Compile makes a program of a condition, or tells what is wrong with it.
func (d *Dialect) Compile(text string, options ...cel.ProgramOption) (cel.Program, []Issue) {
	e, issues := d.Expression(text, options...)
	if issues != nil {
		return nil, issues
	}
	if !e.Type.IsExactType(cel.BoolType) {
		return nil, []Issue{{Message: fmt.Sprintf("a condition is a bool, not %s", e.Type)}}
	}
	return e.Program, nil
}

// Expression is Compile of what may give anything.
func (d *Dialect) Expression(text string, options ...cel.ProgramOption) (*Expression, []Issue) {
	if issues := unreadable(text); issues != nil {
		return nil, issues
	}
	p := &parsed{text: text}
	checked, wrong := d.env.Compile(text)
	if wrong.Err() != nil {
		issues := p.issuesOf(wrong)
		for i := range issues {
			issues[i] = d.named(text, issues[i])
		}
		return nil, issues
	}
	program, err := d.env.Program(checked, options...)
	if err != nil {
		return nil, []Issue{{Message: err.Error()}}
	}
	return &Expression{program, checked.OutputType(), checked.NativeRep().Expr()}, nil
}

// named makes an issue about an unknown name one that says so, and begins where the name does: the checker's is about a
// function, and points to the name's last dot.
func (d *Dialect) named(text string, issue Issue) Issue {
	unknown, ok := strings.CutPrefix(issue.Message, "unknown function ")
	runes := []rune(text)
	if !ok || issue.Offset >= len(runes) || runes[issue.Offset] == '(' {
		return issue
	}
	issue.Message = "unknown name " + unknown
	if name, _, _ := strings.Cut(unknown, ":"); runes[issue.Offset] == '.' {
		issue.Offset = max(issue.Offset-strings.LastIndex(name, "."), 0)
	}
	return issue
}
