package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/field"
	"tiercel.dev/rules/source"
)

// Lists holds the values of lists that the program fills, by the names that from gives. Rules read them as they are at
// that moment; see [condition.Lists].
type Lists = condition.Lists

// NewLists returns a holder in which every list has its default.
func NewLists() *Lists { return condition.NewLists() }

// Options of [Load].
type Options struct {
	// Lists fills lists with from; nil leaves them at their defaults.
	Lists *Lists
	// Falco is about files in Falco's language.
	Falco FalcoOptions
}

// maxRules is how many rules a set may have.
const maxRules = 10_000

// Load makes a set of the files, of which later ones may change what earlier ones define. It makes none if anything is
// wrong with any file; the error is then Errors with all that is.
func Load(sources []Source, opt Options) (*Set, error) {
	var errs Errors
	var docs []document
	var falcoFiles []source.File
	var blank Errors
	besideFalco := slices.ContainsFunc(sources, IsFalco)
	for _, src := range sources {
		switch {
		case IsFalco(src):
			falcoFiles = append(falcoFiles, src)
		case besideFalco && src.Blank(): // an installation of Falco has such a file, for rules to come
			blank = append(blank, &Error{Position: Position{File: src.Name}, Message: "the file is empty"})
		default:
			docs = append(docs, parseDocument(src, &errs))
		}
	}
	if len(sources) == 0 {
		errs = append(errs, &Error{Message: "no rule files", Position: Position{File: "rules"}})
	}
	if opt.Lists == nil {
		opt.Lists = NewLists()
	}
	merged := merge(docs)
	l := loading{merged: merged, errs: &errs, set: &Set{defined: merged.names, lists: opt.Lists, fills: map[string]condition.Elem{},
		firstFalco: !opt.Falco.AllMatch, domains: map[string][]string{}}}
	if err := l.compile(); err != nil {
		return nil, err
	}
	if len(falcoFiles) > 0 {
		if err := loadFalco(falcoFiles, l.set, opt.Falco, &errs); err != nil {
			return nil, err
		}
	}
	if len(l.set.rules) > maxRules {
		return nil, fmt.Errorf("rules: %d rules, more than %d", len(l.set.rules), maxRules)
	}
	if len(errs) > 0 {
		sortErrors(errs, sources)
		return nil, errs
	}
	l.set.warnings = append(l.set.warnings, blank...)
	sortErrors(l.set.warnings, sources)
	l.set.finish()
	return l.set, nil
}

func sortErrors(errs Errors, sources []Source) {
	order := map[string]int{}
	for i, s := range sources {
		order[s.Name] = i
	}
	slices.SortStableFunc(errs, func(a, b *Error) int {
		if d := order[a.File] - order[b.File]; d != 0 {
			return d
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

type loading struct {
	*merged
	errs     *Errors
	set      *Set
	compiler *condition.Compiler
}

func (l *loading) compile() error {
	compiler, err := condition.NewCompiler(l.set.lists)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	l.compiler = compiler
	lists := l.resolveLists()
	for name, list := range lists {
		if list.Dynamic != "" {
			l.set.fills[list.Dynamic] = list.Of
			if d := l.lists[name].domains; d != nil {
				l.set.domains[list.Dynamic] = d
			}
		}
		if m := l.macros[name]; m != nil {
			delete(lists, name) // told of as defined twice
		}
	}
	if err := compiler.DefineLists(lists); err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	l.defineMacros()
	for _, r := range l.rules {
		if rule := l.rule(r); rule != nil {
			l.set.rules = append(l.set.rules, rule)
		}
	}
	return nil
}

func (l *loading) defineMacros() {
	texts, parts := map[string]string{}, map[string]*source.Join{}
	for name, m := range l.macros {
		parts[name] = m.compose()
		texts[name] = parts[name].String()
	}
	for name, issues := range l.compiler.DefineMacros(texts) {
		for _, i := range issues {
			l.issue(parts[name], i)
		}
	}
}

func (l *loading) issue(c *source.Join, i condition.Issue) {
	list := l.errs
	if i.Warning {
		list = &l.set.warnings
	}
	*list = append(*list, c.Error(i.Offset, i.Message))
}

// rule reads and compiles one rule; nil if it has no condition to go on with.
func (l *loading) rule(m *mergedRule) *Rule {
	r := &Rule{Name: m.name, Enabled: true, Position: m.first.file.Position(m.first.node)}
	for _, required := range []string{"condition", "output", "severity"} {
		if _, ok := m.keys[required]; !ok {
			m.first.file.Fail(m.first.node, "rule %s has no %s", source.Quote(m.name), required)
		}
	}
	text := func(key string) string {
		k, ok := m.keys[key]
		if !ok {
			return ""
		}
		s, _ := k.file.Text(k.node, key)
		return s
	}
	r.Title, r.Description, r.SeverityReason = text("title"), text("description"), text("severity_reason")
	l.facts(r, m)
	if k, ok := m.keys["output"]; ok {
		if s, ok := k.file.Text(k.node, "output"); ok {
			at := k.file.Located(k.node, s)
			r.output = parseTemplate(s, func(offset int, message string) { k.file.Add(at.Error(offset, message)) })
		}
	}
	k, ok := m.keys["condition"]
	if !ok {
		return nil
	}
	s, ok := k.file.Text(k.node, "condition")
	if !ok {
		return nil
	}
	c := m.compose(k.file.Located(k.node, s))
	r.text = c.String()
	cond, issues := l.compiler.Compile(c.String())
	for _, i := range issues {
		l.issue(c, i)
	}
	if cond == nil {
		return nil
	}
	r.cond = cond
	r.filter = cond.Filter()
	r.kinds = r.filter.Wanted()
	l.warnings(r, c)
	return r
}

// warnings tells of what is allowed and surely not meant.
func (l *loading) warnings(r *Rule, c *source.Join) {
	warn := func(format string, args ...any) {
		l.set.warnings = append(l.set.warnings, c.Error(0, fmt.Sprintf(format, args...)))
	}
	switch r.kinds {
	case event.KindSet{}:
		warn("rule %s can match no event", source.Quote(r.Name))
		return
	case event.AllKinds():
		warn("rule %s is tried on every event: its condition does not say which evt.type it is about", source.Quote(r.Name))
	}
	for _, f := range slices.Concat(r.cond.Fields, r.output.fields()) {
		if f.Kinds.Intersect(r.kinds).Empty() {
			warn("%s has no value in any event that rule %s can match", f.Name, source.Quote(r.Name))
		}
	}
}

// facts reads the keys that say what a match means.
func (l *loading) facts(r *Rule, m *mergedRule) {
	if k, ok := m.keys["severity"]; ok {
		if s, ok := k.file.Text(k.node, "severity"); ok {
			var err error
			if r.Severity, err = ParseSeverity(s); err != nil {
				k.file.Fail(k.node, "severity %v", err)
			}
		}
	}
	if k, ok := m.keys["attack"]; ok {
		r.Attack = k.file.TextList(k.node, "attack")
		for _, n := range k.node.Content {
			if n.Kind == yaml.ScalarNode && !attackID.MatchString(n.Value) {
				k.file.Fail(n, "%s is no id of MITRE ATT&CK: T1059, T1059.004 or TA0002", source.Quote(n.Value))
			}
		}
	}
	if k, ok := m.keys["tags"]; ok {
		r.Tags = k.file.TextList(k.node, "tags")
		for _, n := range k.node.Content {
			if n.Kind == yaml.ScalarNode && (!source.Printable(n.Value) || n.Value == "" || strings.ContainsAny(n.Value, " ,")) {
				k.file.Fail(n, "a tag is a printable word: %s", source.Quote(n.Value))
			}
		}
	}
	if k, ok := m.keys["enabled"]; ok {
		r.Enabled, _ = k.file.Bool(k.node, "enabled")
	}
	if k, ok := m.keys["throttle"]; ok {
		r.Throttle = throttle(k.file, k.node)
	}
}

func throttle(f *file, n *yaml.Node) (t Throttle) {
	if !f.Is(n, yaml.MappingNode, "throttle") {
		return t
	}
	keys := f.Keys(n, "throttle", "per", "every")
	if per := keys["per"]; per != nil && f.Is(per, yaml.SequenceNode, "per") {
		for _, item := range per.Content {
			name, ok := f.Text(item, "an item of per")
			if !ok {
				continue
			}
			fl, err := field.Lookup(name)
			if err != nil {
				f.Fail(item, "%v", err)
				continue
			}
			t.Per = append(t.Per, fl)
		}
	}
	every := keys["every"]
	if every == nil {
		f.Fail(n, "throttle has no every")
		return t
	}
	text, ok := f.Text(every, "every")
	if !ok {
		return t
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		f.Fail(every, "every is a duration such as 30s, 1m or 1h, not %s", source.Quote(text))
	}
	t.Every = d
	return t
}
