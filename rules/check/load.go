package check

import (
	"fmt"
	"regexp"
	"slices"

	"cel.dev/cel-go/cel"
	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

const (
	maxChecks = 2000
	maxMacros = 500
)

var nameOf = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Load compiles the checks of files. Lists and macros of any file serve all; a macro sees those before it. It makes no set if
// anything is wrong with any file; the error is then [source.Errors] with all that is.
func Load(files []source.File) (*Set, error) {
	dialect, err := base()
	if err != nil {
		return nil, fmt.Errorf("checks: %w", err)
	}
	var errs source.Errors
	l := loading{compiler: compiler{dialect: dialect, macros: map[string]*expression{}, lists: map[string][]string{}},
		names: map[string]source.Position{}, set: &Set{}}
	var docs []document
	for _, file := range files {
		f := source.NewReader(file, &errs)
		if top := f.Root(); top != nil {
			docs = append(docs, document{f, f.Keys(top, "a file of checks", "lists", "macros", "checks")})
		}
	}
	for _, d := range docs {
		l.readLists(d)
	}
	for _, d := range docs {
		l.readMacros(d)
	}
	for _, d := range docs {
		l.readChecks(d)
	}
	if len(errs) == 0 && len(l.set.checks) == 0 {
		errs = append(errs, &source.Error{Message: "no checks", Position: source.Position{File: "checks"}})
	}
	if len(errs) > 0 {
		return nil, errs
	}
	l.set.macros, l.set.lists = l.macros, l.lists
	return l.set, nil
}

// A document is one file's parts.
type document struct {
	*source.Reader
	parts map[string]*yaml.Node
}

type loading struct {
	compiler
	names map[string]source.Position // of lists, macros and checks
	set   *Set
}

// define notes that a name is taken, and reports whether it was not.
func (l *loading) define(f *source.Reader, key *yaml.Node, name string) bool {
	if first, taken := l.names[name]; taken {
		f.Fail(key, "%s is defined already at %s", source.Quote(name), first)
		return false
	}
	l.names[name] = f.Position(key)
	return true
}

// nameable says whether a list or macro may have the name.
func (l *loading) nameable(f *source.Reader, key *yaml.Node, what string) bool {
	_, isVariable := variablesByName[key.Value]
	if !nameOf.MatchString(key.Value) || isVariable || reserved[key.Value] {
		f.Fail(key, "a %s can't have the name %s", what, source.Quote(key.Value))
		return false
	}
	return l.define(f, key, key.Value)
}

// reserved are words of CEL that the parser takes for more than a name.
var reserved = map[string]bool{"true": true, "false": true, "null": true, "in": true, "has": true, "otherwise": true, "as": true, "break": true,
	"const": true, "continue": true, "else": true, "for": true, "function": true, "if": true, "import": true, "let": true, "loop": true,
	"package": true, "namespace": true, "return": true, "var": true, "void": true, "while": true}

func (l *loading) readLists(d document) {
	n := d.parts["lists"]
	if n == nil || !d.Is(n, yaml.MappingNode, "lists") {
		return
	}
	types := map[string]*cel.Type{}
	d.Pairs(n, func(key, value *yaml.Node) {
		if l.nameable(d.Reader, key, "list") {
			l.lists[key.Value] = d.TextList(value, "a list")
			types[key.Value] = cel.ListType(cel.StringType)
		}
	})
	l.with(d.Reader, n, types)
}

// with adds variables to the language.
func (l *loading) with(f *source.Reader, n *yaml.Node, types map[string]*cel.Type) {
	dialect, err := l.dialect.With(types)
	if err != nil {
		f.Fail(n, "%v", err)
		return
	}
	l.dialect = dialect
}

func (l *loading) readMacros(d document) {
	n := d.parts["macros"]
	if n == nil || !d.Is(n, yaml.MappingNode, "macros") {
		return
	}
	d.Pairs(n, func(key, value *yaml.Node) {
		text, ok := d.Text(value, "a macro")
		if !ok || !l.nameable(d.Reader, key, "macro") {
			return
		}
		if len(l.macros) == maxMacros {
			d.Fail(key, "more than %d macros", maxMacros)
			return
		}
		if e := l.expression(d.Reader, d.Located(value, text), 0, text); e != nil {
			e.path = nil
			l.macros[key.Value] = e
			l.with(d.Reader, key, map[string]*cel.Type{key.Value: e.Type})
		}
	})
}

func (l *loading) readChecks(d document) {
	n := d.parts["checks"]
	if n == nil || !d.Is(n, yaml.SequenceNode, "checks") {
		return
	}
	for _, item := range n.Content {
		if len(l.set.checks) == maxChecks {
			d.Fail(item, "more than %d checks", maxChecks)
			return
		}
		if !d.Is(item, yaml.MappingNode, "a check") {
			continue
		}
		if c := l.check(d.Reader, item); c != nil {
			l.set.checks = append(l.set.checks, c)
		}
	}
}

// sees fails if an expression reads an item of a set that the check is not about.
func sees(f *source.Reader, n *yaml.Node, each string, sets []string) {
	for _, s := range sets {
		if s != each {
			f.Fail(n, "%s is known to checks with each: %s alone", s, s)
		}
	}
}

func oneOf(f *source.Reader, n *yaml.Node, what string, allowed []string) string {
	text, ok := f.Text(n, what)
	if ok && !slices.Contains(allowed, text) {
		f.Fail(n, "%s is none of %q", what, allowed)
		return ""
	}
	return text
}
