package falco

import (
	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// Load reads rule files, in the order in which later ones change earlier ones.
func Load(files []source.File) *Ruleset {
	l := loading{set: &Ruleset{}, lists: map[string]*listDef{}, macros: map[string]*macroDef{}, rules: map[string]*ruleDef{}}
	for _, f := range files {
		l.file(f)
	}
	l.compile()
	return l.set
}

// loading collects definitions. Each has the number of the one that brought its name, by which it is ordered and seen, and
// that of the last one that changed it, up to which it sees others itself.
type loading struct {
	set        *Ruleset
	number     int // of the next definition
	lists      map[string]*listDef
	listOrder  []*listDef
	macros     map[string]*macroDef
	macroOrder []*macroDef
	rules      map[string]*ruleDef
	ruleOrder  []*ruleDef
}

// order is where a definition stands among all of any kind.
type order struct {
	first int // number of the definition that brought the name
	last  int // number of the latest one that changed it
}

// sees tells whether a definition may use the other, by Falco's rule: it must have been there when the first was last
// changed.
func (o order) sees(other order) bool { return other.first < o.last }

func (l *loading) next() int {
	l.number++
	return l.number
}

// A fileReader reads the items of one file.
type fileReader struct {
	*loading
	lines   *source.Lines
	plugins []requirement
	syscall int // rules of the source, and of others
	foreign int
}

func (l *loading) file(f source.File) {
	r := &fileReader{loading: l, lines: source.NewLines(f)}
	docs, bad := documents(f, r.lines)
	for _, doc := range docs {
		r.document(doc)
	}
	if bad != nil {
		l.set.fail(&Issue{Position: bad.Position, Code: YAMLParse, Message: bad.Message, Text: bad.Text})
	}
	r.checkPlugins()
}

func (r *fileReader) document(doc *yaml.Node) {
	if doc.Kind != yaml.SequenceNode {
		it := newItem(r.lines, &yaml.Node{}, r.set)
		it.fail(YAMLValidate, doc, "a Falco rule file is a list of items")
		return
	}
	for _, n := range doc.Content {
		if n = anchored(n); isNull(n) {
			continue
		}
		if n.Kind != yaml.MappingNode {
			newItem(r.lines, &yaml.Node{}, r.set).fail(YAMLValidate, n, "an item is a mapping with a key such as rule, macro or list")
			continue
		}
		r.item(newItem(r.lines, n, r.set))
	}
}

// item reads an entry by the key that tells its kind.
func (r *fileReader) item(it *item) {
	switch {
	case it.has("required_engine_version"):
		r.engineVersion(it)
	case it.has("required_plugin_versions"):
		r.pluginVersions(it)
	case it.has("list"):
		r.list(it)
	case it.has("macro"):
		r.macro(it)
	case it.has("rule"):
		r.rule(it)
	default:
		it.warn(UnknownItem, it.node, "an item has one of the keys rule, macro, list, required_engine_version and required_plugin_versions")
	}
}

// name reads the key that tells an item's kind.
func (it *item) name(kind string) (string, bool) {
	it.label = kind
	name, ok := it.text(kind)
	if ok {
		it.label = kind + " " + source.Quote(name.Value)
	}
	return name.Value, ok
}
