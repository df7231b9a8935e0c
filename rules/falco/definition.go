package falco

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/source"
)

// A listDef is a list as far as it has been read.
type listDef struct {
	order
	*item
	name     string
	items    []source.Text
	comments []string
	parsed   []Item
	wrong    []*Issue // items that are none
	place    int      // among all lists
	used     bool
}

func (r *fileReader) list(it *item) {
	name, ok := it.name("list")
	if !ok {
		return
	}
	if !syntax.IsBareWord(name) {
		it.warn(InvalidListName, it.keys["list"], "the name of a list has no blanks and none of ( ) \" ' = ,: no condition can use this one")
	}
	it.known("list", "items", "append", "override")
	if !it.has("items") {
		it.fail(YAMLValidate, it.node, "there is no items")
		return
	}
	items, change := it.sequence("items"), it.change("items")
	old := r.lists[name]
	if it.broken || !it.applies(change, old != nil, "list") {
		return
	}
	comments := commentsOf(it.lines, it.node)
	n := r.next()
	if old == nil {
		old = &listDef{order: order{n, n}, name: name}
		r.lists[name] = old
		r.listOrder = append(r.listOrder, old)
	}
	if change == appends {
		old.items = append(old.items, items...)
		old.comments = append(old.comments, comments...)
	} else {
		old.item, old.items, old.comments = it, items, comments
	}
	old.last = n
}

// A macroDef is a macro as far as it has been read.
type macroDef struct {
	order
	*item
	name      string
	condition *source.Join
	comments  []string
	compiled  *Condition // nil if it is none
	used      bool
}

func (r *fileReader) macro(it *item) {
	name, ok := it.name("macro")
	if !ok {
		return
	}
	if !syntax.IsIdentifier(name) {
		it.warn(InvalidMacroName, it.keys["macro"], "the name of a macro has letters, digits and _, and starts with a letter: no condition can use this one")
	}
	it.known("macro", "condition", "append", "override")
	condition, ok := it.text("condition")
	change := it.change("condition")
	old := r.macros[name]
	if !ok || it.broken || !it.applies(change, old != nil, "macro") {
		return
	}
	comments := commentsOf(it.lines, it.node)
	n := r.next()
	if old == nil {
		old = &macroDef{order: order{n, n}, name: name}
		r.macros[name] = old
		r.macroOrder = append(r.macroOrder, old)
	}
	if change == appends {
		old.condition.Word(" ")
		old.comments = append(old.comments, comments...)
	} else {
		old.item, old.condition, old.comments = it, &source.Join{}, comments
	}
	old.condition.Add(condition)
	old.last = n
}

// A change is what an item does to an earlier definition of its name.
type change int

const (
	defines change = iota // or replaces it, without saying so
	appends
	replaces
)

// change reads append and override of a list or macro, which have the one key that can be changed.
func (it *item) change(key string) change {
	old, overrides := it.oldAppend(), it.overrides([]string{key}, []string{key})
	switch {
	case old && len(overrides) > 0:
		it.bothForms()
	case old:
		return appends
	}
	return overrides[key]
}

func (it *item) oldAppend() bool {
	if !it.bool("append", false) {
		return false
	}
	it.warn(DeprecatedItem, it.keys["append"], "append is Falco's older form; the newer one is override")
	return true
}

func (it *item) bothForms() {
	it.fail(YAMLValidate, it.keys["override"], "append and override do not go together")
}

// overrides reads the newer form of changes, by key.
func (it *item) overrides(append, replace []string) map[string]change {
	n := it.keys["override"]
	if n == nil || isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		it.fail(YAMLValidate, n, "override is a mapping of keys to append or replace")
		return nil
	}
	changes := map[string]change{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], anchored(n.Content[i+1])
		switch {
		case value.Kind != yaml.ScalarNode || value.Value != "append" && value.Value != "replace":
			it.fail(YAMLValidate, value, "override has append or replace for a key, not %s", source.Quote(value.Value))
		case value.Value == "append" && slices.Contains(append, key.Value):
			changes[key.Value] = appends
		case value.Value == "replace" && slices.Contains(replace, key.Value):
			changes[key.Value] = replaces
		case value.Value == "append" && slices.Contains(replace, key.Value):
			it.fail(YAMLValidate, key, "%s can not be appended to; it can be replaced", key.Value)
		default:
			it.fail(YAMLValidate, key, "override of %s: there is no such key, or it can not be changed", source.Quote(key.Value))
		}
	}
	return changes
}

// applies checks that there is something to change.
func (it *item) applies(c change, exists bool, kind string) bool {
	if c != defines && !exists {
		it.fail(Validate, it.node, "there is no %s of that name before this to append to or replace", kind)
		return false
	}
	return true
}
