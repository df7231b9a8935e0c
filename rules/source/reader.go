package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Reader reads the YAML of one file, and adds what is wrong with it to errors.
type Reader struct {
	*Lines
	data   File
	errors *Errors
}

// NewReader reads a file; what is wrong with it goes to errs.
func NewReader(src File, errs *Errors) *Reader { return &Reader{NewLines(src), src, errs} }

// Fail notes that something is wrong at a node.
func (f *Reader) Fail(n *yaml.Node, format string, args ...any) {
	f.FailAt(f.Position(n), fmt.Sprintf(format, args...))
}

// FailAt notes that something is wrong at a place.
func (f *Reader) FailAt(p Position, message string) { f.Add(f.Error(p, message)) }

// Add notes an error.
func (f *Reader) Add(e *Error) { *f.errors = append(*f.errors, e) }

// Errors is how many have been noted.
func (f *Reader) Errors() int { return len(*f.errors) }

// Located is a scalar's value with its places.
func (f *Reader) Located(n *yaml.Node, value string) Text {
	return Text{Lines: f.Lines, Node: n, Value: value}
}

// Root reads the one mapping that a file is; nil if it is not one.
func (f *Reader) Root() *yaml.Node {
	if err := f.data.Check(); err != nil {
		f.Fail(nil, "%v", err)
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(f.data.Data))
	var doc, next yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		f.Fail(nil, "the file is empty")
		return nil
	case err != nil:
		f.Add(f.SyntaxError(err))
		return nil
	}
	if err := d.Decode(&next); err == nil {
		f.Fail(&next, "a file is one document; this starts a second one")
		return nil
	} else if !errors.Is(err, io.EOF) {
		f.Add(f.SyntaxError(err))
		return nil
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		f.Fail(nil, "the file is empty")
		return nil
	}
	if !f.plain(top, 0) || !f.Is(top, yaml.MappingNode, "the file") {
		return nil
	}
	return top
}

// maxYAMLDepth bounds the recursion over a file.
const maxYAMLDepth = 20

// plain refuses what rule files have no use for: anchors and aliases, with which a small file can be a huge one, tags
// and keys twice in one mapping.
func (f *Reader) plain(n *yaml.Node, depth int) bool {
	switch {
	case depth > maxYAMLDepth:
		f.Fail(n, "nested deeper than %d", maxYAMLDepth)
		return false
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		f.Fail(n, "anchors and aliases are not allowed")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		f.Fail(n, "tags are not allowed")
		return false
	}
	ok := true
	for _, c := range n.Content {
		ok = f.plain(c, depth+1) && ok
	}
	if n.Kind != yaml.MappingNode || !ok {
		return ok
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			f.Fail(key, "a key is a text")
			return false
		}
		if first := seen[key.Value]; first != nil {
			f.Fail(key, "%s is given twice, first in line %d", Quote(key.Value), first.Line)
			ok = false
		}
		seen[key.Value] = key
	}
	return ok
}

var kindNames = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a text"}

// Is checks the kind of a node, told as what.
func (f *Reader) Is(n *yaml.Node, kind yaml.Kind, what string) bool {
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
	f.Fail(n, "%s is %s, not %s%s", what, kindNames[kind], got, hint)
	return false
}

// Pairs calls do for each key and value of a mapping.
func (f *Reader) Pairs(n *yaml.Node, do func(key, value *yaml.Node)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		do(n.Content[i], n.Content[i+1])
	}
}

// Keys checks that a mapping has none but the allowed keys, and returns the values by key.
func (f *Reader) Keys(n *yaml.Node, what string, allowed ...string) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	f.Pairs(n, func(key, value *yaml.Node) {
		if slices.Contains(allowed, key.Value) {
			values[key.Value] = value
			return
		}
		f.Fail(key, "unknown key %s of %s; it has %s", Quote(key.Value), what, strings.Join(allowed, ", "))
	})
	return values
}

// Text reads a scalar.
func (f *Reader) Text(n *yaml.Node, what string) (string, bool) {
	if n == nil || !f.Is(n, yaml.ScalarNode, what) {
		return "", false
	}
	return n.Value, true
}

// Bool reads true or false.
func (f *Reader) Bool(n *yaml.Node, what string) (v, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", true
	}
	f.Fail(n, "%s is true or false", what)
	return false, false
}

// TextList reads a list of scalars.
func (f *Reader) TextList(n *yaml.Node, what string) []string {
	if !f.Is(n, yaml.SequenceNode, what) {
		return nil
	}
	texts := []string{}
	for _, item := range n.Content {
		if s, ok := f.Text(item, "an item of "+what); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

// maxOneLine is the longest text that OneLine reads, in bytes.
const maxOneLine = 1000

// OneLine reads a text that is shown to people: it must be there, of one line, and not long. What is told as what has it.
func (f *Reader) OneLine(n *yaml.Node, keys map[string]*yaml.Node, key, what string) string {
	k := keys[key]
	if k == nil {
		f.Fail(n, "%s has no %s", what, key)
		return ""
	}
	text, ok := f.Text(k, key)
	switch text = strings.TrimSpace(text); {
	case !ok:
	case text == "":
		f.Fail(k, "%s is empty", key)
	case len(text) > maxOneLine:
		f.Fail(k, "%s has %d bytes, more than %d", key, len(text), maxOneLine)
	case !Printable(text):
		f.Fail(k, "%s is one line of printable text", key)
	}
	return text
}

// Printable reports whether a text has nothing but characters that are seen.
func Printable(s string) bool {
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\ufffd' {
			return false
		}
	}
	return true
}
