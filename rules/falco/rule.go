package falco

import (
	"slices"
	"strings"

	"tiercel.dev/rules/source"
)

// syscalls is the one source of events whose rules are taken.
const syscalls = "syscall"

// A ruleDef is a rule as far as it has been read.
type ruleDef struct {
	*item
	name        string
	source      string
	condition   *source.Join
	output      *source.Join
	desc        string
	priority    Priority
	tags        []string
	enabled     bool
	warnTypes   bool
	skipUnknown bool
	exceptions  []*exception
	comments    []string
}

var (
	requiredKeys  = []string{"condition", "output", "desc", "priority"}
	appendKeys    = []string{"condition", "output", "desc", "tags", "exceptions"}
	replaceKeys   = slices.Concat(appendKeys, []string{"priority", "enabled", "capture", "capture_duration", "warn_evttypes", "skip-if-unknown-filter"})
	knownRuleKeys = slices.Concat([]string{"rule", "source", "append", "override"}, replaceKeys)
)

func (r *fileReader) rule(it *item) {
	name, ok := it.name("rule")
	if !ok {
		return
	}
	it.known(knownRuleKeys...)
	for _, key := range []string{"capture", "capture_duration"} {
		if it.has(key) {
			it.warn(Ignored, it.keys[key], "%s is not supported: no file is written when the rule matches", key)
		}
	}
	changes, old := it.overrides(appendKeys, replaceKeys), it.oldAppend()
	switch {
	case it.broken:
	case len(changes) > 0 && old:
		it.bothForms()
	case len(changes) > 0:
		it.listed(changes)
		r.change(it, name, changes)
	case old:
		r.change(it, name, it.appended())
	case !slices.ContainsFunc(requiredKeys, it.has):
		r.enable(it, name)
	default:
		r.define(it, name)
	}
}

// listed checks that override names the keys that are there, and no others.
func (it *item) listed(changes map[string]change) {
	for _, key := range replaceKeys {
		_, listed := changes[key]
		switch {
		case listed && !it.has(key):
			it.fail(YAMLValidate, it.keys["override"], "override names %s, and there is no %s", key, key)
		case !listed && it.has(key):
			it.fail(YAMLValidate, it.keys[key], "%s is given, and override does not name it", key)
		}
	}
}

// appended are the changes that the older form of append asks for.
func (it *item) appended() map[string]change {
	changes := map[string]change{}
	for _, key := range appendKeys {
		if it.has(key) {
			changes[key] = appends
		}
	}
	if len(changes) == 0 {
		it.fail(Validate, it.node, "there is nothing to append: a rule appends %s", strings.Join(appendKeys, ", "))
	}
	return changes
}

// enable reads a rule of nothing but enabled, which switches an earlier one.
func (r *fileReader) enable(it *item, name string) {
	if _, ok := it.text("enabled"); !ok {
		return
	}
	enabled := it.bool("enabled", true)
	it.warn(DeprecatedItem, it.keys["enabled"], "enabled alone is Falco's older form; the newer one has override: {enabled: replace}")
	switch old := r.rules[name]; {
	case old == nil:
		it.fail(Validate, it.node, "there is no rule of that name before this to switch")
	case !it.broken:
		old.enabled = enabled
	}
}

func (r *fileReader) define(it *item, name string) {
	d := &ruleDef{item: it, name: name, source: syscalls, enabled: true, warnTypes: true}
	for _, key := range requiredKeys {
		if !it.has(key) {
			it.fail(YAMLValidate, it.node, "the rule has no %s", key)
		}
	}
	if it.has("source") {
		if text, ok := it.text("source"); ok {
			d.source = text.Value
		}
	}
	for _, key := range replaceKeys {
		if it.has(key) {
			d.set(it, key, replaces)
		}
	}
	old := r.rules[name]
	switch {
	case it.broken:
		return
	case old != nil && old.source != d.source:
		it.fail(Validate, it.node, "the rule has another source than before, which is %s", source.Quote(old.source))
		return
	case d.foreign():
		it.warn(UnknownSource, it.keys["source"], "the rule is left out: it is about events of %s, and there are those of %s alone", source.Quote(d.source), syscalls)
		r.foreign++
	default:
		r.syscall++
	}
	d.comments = commentsOf(it.lines, it.node)
	if old == nil {
		r.rules[name] = d
		r.ruleOrder = append(r.ruleOrder, d)
		return
	}
	*old = *d
}

func (d *ruleDef) foreign() bool { return d.source != syscalls }

// change applies what an item says of an earlier rule.
func (r *fileReader) change(it *item, name string, changes map[string]change) {
	old := r.rules[name]
	if old == nil {
		it.fail(Validate, it.node, "there is no rule of that name before this to append to or replace")
	}
	if it.broken {
		return
	}
	for _, key := range replaceKeys {
		if c, ok := changes[key]; ok {
			old.set(it, key, c)
		}
	}
	old.comments = append(old.comments, commentsOf(it.lines, it.node)...)
}

// set takes a key of an item into the rule.
func (d *ruleDef) set(it *item, key string, c change) {
	switch key {
	case "condition":
		d.condition = it.joined(key, d.condition, c)
	case "output":
		d.output = it.joined(key, d.output, c)
	case "desc":
		text, _ := it.text(key)
		if c == appends {
			text.Value = d.desc + " " + text.Value
		}
		d.desc = text.Value
	case "tags":
		if c == replaces {
			d.tags = nil
		}
		for _, tag := range it.sequence(key) {
			if !slices.Contains(d.tags, tag.Value) {
				d.tags = append(d.tags, tag.Value)
			}
		}
	case "exceptions":
		d.setExceptions(it, c)
	case "priority":
		if text, ok := it.text(key); ok {
			var err error
			if d.priority, err = ParsePriority(text.Value); err != nil {
				it.fail(YAMLValidate, text.Node, "%v", err)
			}
		}
	case "enabled":
		d.enabled = it.bool(key, true)
	case "warn_evttypes":
		d.warnTypes = it.bool(key, true)
	case "skip-if-unknown-filter":
		d.skipUnknown = it.bool(key, false)
	}
}

// joined is the text before and this item's.
func (it *item) joined(key string, before *source.Join, c change) *source.Join {
	text, ok := it.text(key)
	if !ok {
		return before
	}
	if c == replaces {
		before = &source.Join{}
	} else {
		before.Word(" ")
	}
	before.Add(text)
	return before
}
