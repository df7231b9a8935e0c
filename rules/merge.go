package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/source"
)

// merged is what all files together define, later ones changing earlier ones where they say so.
type merged struct {
	lists  map[string]*listDef
	parts  map[string][]listPart
	macros map[string]*mergedMacro
	rules  []*mergedRule
	byName map[string]*mergedRule
	names  map[string]Position // of lists and macros, which share one space
}

// A listPart is the items that one file gives to a list.
type listPart struct {
	file  *file
	items []*yaml.Node
}

// A mergedMacro is its condition and what later files put before and behind it: their texts stand in the file's.
type mergedMacro struct {
	def   *macroDef
	added []addition
}

type addition struct {
	operator string
	source.Text
}

type mergedRule struct {
	name    string
	first   *ruleDef
	keys    map[string]keyed
	excepts []source.Text
}

// keyed is a value and the file that gives it.
type keyed struct {
	file *file
	node *yaml.Node
}

func merge(docs []document) *merged {
	m := &merged{lists: map[string]*listDef{}, parts: map[string][]listPart{}, macros: map[string]*mergedMacro{},
		byName: map[string]*mergedRule{}, names: map[string]Position{}}
	for i := range docs {
		for j := range docs[i].lists {
			m.addList(&docs[i].lists[j])
		}
		for j := range docs[i].macros {
			m.addMacro(&docs[i].macros[j])
		}
		for j := range docs[i].rules {
			m.addRule(&docs[i].rules[j])
		}
	}
	return m
}

// claim checks that a definition which changes another has one, and that one which does not is the first of its name.
func (m *merged) claim(f *file, key *yaml.Node, exists, changes bool, what string) bool {
	switch {
	case changes && !exists:
		f.Fail(key, "there is no %s %s to change in the files before", what, key.Value)
		return false
	case changes:
		return true
	}
	if first, taken := m.names[key.Value]; taken {
		hint := ""
		if exists {
			hint = "; a later file changes it with override: true"
		}
		f.Fail(key, "%s is defined already at %s%s", key.Value, first, hint)
		return false
	}
	m.names[key.Value] = f.Position(key)
	return true
}

func (m *merged) addList(l *listDef) {
	name := l.key.Value
	old := m.lists[name]
	if !m.claim(l.file, l.key, old != nil, l.override || l.appends, "list") {
		return
	}
	part := listPart{l.file, l.items}
	if l.appends {
		if old.from != "" {
			l.file.Fail(l.key, "%s is filled by the program: override its default instead", name)
			return
		}
		m.parts[name] = append(m.parts[name], part)
		return
	}
	m.lists[name] = l
	m.parts[name] = []listPart{part}
}

func (m *merged) addMacro(d *macroDef) {
	name := d.key.Value
	old := m.macros[name]
	if !m.claim(d.file, d.key, old != nil, d.override || d.and != nil || d.or != nil, "macro") {
		return
	}
	switch {
	case d.and != nil:
		old.added = append(old.added, addition{"&&", *d.and})
	case d.or != nil:
		old.added = append(old.added, addition{"||", *d.or})
	default:
		m.macros[name] = &mergedMacro{def: d}
	}
}

func (m *merged) addRule(d *ruleDef) {
	old := m.byName[d.name]
	override := false
	if n := d.keys["override"]; n != nil {
		override, _ = d.file.Bool(n, "override")
	}
	onlyEnabled := len(d.keys) == 2 && d.keys["enabled"] != nil
	switch {
	case (override || onlyEnabled || d.keys["except"] != nil && d.keys["condition"] == nil) && old == nil:
		d.file.Fail(d.keys["name"], "there is no rule %s to change in the files before", source.Quote(d.name))
		return
	case old == nil:
		old = &mergedRule{name: d.name, first: d, keys: map[string]keyed{}}
		m.rules = append(m.rules, old)
		m.byName[d.name] = old
	case !override && !onlyEnabled && d.keys["except"] == nil:
		d.file.Fail(d.keys["name"], "rule %s is defined already at %s; a later file changes it with override: true",
			source.Quote(d.name), old.first.file.Position(old.first.node))
		return
	case !override && !onlyEnabled && len(d.keys) > 2:
		d.file.Fail(d.keys["name"], "a rule changed by except has no other keys without override: true")
		return
	}
	for k, n := range d.keys {
		switch k {
		case "except":
			if text, ok := d.file.Text(n, k); ok {
				old.excepts = append(old.excepts, d.file.Located(n, text))
			}
		case "override":
		default:
			old.keys[k] = keyed{d.file, n}
		}
	}
	if override && d.keys["condition"] != nil {
		old.excepts = nil
		if n := d.keys["except"]; n != nil {
			old.excepts = []source.Text{d.file.Located(n, n.Value)}
		}
	}
}

// resolveLists makes each list's values, lists in lists included.
func (m *merged) resolveLists() map[string]*condition.List {
	out := map[string]*condition.List{}
	done := map[string]resolvedList{}
	for name, def := range m.lists {
		r := m.items(name, nil, done)
		list := &condition.List{Dynamic: def.from, Values: condition.TextValues(r.texts)}
		ints := r.isInts()
		if def.from != "" {
			if len(def.items) > 0 && ints != def.ints {
				def.file.Fail(def.key, "the default of %s holds other items than its of says: of is %s", name, map[bool]string{true: "int", false: "string, its default"}[def.ints])
			}
			ints = def.ints
		}
		if def.ints && len(r.texts) > 0 {
			def.file.Fail(def.key, "%s holds texts, and its of says int", name)
		}
		if ints || def.ints {
			list.Of, list.Values = condition.OfInt, condition.IntValues(r.ints)
		}
		out[name] = list
	}
	return out
}

type resolvedList struct {
	texts []string
	ints  []int64
}

func (r resolvedList) isInts() bool { return len(r.ints) > 0 }

// maxItems is how many items a list may have with its lists in place.
const maxItems = 100_000

func (m *merged) items(name string, above []string, done map[string]resolvedList) resolvedList {
	if r, ok := done[name]; ok {
		return r
	}
	var r resolvedList
	for _, part := range m.parts[name] {
		for _, item := range part.items {
			f := part.file
			if len(r.texts)+len(r.ints) > maxItems {
				f.Fail(item, "list %s has more than %d items", name, maxItems)
				return r
			}
			if item.Kind == yaml.MappingNode {
				m.nested(f, item, &r, append(slices.Clone(above), name), done)
				continue
			}
			text, ok := f.Text(item, "an item of a list")
			if !ok {
				continue
			}
			n, err := strconv.ParseInt(text, 0, 64)
			isInt := item.Tag == "!!int" && err == nil
			if isInt && len(r.texts) > 0 || !isInt && len(r.ints) > 0 {
				f.Fail(item, "a list holds texts or numbers, not both; a number in quotes is a text")
				continue
			}
			if isInt {
				r.ints = append(r.ints, n)
			} else {
				r.texts = append(r.texts, text)
			}
		}
	}
	done[name] = r
	return r
}

// nested adds the items of {list: name}.
func (m *merged) nested(f *file, item *yaml.Node, r *resolvedList, above []string, done map[string]resolvedList) {
	inner := f.Keys(item, "an item", "list")["list"]
	if inner == nil {
		return
	}
	name, ok := f.Text(inner, "list")
	if !ok {
		return
	}
	switch def := m.lists[name]; {
	case def == nil:
		f.Fail(inner, "there is no list %s", source.Quote(name))
		return
	case def.from != "":
		f.Fail(inner, "list %s is filled by the program and can't be part of another", name)
		return
	case slices.Contains(above, name):
		f.Fail(inner, "list %s contains itself: %s", name, strings.Join(append(above, name), " → "))
		return
	}
	more := m.items(name, above, done)
	if len(more.ints) > 0 && len(r.texts) > 0 || len(more.texts) > 0 && len(r.ints) > 0 {
		f.Fail(inner, "a list holds texts or numbers, not both; list %s holds the other", name)
		return
	}
	r.texts, r.ints = append(r.texts, more.texts...), append(r.ints, more.ints...)
}

// compose is (…(condition) op (added)) op (added).
func (m *mergedMacro) compose() *source.Join {
	c := &source.Join{}
	if len(m.added) == 0 {
		c.Add(m.def.condition)
		return c
	}
	c.Word(strings.Repeat("(", len(m.added)))
	c.Add(m.def.condition)
	for i, a := range m.added {
		if i > 0 {
			c.Word(")")
		}
		c.Word(fmt.Sprintf(") %s (", a.operator))
		c.Add(a.Text)
	}
	c.Word(")")
	return c
}

// compose is the rule's condition without its exceptions.
func (r *mergedRule) compose(text source.Text) *source.Join {
	c := &source.Join{}
	if len(r.excepts) == 0 {
		c.Add(text)
		return c
	}
	c.Word("(")
	c.Add(text)
	c.Word(")")
	for _, e := range r.excepts {
		c.Word(" && !(")
		c.Add(e)
		c.Word(")")
	}
	return c
}
