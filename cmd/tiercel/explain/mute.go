package explain

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules"
)

// Mutes are the lists and macros that rule files mark as made for overriding, by a comment that begins with "Override:".
type Mutes struct {
	why    map[string]string // by name: the rest of the comment
	lists  map[string]bool
	macros map[string]string // all: their text, by name
}

// MutesOf reads the files of a set, whose YAML is known to be good.
func MutesOf(sources []rules.Source) *Mutes {
	m := &Mutes{why: map[string]string{}, lists: map[string]bool{}, macros: map[string]string{}}
	for _, src := range sources {
		var doc struct {
			Lists  map[string]yaml.Node
			Macros map[string]yaml.Node
		}
		if yaml.Unmarshal(src.Data, &doc) != nil {
			continue
		}
		for name := range doc.Lists {
			m.lists[name] = true
		}
		for name, n := range doc.Macros {
			m.macros[name] += " " + n.Value
		}
		m.comments(src.Data)
	}
	return m
}

var (
	keyLine = regexp.MustCompile(`^  ([a-z_][a-z0-9_]*):`)
	words   = regexp.MustCompile(`[a-z_][a-z0-9_]*`)
)

func (m *Mutes) comments(data []byte) {
	comment := ""
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		switch rest, is := strings.CutPrefix(text, "# Override: "); {
		case is && rest != "":
			comment = strings.ToUpper(rest[:1]) + rest[1:]
		case strings.HasPrefix(text, "#") && comment != "":
			comment += " " + strings.TrimSpace(text[1:])
		default:
			if key := keyLine.FindSubmatch(line); key != nil && comment != "" {
				m.why[string(key[1])] = comment
			}
			comment = ""
		}
	}
}

// of are the names marked so that a condition reads, by itself or in a macro, sorted.
func (m *Mutes) of(condition string) []string {
	found, seen := map[string]bool{}, map[string]bool{}
	var look func(text string)
	look = func(text string) {
		for _, word := range words.FindAllString(text, -1) {
			if seen[word] {
				continue
			}
			seen[word] = true
			if m.why[word] != "" {
				found[word] = true
			}
			look(m.macros[word])
		}
	}
	look(condition)
	return slices.Sorted(maps.Keys(found))
}

// Snippet is a rule file that mutes part of the rule, to be pasted and changed.
func (m *Mutes) Snippet(e *Explanation) string {
	var lists, macros strings.Builder
	for _, name := range m.of(e.Condition) {
		comment := strings.ReplaceAll(m.why[name], "\n", " ")
		if m.lists[name] {
			lists.WriteString("  # " + comment + "\n  " + name + ": {append: [EXAMPLE]}\n")
		} else {
			macros.WriteString("  # " + comment + "\n  " + name + ": {or: container.image.repository == \"registry.example.com/EXAMPLE\"}\n")
		}
	}
	var doc strings.Builder
	if lists.Len() > 0 {
		doc.WriteString("lists:\n" + lists.String())
	}
	if macros.Len() > 0 {
		doc.WriteString("macros:\n" + macros.String())
	}
	// JSON strings are YAML's, but for what Go writes of unprintable ones, which names do not have.
	doc.WriteString("rules:\n  - {name: " + strconv.Quote(e.Name) + ", except: proc.exepath == \"/opt/EXAMPLE/agent\"}\n")
	return doc.String()
}

func (p *markdown) mute(e *Explanation, m *Mutes) {
	p.line("## False alarms\n")
	p.line("What is known and right is left out by a file of your own (`--rules`), of which you keep what you need:\n")
	p.code("yaml", m.Snippet(e))
	p.line("`{name: …, enabled: false}` switches the rule off. For some clusters or for a time, the [where list](../where.md) mutes alerts behind the sensors:\n")
	p.code("yaml", "policies:\n  - name: EXAMPLE\n    where: rule == "+strconv.Quote(e.Name)+" && k8s.ns.name == \"EXAMPLE\"\n    mute: true\n    reason: WHY\n    until: 2027-12-31\n")
}
