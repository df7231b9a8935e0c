package falco

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// A version is major.minor.patch.
type version [3]int

// engine is the version of Falco's rule engine that this package answers as.
var engine = version{0, 63, 0}

// builtIn are the plugins of Falco's whose fields are ours, with the versions that brought them.
var builtIn = map[string]version{"container": {0, 7, 1}}

var semver = regexp.MustCompile(`^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`)

func parseVersion(text string) (v version, ok bool) {
	m := semver.FindStringSubmatch(text)
	for i := range m[min(1, len(m)):] {
		v[i], _ = strconv.Atoi(m[i+1])
	}
	return v, m != nil
}

func (v version) String() string {
	return strconv.Itoa(v[0]) + "." + strconv.Itoa(v[1]) + "." + strconv.Itoa(v[2])
}

// serves tells whether what has the version can stand in for what is required: it is no older, and of the same major one.
func (v version) serves(required version) bool {
	return v[0] == required[0] && slices.Compare(v[:], required[:]) >= 0
}

func (r *fileReader) engineVersion(it *item) {
	it.label = "required_engine_version"
	it.known("required_engine_version")
	text, ok := it.text("required_engine_version")
	if !ok {
		return
	}
	required, ok := parseVersion(text.Value)
	if minor, err := strconv.ParseUint(text.Value, 10, 20); err == nil {
		required, ok = version{0, int(minor), 0}, true
	}
	switch {
	case !ok:
		it.fail(YAMLValidate, text.Node, "%s is no version such as 0.57.0 or 57", source.Quote(text.Value))
	case !engine.serves(required):
		it.fail(Validate, text.Node, "the rules need engine version %s, and this is %s", required, engine)
	}
}

// A requirement is a plugin that a file needs, and those that may stand in for it.
type requirement struct {
	*item
	node      *yaml.Node
	satisfied bool
	partly    bool // some of what it does is built in
	text      string
}

func (r *fileReader) pluginVersions(it *item) {
	it.label = "required_plugin_versions"
	it.known("required_plugin_versions")
	n := it.keys["required_plugin_versions"]
	if n.Kind != yaml.SequenceNode {
		it.fail(YAMLValidate, n, "required_plugin_versions is a list")
		return
	}
	for _, entry := range n.Content {
		if req, ok := it.plugin(anchored(entry)); ok {
			r.plugins = append(r.plugins, req)
		}
	}
}

// plugin reads one requirement with its alternatives.
func (it *item) plugin(n *yaml.Node) (requirement, bool) {
	req := requirement{item: it, node: n}
	if n.Kind != yaml.MappingNode {
		it.fail(YAMLValidate, n, "a required plugin has name and version")
		return req, false
	}
	entry := newItem(it.lines, n, it.set)
	entry.label = it.label
	entry.known("name", "version", "alternatives")
	names := []string{}
	entry.alternative(&req, &names)
	if entry.has("alternatives") {
		others := entry.keys["alternatives"]
		if others.Kind != yaml.SequenceNode {
			entry.fail(YAMLValidate, others, "alternatives is a list")
		}
		for _, other := range others.Content {
			if other = anchored(other); other.Kind != yaml.MappingNode {
				entry.fail(YAMLValidate, other, "an alternative has name and version")
				continue
			}
			o := newItem(it.lines, other, it.set)
			o.label = it.label
			o.known("name", "version")
			o.alternative(&req, &names)
			entry.broken = entry.broken || o.broken
		}
	}
	req.text = strings.Join(names, " or ")
	return req, !entry.broken
}

// alternative reads name and version, and looks whether they are built in.
func (it *item) alternative(req *requirement, names *[]string) {
	name, named := it.text("name")
	text, versioned := it.text("version")
	if !named || !versioned {
		return
	}
	required, ok := parseVersion(text.Value)
	if !ok {
		it.fail(Validate, text.Node, "%s is no version of a plugin such as 0.4.0", source.Quote(text.Value))
		return
	}
	if slices.ContainsFunc(*names, func(s string) bool { return strings.HasPrefix(s, name.Value+" ") }) {
		it.fail(Validate, name.Node, "plugin %s is required twice as an alternative of itself", source.Quote(name.Value))
		return
	}
	*names = append(*names, name.Value+" "+required.String())
	req.partly = req.partly || name.Value == "k8smeta"
	if have, ok := builtIn[name.Value]; ok && have.serves(required) {
		req.satisfied = true
	}
}

// checkPlugins tells of plugins that are not there. They are no error if the file's rules are all of other sources: those
// are left out already, and need the plugin.
func (r *fileReader) checkPlugins() {
	for _, p := range r.plugins {
		switch {
		case p.satisfied:
		case r.foreign > 0 && r.syscall == 0:
			p.warn(Ignored, p.node, "there is no plugin %s; the file's rules are of its source and left out", p.text)
		case p.partly:
			p.warn(Ignored, p.node, "there is no plugin %s; of its fields those of pods have values, and the name of their namespace", p.text)
		default:
			p.fail(Validate, p.node, "there is no plugin %s; built in is container %s", p.text, builtIn["container"])
		}
	}
}
