package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// A file is a source with what is wrong with it.
type file struct {
	*source.Lines
	errors *Errors
}

func newFile(src Source, errs *Errors) *file { return &file{source.NewLines(src), errs} }

func (f *file) fail(n *yaml.Node, format string, args ...any) {
	f.failAt(f.Position(n), fmt.Sprintf(format, args...))
}

func (f *file) failAt(p Position, message string) { f.add(f.Error(p, message)) }

func (f *file) add(e *Error) { *f.errors = append(*f.errors, e) }

// located is a scalar's value with its places.
func (f *file) located(n *yaml.Node, value string) source.Text {
	return source.Text{Lines: f.Lines, Node: n, Value: value}
}

// root reads the one mapping that a file is; nil if it is not one.
func (f *file) root(src Source) *yaml.Node {
	if err := src.Check(); err != nil {
		f.fail(nil, "%v", err)
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(src.Data))
	var doc, next yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		f.fail(nil, "the file is empty")
		return nil
	case err != nil:
		f.add(f.SyntaxError(err))
		return nil
	}
	if err := d.Decode(&next); err == nil {
		f.fail(&next, "a file is one document; this starts a second one")
		return nil
	} else if !errors.Is(err, io.EOF) {
		f.add(f.SyntaxError(err))
		return nil
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		f.fail(nil, "the file is empty")
		return nil
	}
	if !f.plainYAML(top, 0) || !f.is(top, yaml.MappingNode, "the file") {
		return nil
	}
	return top
}

// maxYAMLDepth bounds the recursion over a file.
const maxYAMLDepth = 20

// plainYAML refuses what rule files have no use for: anchors and aliases, with which a small file can be a huge one, tags
// and keys twice in one mapping.
func (f *file) plainYAML(n *yaml.Node, depth int) bool {
	switch {
	case depth > maxYAMLDepth:
		f.fail(n, "nested deeper than %d", maxYAMLDepth)
		return false
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		f.fail(n, "anchors and aliases are not allowed")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		f.fail(n, "tags are not allowed")
		return false
	}
	ok := true
	for _, c := range n.Content {
		ok = f.plainYAML(c, depth+1) && ok
	}
	if n.Kind != yaml.MappingNode || !ok {
		return ok
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			f.fail(key, "a key is a text")
			return false
		}
		if first := seen[key.Value]; first != nil {
			f.fail(key, "%s is given twice, first in line %d", source.Quote(key.Value), first.Line)
			ok = false
		}
		seen[key.Value] = key
	}
	return ok
}

var kindNames = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a text"}

// is checks the kind of a node, told as what.
func (f *file) is(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind && !(kind == yaml.ScalarNode && n.Tag == "!!null") {
		return true
	}
	hint := ""
	if kind == yaml.ScalarNode && n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 {
		hint = "; a text that starts with { stands in quotes"
	}
	got := kindNames[n.Kind]
	if n.Tag == "!!null" {
		got = "nothing"
	}
	f.fail(n, "%s is %s, not %s%s", what, kindNames[kind], got, hint)
	return false
}

// pairs calls do for each key and value of a mapping.
func (f *file) pairs(n *yaml.Node, do func(key, value *yaml.Node)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		do(n.Content[i], n.Content[i+1])
	}
}

// keys checks that a mapping has none but the allowed keys, and returns the values by key.
func (f *file) keys(n *yaml.Node, what string, allowed ...string) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	f.pairs(n, func(key, value *yaml.Node) {
		if slices.Contains(allowed, key.Value) {
			values[key.Value] = value
			return
		}
		f.fail(key, "unknown key %s of %s; it has %s", source.Quote(key.Value), what, strings.Join(allowed, ", "))
	})
	return values
}

// text reads a scalar.
func (f *file) text(n *yaml.Node, what string) (string, bool) {
	if n == nil || !f.is(n, yaml.ScalarNode, what) {
		return "", false
	}
	return n.Value, true
}

func (f *file) bool(n *yaml.Node, what string) (v, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", true
	}
	f.fail(n, "%s is true or false", what)
	return false, false
}

// textList reads a list of scalars.
func (f *file) textList(n *yaml.Node, what string) []string {
	if !f.is(n, yaml.SequenceNode, what) {
		return nil
	}
	texts := []string{}
	for _, item := range n.Content {
		if s, ok := f.text(item, "an item of "+what); ok {
			texts = append(texts, s)
		}
	}
	return texts
}
