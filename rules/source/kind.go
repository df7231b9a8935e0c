package source

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// Around says what a mapping is that has rule files or a configuration in it and is none: an object of Kubernetes, or
// values of Falco's Helm chart; "" if it looks like neither.
func Around(top *yaml.Node) string {
	at := map[string]*yaml.Node{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		at[top.Content[i].Value] = top.Content[i+1]
	}
	switch {
	case at["apiVersion"] != nil && at["kind"] != nil:
		return "an object of Kubernetes (" + Quote(at["kind"].Value) + "), whose data may hold files"
	case at["customRules"] != nil || at["falco"] != nil && at["falco"].Kind == yaml.MappingNode:
		return "values of Helm's falco chart, in which falco is the configuration and customRules has rule files"
	}
	return ""
}

// Blank reports whether a file has nothing but blanks, comments and marks of documents.
func (f File) Blank() bool {
	for line := range strings.Lines(string(f.Data)) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff")); line != "" && line[0] != '#' && line != "---" {
			return false
		}
	}
	return true
}
