package falco

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// documents reads the YAML documents of a file up to the first that is none.
func documents(f source.File, lines *source.Lines) ([]*yaml.Node, *source.Error) {
	if err := f.Check(); err != nil {
		return nil, lines.Error(lines.Position(nil), err.Error())
	}
	var docs []*yaml.Node
	for d := yaml.NewDecoder(bytes.NewReader(f.Data)); ; {
		var doc yaml.Node
		switch err := d.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return docs, lines.SyntaxError(err)
		}
		if len(doc.Content) == 1 && !isNull(doc.Content[0]) {
			docs = append(docs, anchored(doc.Content[0]))
		}
	}
}

// anchored is the node that an alias stands for, or the node itself.
func anchored(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// parseBool reads a boolean as Falco's YAML library does, which knows more words for it than YAML 1.2.
func parseBool(text string) (v, ok bool) {
	capitalized := text != "" && text == strings.ToUpper(text[:1])+strings.ToLower(text[1:])
	if text != strings.ToLower(text) && text != strings.ToUpper(text) && !capitalized {
		return false, false
	}
	switch strings.ToLower(text) {
	case "y", "yes", "true", "on":
		return true, true
	case "n", "no", "false", "off":
		return false, true
	}
	return false, false
}
