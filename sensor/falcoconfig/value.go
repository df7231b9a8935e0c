package falcoconfig

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// A value is one of a configuration, with its key and its place.
type value struct {
	key   string // with those above it: http_output.url
	at    *yaml.Node
	node  *yaml.Node
	lines *source.Lines
}

func (r *reader) warn(v value, format string, args ...any) {
	r.cfg.Warnings = append(r.cfg.Warnings, v.error(v.at, format, args...))
}

func (r *reader) fail(v value, format string, args ...any) {
	r.errors = append(r.errors, v.error(v.node, format, args...))
}

// error shows no line that may hold a password.
func (v value) error(at *yaml.Node, format string, args ...any) *source.Error {
	e := v.lines.Error(v.lines.Position(at), v.key+" "+fmt.Sprintf(format, args...))
	if before, _, ok := strings.Cut(e.Text, "url:"); ok {
		e.Text = before + "url: …"
	}
	return e
}

// name is the key without those above it.
func (v value) name() string { return v.key[strings.LastIndexByte(v.key, '.')+1:] }

// fields are the values of a mapping.
func (r *reader) fields(v value) []value {
	if v.null() {
		return nil
	}
	if v.node.Kind != yaml.MappingNode {
		r.fail(v, "has keys, and this is %s", kinds[v.node.Kind])
		return nil
	}
	var out []value
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, node := v.node.Content[i], v.node.Content[i+1]
		out = append(out, value{key: v.key + "." + key.Value, at: key, node: node, lines: v.lines})
	}
	return out
}

// field is one value of a mapping; nil if it is not there.
func (r *reader) field(v value, name string) *value {
	for _, f := range r.fields(v) {
		if f.name() == name {
			return &f
		}
	}
	return nil
}

// items are the values of a list; a text stands for a list of it.
func (r *reader) items(v value) []value {
	switch {
	case v.null():
		return nil
	case v.node.Kind == yaml.ScalarNode:
		return []value{v}
	case v.node.Kind != yaml.SequenceNode:
		r.fail(v, "is a list, and not %s", kinds[v.node.Kind])
		return nil
	}
	var out []value
	for _, n := range v.node.Content {
		out = append(out, value{key: v.key, at: n, node: n, lines: v.lines})
	}
	return out
}

var kinds = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a text", yaml.AliasNode: "an alias"}

func (v value) null() bool { return v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!null" }

// text is a scalar with the environment's variables in place; ok is false if it is none.
func (r *reader) text(v value) (text string, ok bool) {
	switch {
	case v.null():
		return "", true
	case v.node.Kind != yaml.ScalarNode:
		r.fail(v, "is a text, and not %s", kinds[v.node.Kind])
		return "", false
	}
	return r.expand(v.node.Value), true
}

// expand puts values for ${NAME}, nothing for one that is not set, and takes the first dollar from $${NAME}.
func (r *reader) expand(s string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case closed && strings.HasPrefix(rest, "{"):
			out.WriteString(r.getenv(name[1:]))
			s = after
		case closed && strings.HasPrefix(rest, "${"):
			out.WriteString(name + "}")
			s = after
		default:
			out.WriteByte('$')
			s = rest
		}
	}
}

// bool, integer and str set what they are given. A value that is empty, maybe since a variable is, leaves it as it is.
func (r *reader) bool(v value, into *bool) {
	text, ok := r.text(v)
	switch {
	case !ok || text == "":
		return
	case strings.EqualFold(text, "true"), strings.EqualFold(text, "yes"), strings.EqualFold(text, "on"):
		*into = true
	case strings.EqualFold(text, "false"), strings.EqualFold(text, "no"), strings.EqualFold(text, "off"):
		*into = false
	default:
		r.fail(v, "is true or false, not %s", source.Quote(v.node.Value))
	}
}

func (r *reader) integer(v value, into *int) {
	text, ok := r.text(v)
	if !ok || text == "" {
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		r.fail(v, "is a number from 0 on, not %s", source.Quote(v.node.Value))
		return
	}
	*into = n
}

func (r *reader) str(v value, into *string) {
	if text, ok := r.text(v); ok && text != "" {
		*into = text
	}
}

// texts are the items of a list.
func (r *reader) texts(v value) []string {
	var out []string
	for _, item := range r.items(v) {
		if text, ok := r.text(item); ok {
			out = append(out, text)
		}
	}
	return out
}
