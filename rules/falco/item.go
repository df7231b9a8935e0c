package falco

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// An item is one entry of a file: a list, a macro, a rule or a requirement. Its methods read its keys; what is wrong with
// one is told, and makes the item broken.
type item struct {
	lines  *source.Lines
	node   *yaml.Node
	keys   map[string]*yaml.Node
	label  string // for issues
	set    *Ruleset
	broken bool
}

// newItem reads which keys an entry has. Of a key that is given twice the first counts.
func newItem(lines *source.Lines, node *yaml.Node, set *Ruleset) *item {
	it := &item{lines: lines, node: node, keys: map[string]*yaml.Node{}, set: set}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], anchored(node.Content[i+1])
		if _, twice := it.keys[key.Value]; twice {
			it.warn(DuplicateKey, key, "key %s is given twice; the first counts", source.Quote(key.Value))
			continue
		}
		it.keys[key.Value] = value
	}
	return it
}

func (it *item) fail(code Code, n *yaml.Node, format string, args ...any) {
	it.failAt(code, it.lines.Position(n), format, args...)
}

func (it *item) failAt(code Code, at source.Position, format string, args ...any) {
	it.broken = true
	it.set.fail(it.issue(code, at, format, args...))
}

func (it *item) warn(code Code, n *yaml.Node, format string, args ...any) {
	it.set.warn(it.issue(code, it.lines.Position(n), format, args...))
}

func (it *item) issue(code Code, at source.Position, format string, args ...any) *Issue {
	return &Issue{Position: at, Code: code, Item: it.label, Message: fmt.Sprintf(format, args...), Text: it.lines.Line(at.Line)}
}

// known warns of keys that are none of these.
func (it *item) known(keys ...string) {
	for i := 0; i+1 < len(it.node.Content); i += 2 {
		if key := it.node.Content[i]; !slices.Contains(keys, key.Value) {
			it.warn(UnknownKey, key, "unknown key %s; there are %s", source.Quote(key.Value), strings.Join(keys, ", "))
		}
	}
}

func (it *item) has(key string) bool { return it.keys[key] != nil }

// text reads a key that must be there and hold something.
func (it *item) text(key string) (source.Text, bool) {
	n := it.keys[key]
	if n == nil {
		it.fail(YAMLValidate, it.node, "there is no %s", key)
		return source.Text{}, false
	}
	return it.scalar(n, key)
}

// scalar reads a text that is not empty; what names it.
func (it *item) scalar(n *yaml.Node, what string) (source.Text, bool) {
	switch n = anchored(n); {
	case n.Kind != yaml.ScalarNode:
		it.fail(YAMLValidate, n, "%s is a text", what)
	case n.Value == "" || isNull(n):
		it.fail(YAMLValidate, n, "%s is empty", what)
	default:
		return source.Text{Lines: it.lines, Node: n, Value: n.Value}, true
	}
	return source.Text{}, false
}

// bool reads a key that may be missing.
func (it *item) bool(key string, missing bool) bool {
	if !it.has(key) {
		return missing
	}
	text, ok := it.text(key)
	if !ok {
		return missing
	}
	v, ok := parseBool(text.Value)
	if !ok {
		it.fail(YAMLValidate, text.Node, "%s is true or false, not %s", key, source.Quote(text.Value))
	}
	return v
}

// sequence reads a list of texts, which may be empty.
func (it *item) sequence(key string) []source.Text {
	n := it.keys[key]
	if n.Kind != yaml.SequenceNode {
		it.fail(YAMLValidate, n, "%s is a list", key)
		return nil
	}
	texts := make([]source.Text, 0, len(n.Content))
	for _, c := range n.Content {
		c = anchored(c)
		if c.Kind != yaml.ScalarNode {
			it.fail(YAMLValidate, c, "an item of %s is a text", key)
			continue
		}
		texts = append(texts, source.Text{Lines: it.lines, Node: c, Value: c.Value})
	}
	return texts
}

func (r *Ruleset) fail(i *Issue) { r.Errors = append(r.Errors, i) }
func (r *Ruleset) warn(i *Issue) { r.Warnings = append(r.Warnings, i) }
