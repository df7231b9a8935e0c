package falco

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/falco/translate"
	"tiercel.dev/rules/source"
)

// An exception is part of a rule: events of which its fields have one of its values do not match.
type exception struct {
	*item
	name   string
	fields entry
	comps  entry
	values []entry
}

// An entry is a text, or a list of entries.
type entry struct {
	source.Text
	given bool
	list  bool
	in    []entry
}

// maxEntryDepth is how deep lists of exceptions nest: values, one value, and a list of what one field may be.
const maxEntryDepth = 3

// entry reads what an exception has under a key, or below.
func (it *item) entry(n *yaml.Node, what string, depth int) entry {
	n = anchored(n)
	if n.Kind != yaml.SequenceNode {
		text, _ := it.scalar(n, "what is in "+what)
		return entry{Text: text, given: true}
	}
	e := entry{Text: source.Text{Lines: it.lines, Node: n}, given: true, list: true}
	if depth == maxEntryDepth {
		it.fail(YAMLValidate, n, "lists in %s nest too deep", what)
		return e
	}
	for _, c := range n.Content {
		e.in = append(e.in, it.entry(c, what, depth+1))
	}
	return e
}

// setExceptions reads exceptions, and replaces those of the rule or adds to them.
func (d *ruleDef) setExceptions(it *item, c change) {
	n := it.keys["exceptions"]
	if c == replaces {
		d.exceptions = nil
	}
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		it.fail(YAMLValidate, n, "exceptions is a list")
		return
	}
	names := map[string]bool{}
	for _, entry := range n.Content {
		if entry = anchored(entry); entry.Kind != yaml.MappingNode {
			it.fail(YAMLValidate, entry, "an exception is a mapping with name, fields and values")
			continue
		}
		ex := newItem(it.lines, entry, it.set)
		ex.label = it.label
		d.setException(ex, names, c)
		it.broken = it.broken || ex.broken
	}
}

func (d *ruleDef) setException(it *item, names map[string]bool, c change) {
	name, ok := it.text("name")
	if !ok {
		return
	}
	it.label += ", exception " + source.Quote(name.Value)
	it.known("name", "fields", "comps", "values")
	if names[name.Value] {
		it.warn(ExceptionNameNotUnique, name.Node, "the name is given twice in the same rule")
	}
	names[name.Value] = true
	ex := &exception{item: it, name: name.Value}
	for key, e := range map[string]*entry{"fields": &ex.fields, "comps": &ex.comps} {
		if it.has(key) {
			*e = it.entry(it.keys[key], key, 1)
		}
	}
	switch values := it.keys["values"]; {
	case values == nil || isNull(values):
		if c == appends {
			it.warn(AppendNoValues, it.node, "an exception is appended without values")
		}
	case values.Kind != yaml.SequenceNode:
		it.fail(YAMLValidate, values, "values is a list")
	default:
		ex.values = it.entry(values, "values", 0).in
	}
	if !it.broken {
		d.merge(ex, c)
	}
}

// merge adds an exception, or its values to the one of its name.
func (d *ruleDef) merge(ex *exception, c change) {
	at := slices.IndexFunc(d.exceptions, func(e *exception) bool { return e.name == ex.name })
	switch {
	case c == appends && at >= 0:
		if ex.fields.given || ex.comps.given {
			ex.fail(Validate, ex.node, "the exception is there already: only values can be appended to it, not fields or comps")
			return
		}
		d.exceptions[at].values = append(d.exceptions[at].values, ex.values...)
	case !ex.fields.given:
		ex.fail(Validate, ex.node, "an exception has fields")
	case c == appends && len(ex.values) == 0:
		ex.fail(Validate, ex.node, "an exception that is appended, and that the rule does not have, has values")
	default:
		if !d.foreign() {
			ex.check()
		}
		d.exceptions = append(d.exceptions, ex)
	}
}

// check looks at fields and comps, and completes comps.
func (ex *exception) check() {
	fields := ex.fields.in
	switch {
	case ex.fields.list && len(fields) == 0:
		ex.fail(Validate, ex.fields.Node, "fields is empty")
	case ex.fields.list && !ex.comps.given:
		for range fields {
			ex.comps.in = append(ex.comps.in, entry{Text: source.Text{Value: "="}})
		}
	case ex.fields.list && len(ex.comps.in) != len(fields):
		ex.fail(Validate, ex.comps.Node, "comps has as many operators as fields has fields, %d and not %d", len(fields), len(ex.comps.in))
	case !ex.fields.list && !ex.comps.given:
		ex.comps.Value = "in"
	case !ex.fields.list && (ex.comps.list || !syntax.IsListOperator(ex.comps.Value)):
		ex.fail(Validate, ex.comps.Node, "of one field comps is one operator that takes a list: in, pmatch, intersects, or another with oneof, anyof or allof")
	}
	if !ex.fields.list {
		fields = []entry{ex.fields}
	}
	for _, f := range fields {
		if o, err := syntax.ParseOperand(f.Value); err != nil || f.list || len(ex.values) == 0 && !isField(o) {
			ex.fail(Validate, f.Node, "%s is no field", source.Quote(f.Value))
		}
	}
	for _, c := range ex.comps.in {
		if !syntax.IsOperator(c.Value) {
			ex.fail(Validate, c.Node, "%s is no operator", source.Quote(c.Value))
		}
	}
}

// isField tells whether there are the fields that an operand names. Of exceptions with values the translation tells.
func isField(o *syntax.Operand) bool {
	_, issues := translate.Condition(&syntax.Exists{Pos: o.Pos, Of: *o}, nil, translate.Options{})
	return !slices.ContainsFunc(issues, func(i translate.Issue) bool { return i.Unknown })
}
