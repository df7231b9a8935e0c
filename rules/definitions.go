package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

var nameOf = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// reserved are the words of CEL, and the first parts of fields: no list or macro may have their names.
var reserved = map[string]bool{"true": true, "false": true, "null": true, "in": true, "as": true, "break": true, "const": true,
	"continue": true, "else": true, "for": true, "function": true, "if": true, "import": true, "let": true, "loop": true,
	"package": true, "namespace": true, "return": true, "var": true, "void": true, "while": true, "has": true, "size": true,
	"int": true, "string": true, "duration": true, "evt": true, "fd": true, "proc": true, "thread": true, "user": true, "group": true,
	"container": true, "k8s": true}

// A listDef is one entry under lists.
type listDef struct {
	file     *file
	key      *yaml.Node
	items    []*yaml.Node
	override bool
	appends  bool
	domains  []string // the list is filled with the addresses of these names
	from     string
	ints     bool // declared of: int
}

// A macroDef is one entry under macros.
type macroDef struct {
	file      *file
	key       *yaml.Node
	condition source.Text
	override  bool
	and, or   *source.Text
}

// A ruleDef is one entry under rules: the keys it gives.
type ruleDef struct {
	file *file
	node *yaml.Node
	name string
	keys map[string]*yaml.Node
}

// A document is what one file defines.
type document struct {
	lists  []listDef
	macros []macroDef
	rules  []ruleDef
}

func parseDocument(src Source, errs *Errors) document {
	f := newFile(src, errs)
	var doc document
	top := f.Root()
	if top == nil {
		return doc
	}
	what := source.Around(top)
	if slices.ContainsFunc(top.Content, func(n *yaml.Node) bool { return n.Value == "rules_files" || n.Value == "rules_file" }) {
		what = "Falco's configuration, which sensor takes as --falco-config"
	}
	if what != "" {
		f.Fail(top, "this is no rule file but %s", what)
		return doc
	}
	before := len(*errs)
	sections := f.Keys(top, "a rule file", "lists", "macros", "rules")
	if n := sections["lists"]; n != nil && f.Is(n, yaml.MappingNode, "lists") {
		f.Pairs(n, func(key, value *yaml.Node) { doc.addList(f, key, value) })
	}
	if n := sections["macros"]; n != nil && f.Is(n, yaml.MappingNode, "macros") {
		f.Pairs(n, func(key, value *yaml.Node) { doc.addMacro(f, key, value) })
	}
	if n := sections["rules"]; n != nil && f.Is(n, yaml.SequenceNode, "rules") {
		for _, item := range n.Content {
			doc.addRule(f, item)
		}
	}
	if len(doc.lists)+len(doc.macros)+len(doc.rules) == 0 && len(*errs) == before {
		f.Fail(nil, "no lists, macros or rules in the file")
	}
	return doc
}

func (f *file) nameable(key *yaml.Node, what string) bool {
	switch {
	case !nameOf.MatchString(key.Value):
		f.Fail(key, "the name of a %s has lower-case letters, digits and _, and starts with no digit: %s", what, source.Quote(key.Value))
	case reserved[key.Value]:
		f.Fail(key, "%s is a word of the language and can't name a %s", key.Value, what)
	default:
		return true
	}
	return false
}

func (d *document) addList(f *file, key, value *yaml.Node) {
	if !f.nameable(key, "list") {
		return
	}
	l := listDef{file: f, key: key}
	if value.Kind == yaml.SequenceNode {
		l.items = value.Content
		d.lists = append(d.lists, l)
		return
	}
	if !f.Is(value, yaml.MappingNode, "a list, if not [items],") {
		return
	}
	keys := f.Keys(value, "a list", "items", "override", "append", "from", "of", "default", "domains")
	source := ""
	for _, k := range []string{"items", "append", "default", "domains"} {
		n := keys[k]
		if n == nil {
			continue
		}
		if source != "" {
			f.Fail(n, "a list has either %s or %s", source, k)
		}
		source = k
		if f.Is(n, yaml.SequenceNode, k) {
			l.items = n.Content
		}
	}
	l.appends = source == "append"
	if source == "domains" {
		l.from, l.domains, l.items = key.Value, f.TextList(keys["domains"], "domains"), nil
	}
	if n := keys["override"]; n != nil {
		l.override, _ = f.Bool(n, "override")
	}
	if n := keys["from"]; n != nil {
		l.from, _ = f.Text(n, "from")
		if !nameOf.MatchString(l.from) {
			f.Fail(n, "from names what fills the list: lower-case letters, digits and _")
		}
	}
	if n := keys["of"]; n != nil {
		of, _ := f.Text(n, "of")
		if l.ints = of == "int"; !l.ints && of != "string" {
			f.Fail(n, "of is string or int")
		}
	}
	switch {
	case source == "" && l.from == "":
		f.Fail(value, "a list has items, append, domains, or from with default")
	case source != "domains" && (source == "default") != (l.from != "") && source != "", source == "domains" && keys["from"] != nil:
		f.Fail(value, "from and default go together")
	case l.ints && (l.appends || l.domains != nil):
		f.Fail(value, "of goes with from or items")
	}
	d.lists = append(d.lists, l)
}

func (d *document) addMacro(f *file, key, value *yaml.Node) {
	if !f.nameable(key, "macro") {
		return
	}
	m := macroDef{file: f, key: key}
	if value.Kind != yaml.MappingNode {
		if text, ok := f.Text(value, "a macro"); ok {
			m.condition = f.Located(value, text)
			d.macros = append(d.macros, m)
		}
		return
	}
	keys := f.Keys(value, "a macro", "condition", "override", "and", "or")
	given := 0
	for k, n := range keys {
		if k == "override" {
			m.override, _ = f.Bool(n, k)
			continue
		}
		text, ok := f.Text(n, k)
		if !ok {
			return
		}
		given++
		l := f.Located(n, text)
		switch k {
		case "condition":
			m.condition = l
		case "and":
			m.and = &l
		case "or":
			m.or = &l
		}
	}
	if given != 1 {
		f.Fail(value, "a macro has one of condition, and, or")
		return
	}
	d.macros = append(d.macros, m)
}

var ruleKeys = []string{"name", "title", "description", "condition", "output", "severity", "severity_reason", "attack", "tags", "throttle", "enabled", "override", "except"}

func (d *document) addRule(f *file, n *yaml.Node) {
	if !f.Is(n, yaml.MappingNode, "a rule") {
		return
	}
	r := ruleDef{file: f, node: n, keys: f.Keys(n, "a rule", ruleKeys...)}
	if r.keys["name"] == nil {
		f.Fail(n, "the rule has no name")
		return
	}
	name, ok := f.Text(r.keys["name"], "name")
	if !ok {
		return
	}
	if problem := nameProblem(name); problem != "" {
		f.Fail(r.keys["name"], "%s", problem)
		return
	}
	r.name = name
	d.rules = append(d.rules, r)
}

const (
	maxName = 200
	// ownNames begin the names of rules by which the functions tell of Tiercel itself and of clusters. They take an alert of such a
	// rule from no sensor.
	ownNames = "tiercel_"
)

// nameProblem is what keeps alerts from carrying the name of a rule, or "".
func nameProblem(name string) string {
	switch {
	case !source.Printable(name) || name == "" || len(name) > maxName:
		return fmt.Sprintf("a rule's name is 1 to %d bytes of printable text", maxName)
	case strings.HasPrefix(name, ownNames):
		return "names of rules that begin with " + ownNames + " are those by which Tiercel tells of itself"
	}
	return ""
}
