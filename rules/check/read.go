package check

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/source"
)

var (
	idOf       = regexp.MustCompile(`^[A-Z][A-Z0-9-]{1,39}$`)
	categoryOf = regexp.MustCompile(`^[A-Z][A-Z0-9_]{2,99}$`)
)

var checkKeys = []string{"id", "title", "why", "severity", "category", "benchmarks", "link", "each", "applies", "managed", "verdicts", "evidence", "needs", "fix"}

// A reading is one check's, with the node that its keys are in.
type reading struct {
	*loading
	f    *source.Reader
	n    *yaml.Node
	keys map[string]*yaml.Node
	*Check
}

// check reads one entry; nil if anything is wrong with it.
func (l *loading) check(f *source.Reader, n *yaml.Node) *Check {
	before := f.Errors()
	r := reading{l, f, n, f.Keys(n, "a check", checkKeys...), &Check{Each: ofCluster, Position: f.Position(n)}}
	r.words()
	if k := r.keys["each"]; k != nil {
		r.Each = oneOf(f, k, "each", setNames())
	}
	if k := r.keys["needs"]; k != nil {
		r.Needs = f.TextList(k, "needs")
		for i, need := range r.Needs {
			if _, known := variablesByName[need]; !known && hidden[need] == nil {
				f.Fail(k.Content[i], "nothing is read that is called %s", source.Quote(need))
			}
		}
	}
	if k := r.keys["applies"]; k != nil {
		r.applies = r.clause(k, "applies", "else")
	}
	if k := r.keys["managed"]; k != nil {
		r.managed = r.clause(k, "managed", "because")
	}
	if k := r.keys["fix"]; k != nil {
		r.fix = r.readFix(k)
	}
	r.verdicts()
	if k := r.keys["evidence"]; k != nil && f.Is(k, yaml.SequenceNode, "evidence") {
		for _, item := range k.Content {
			r.readEvidence(item)
		}
	}
	if f.Errors() > before {
		return nil
	}
	return r.Check
}

// words reads what is said of the check.
func (r reading) words() {
	line := func(key string) string { return r.f.OneLine(r.n, r.keys, key, "the check") }
	if r.ID = line("id"); r.ID != "" {
		if !idOf.MatchString(r.ID) {
			r.f.Fail(r.keys["id"], "an id is capital letters, digits and dashes, such as NET-CPEXP")
		}
		r.define(r.f, r.keys["id"], r.ID)
	}
	r.Title, r.Why = line("title"), line("why")
	if text := line("severity"); text != "" {
		r.Severity = r.severity(r.keys["severity"])
	}
	if r.Category = line("category"); r.Category != "" && !categoryOf.MatchString(r.Category) {
		r.f.Fail(r.keys["category"], "a category is capital letters, digits and _")
	}
	r.Link = r.link(r.keys["link"])
	k := r.keys["benchmarks"]
	if k == nil || !r.f.Is(k, yaml.MappingNode, "benchmarks") {
		return
	}
	r.f.Pairs(k, func(standard, versions *yaml.Node) {
		if !r.f.Is(versions, yaml.MappingNode, "a benchmark's versions") {
			return
		}
		r.f.Pairs(versions, func(version, ids *yaml.Node) {
			b := posture.Benchmark{Standard: standard.Value, Version: version.Value, IDs: r.f.TextList(ids, "a benchmark's items")}
			r.Benchmarks = append(r.Benchmarks, b)
		})
	})
}

func (r reading) severity(n *yaml.Node) (s posture.Severity) {
	text, ok := r.f.Text(n, "severity")
	if err := s.UnmarshalText([]byte(text)); ok && (err != nil || s == 0) {
		r.f.Fail(n, "severity is one of INFO, LOW, MEDIUM, HIGH, CRITICAL, not %s", source.Quote(text))
	}
	return s
}

func (r reading) link(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	text, ok := r.f.Text(n, "link")
	if ok && (!strings.HasPrefix(text, "https://") || strings.ContainsAny(text, " \"<>") || !source.Printable(text)) {
		r.f.Fail(n, "a link starts with https://")
	}
	return text
}

// clause reads {if: condition, KEY: sentence}.
func (r reading) clause(n *yaml.Node, what, sentence string) *clause {
	if !r.f.Is(n, yaml.MappingNode, what) {
		return nil
	}
	keys := r.f.Keys(n, what, "if", sentence)
	c := &clause{sentence: r.sentence(n, keys, sentence)}
	if k := keys["if"]; k == nil {
		r.f.Fail(n, "%s has no if", what)
	} else {
		c.cond = r.readCondition(k)
	}
	return c
}

func (r reading) readCondition(n *yaml.Node) *expression {
	text, ok := r.f.Text(n, "a condition")
	if !ok {
		return nil
	}
	e := r.condition(r.f, r.f.Located(n, text))
	if e != nil {
		sees(r.f, n, r.Each, e.sets)
	}
	return e
}

// sentence reads a template that people read.
func (r reading) sentence(n *yaml.Node, keys map[string]*yaml.Node, key string) *template {
	if text := r.f.OneLine(n, keys, key, "it"); text != "" {
		return r.readTemplate(keys[key], text)
	}
	return nil
}

func (r reading) readTemplate(n *yaml.Node, text string) *template {
	t := r.template(r.f, r.f.Located(n, text))
	sees(r.f, n, r.Each, t.sets())
	return t
}

// readEvidence reads an expression, or {label: expression}.
func (r reading) readEvidence(n *yaml.Node) {
	label, value := n, n
	if n.Kind == yaml.MappingNode {
		if len(n.Content) != 2 {
			r.f.Fail(n, "evidence is an expression, or one label with its expression")
			return
		}
		label, value = n.Content[0], n.Content[1]
	}
	text, ok := r.f.Text(value, "evidence")
	if !ok {
		return
	}
	if e := r.expression(r.f, r.f.Located(value, text), 0, text); e != nil {
		sees(r.f, value, r.Each, e.sets)
		r.evidence = append(r.evidence, evidence{label.Value, e})
	}
}
