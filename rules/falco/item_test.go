package falco

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestItems has each item, its keys and what is wrong with it.
func TestItems(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"an empty file", "", ""},
		{"a file of comments", "# nothing\n---\n", ""},
		{"empty items", "-\n- ~\n", ""},
		{"several documents", "- {list: a, items: [x]}\n---\n- {macro: m, condition: a.b in (a)}\n...\n---\n# none\n", `
list a: x
macro m: a.b in (a)
`},
		{"keys in any order, texts of all styles", `
- condition: >
    a.b = x and
    a.b = y
  priority:
    WARNING
  output: |
    line one
    line two
  desc: "a \
    b"
  tags: [host, 'on', 05, host]
  rule: R 1
`, `
rule R 1: a.b = x and a.b = y
; line one
line two; a b; Warning [host on 05]
`},
		{"numbers and words stay texts", "- list: l\n  items: [05, 1.50, yes, on, null x, 0x1F, 2001-01-01, 1_000]\n", `
list l: 05 1.50 yes on "null x" 0x1F 2001-01-01 1_000
`},
		{"tags of YAML are ignored", "- !item {list: !!str l, items: !!seq [!!int '5']}\n", "list l: 5\n"},
		{"quoted items", `- {list: l, items: ['"10.0.0.0/8"', "'a b'", a b, '"a" ']}` + "\n", `list l: "10.0.0.0/8" "a b" "a b" "a"` + "\n"},
		{"items with commas are several", "- {list: l, items: ['a,b', c]}\n", "list l: a b c\n"},
		{"items that are none", `- {list: l, items: ['', 'a(b', say "x" twice]}` + "\n- {macro: m, condition: a.b in (l)}\n", `
list l:
macro m: a.b in (l)
error a.yaml:1:21: ERR_COMPILE_CONDITION: list "l": "" is no item: expected a value, found the end
error a.yaml:1:27: ERR_COMPILE_CONDITION: list "l": "a(b" is no item: expected , or the end, found "("
error a.yaml:1:37: ERR_COMPILE_CONDITION: list "l": "say \"x\" twice" is no item: expected , or the end, found "x"
`},
		{"items that are none, of a list that nothing uses", `- {list: l, items: [x, 'a(b']}` + "\n", `
list l: x
warning a.yaml:1:26: COMPILE_CONDITION: list "l": "a(b" is no item: expected , or the end, found "("
`},
		{"anchors and aliases", "- list: a\n  items: &i [x, &s y]\n- list: b\n  items: *i\n- &m\n  list: c\n  items: [*s]\n- *m\n", `
list a: x y
list b: x y
list c: y
`},
		{"merge keys are none", "- list: a\n  items: [x]\n  <<: {append: true}\n", `
list a: x
warning a.yaml:3:3: UNKNOWN_KEY: list "a": unknown key "<<"; there are list, items, append, override
`},
		{"a key twice", "- {list: a, items: [x], items: [y]}\n", `
list a: x
warning a.yaml:1:25: DUPLICATE_KEY: key "items" is given twice; the first counts
`},
		{"unknown items and keys", "- {rules: x}\n- {list: l, items: [], item: x}\n- {macro: m, condition: a.b exists, desc: x}\n" +
			"- {rule: r, condition: m, output: o, desc: d, priority: info, prority: x}\n", `
list l:
macro m: a.b exists
rule r: m; o; d; Informational []
warning a.yaml:1:3: UNKNOWN_ITEM: an item has one of the keys rule, macro, list, required_engine_version and required_plugin_versions
warning a.yaml:2:24: UNKNOWN_KEY: list "l": unknown key "item"; there are list, items, append, override
warning a.yaml:3:37: UNKNOWN_KEY: macro "m": unknown key "desc"; there are macro, condition, append, override
warning a.yaml:4:63: UNKNOWN_KEY: rule "r": unknown key "prority"; there are rule, source, append, override, condition, output, desc, tags, exceptions, priority, enabled, capture, capture_duration, warn_evttypes, skip-if-unknown-filter
`},
		{"not YAML", "- {list: l, items: [}\n", `
error a.yaml:1:21: ERR_YAML_PARSE: not YAML: did not find expected node content
`},
		{"not YAML in the second document", "- {list: l, items: []}\n---\n- %x", `
list l:
error a.yaml:3:3: ERR_YAML_PARSE: not YAML: found character that cannot start any token
`},
		{"not text", "- \x00", "error a.yaml: ERR_YAML_PARSE: not a text file\n"},
		{"no list of items", "rule: x\n", `
error a.yaml:1:1: ERR_YAML_VALIDATE: a Falco rule file is a list of items
`},
		{"an item that is no mapping", "- x\n- [y]\n", `
error a.yaml:1:3: ERR_YAML_VALIDATE: an item is a mapping with a key such as rule, macro or list
error a.yaml:2:3: ERR_YAML_VALIDATE: an item is a mapping with a key such as rule, macro or list
`},
		{"missing keys", "- {list: l}\n- {macro: m}\n- {rule: r, output: o}\n- {rule: s, tags: []}\n", `
error a.yaml:1:3: ERR_YAML_VALIDATE: list "l": there is no items
error a.yaml:2:3: ERR_YAML_VALIDATE: macro "m": there is no condition
error a.yaml:3:3: ERR_YAML_VALIDATE: rule "r": the rule has no condition
error a.yaml:3:3: ERR_YAML_VALIDATE: rule "r": the rule has no desc
error a.yaml:3:3: ERR_YAML_VALIDATE: rule "r": the rule has no priority
error a.yaml:4:3: ERR_YAML_VALIDATE: rule "s": there is no enabled
`},
		{"wrong kinds of values", "- {list: [l], items: []}\n- {list: l, items: x}\n- {list: l, items: [[x]]}\n- {macro: m, condition: }\n- {macro: m, condition: ''}\n" +
			"- {macro: m, condition: [x]}\n- {rule: , condition: x}\n", `
error a.yaml:1:10: ERR_YAML_VALIDATE: list: list is a text
error a.yaml:2:20: ERR_YAML_VALIDATE: list "l": items is a list
error a.yaml:3:21: ERR_YAML_VALIDATE: list "l": an item of items is a text
error a.yaml:4:25: ERR_YAML_VALIDATE: macro "m": condition is empty
error a.yaml:5:25: ERR_YAML_VALIDATE: macro "m": condition is empty
error a.yaml:6:25: ERR_YAML_VALIDATE: macro "m": condition is a text
error a.yaml:7:10: ERR_YAML_VALIDATE: rule: rule is empty
`},
		{"names that nothing can use", "- {macro: a-b, condition: c.d exists}\n- {list: a b, items: []}\n- {list: a-b, items: []}\n", `
list a b:
list a-b:
macro a-b: c.d exists
warning a.yaml:1:11: INVALID_MACRO_NAME: macro "a-b": the name of a macro has letters, digits and _, and starts with a letter: no condition can use this one
warning a.yaml:2:10: INVALID_LIST_NAME: list "a b": the name of a list has no blanks and none of ( ) " ' = ,: no condition can use this one
`},
		{"engine versions that serve", "- {required_engine_version: 0.57.0}\n- {required_engine_version: 63}\n- {required_engine_version: 0.63.0-rc1+x}\n", ""},
		{"engine versions that do not", "- {required_engine_version: 0.64.0}\n- {required_engine_version: 64}\n- {required_engine_version: 1.0.0}\n- {required_engine_version: 0.57}\n- {required_engine_version: , x: y}\n", `
error a.yaml:1:29: ERR_VALIDATE: required_engine_version: the rules need engine version 0.64.0, and this is 0.63.0
error a.yaml:2:29: ERR_VALIDATE: required_engine_version: the rules need engine version 0.64.0, and this is 0.63.0
error a.yaml:3:29: ERR_VALIDATE: required_engine_version: the rules need engine version 1.0.0, and this is 0.63.0
error a.yaml:4:29: ERR_YAML_VALIDATE: required_engine_version: "0.57" is no version such as 0.57.0 or 57
error a.yaml:5:29: ERR_YAML_VALIDATE: required_engine_version: required_engine_version is empty
warning a.yaml:5:31: UNKNOWN_KEY: required_engine_version: unknown key "x"; there are required_engine_version
`},
		{"plugins that are built in", `
- required_plugin_versions:
  - {name: container, version: 0.4.0}
  - name: other
    version: 1.0.0
    alternatives: [{name: container, version: 0.7.1}]
`, ""},
		{"plugins that are not", `
- required_plugin_versions:
  - {name: json, version: 0.7.0, alternatives: [{name: container, version: 0.8.0}]}
  - {name: container, version: 1.0.0}
- {rule: r, condition: a.b exists, output: o, desc: d, priority: debug}
`, `
rule r: a.b exists; o; d; Debug []
error a.yaml:3:5: ERR_VALIDATE: required_plugin_versions: there is no plugin json 0.7.0 or container 0.8.0; built in is container 0.7.1
error a.yaml:4:5: ERR_VALIDATE: required_plugin_versions: there is no plugin container 1.0.0; built in is container 0.7.1
`},
		{"a plugin of which there is a part", `
- required_plugin_versions: [{name: k8smeta, version: 0.3.0}]
- {rule: r, condition: a.b exists, output: o, desc: d, priority: debug}
`, `
rule r: a.b exists; o; d; Debug []
warning a.yaml:2:30: IGNORED: required_plugin_versions: there is no plugin k8smeta 0.3.0; of its fields those of pods have values, and the name of their namespace
`},
		{"a file of another source", `
- required_plugin_versions: [{name: k8saudit, version: 0.7.0}]
- macro: kevt
  condition: (jevt.value[/stage] in ("ResponseComplete"))
- {rule: audit, source: k8s_audit, condition: kevt and nosuch, output: '%ka.user.name', desc: d, priority: ERROR}
`, `
macro kevt: (jevt.value[/stage] in ("ResponseComplete"))
warning a.yaml:5:25: UNKNOWN_SOURCE: rule "audit": the rule is left out: it is about events of "k8s_audit", and there are those of syscall alone
warning a.yaml:2:30: IGNORED: required_plugin_versions: there is no plugin k8saudit 0.7.0; the file's rules are of its source and left out
`},
		{"wrong requirements of plugins", `
- required_plugin_versions: x
- required_plugin_versions: [y, {name: a}, {name: a, version: x}, {name: a, version: 1.0.0, alternatives: z},
    {name: a, version: 1.0.0, alternatives: [z, {name: a, version: 2.0.0}, {name: b}]}]
`, `
error a.yaml:2:29: ERR_YAML_VALIDATE: required_plugin_versions: required_plugin_versions is a list
error a.yaml:3:30: ERR_YAML_VALIDATE: required_plugin_versions: a required plugin has name and version
error a.yaml:3:33: ERR_YAML_VALIDATE: required_plugin_versions: there is no version
error a.yaml:3:63: ERR_VALIDATE: required_plugin_versions: "x" is no version of a plugin such as 0.4.0
error a.yaml:3:107: ERR_YAML_VALIDATE: required_plugin_versions: alternatives is a list
error a.yaml:4:46: ERR_YAML_VALIDATE: required_plugin_versions: an alternative has name and version
error a.yaml:4:56: ERR_VALIDATE: required_plugin_versions: plugin "a" is required twice as an alternative of itself
error a.yaml:4:76: ERR_YAML_VALIDATE: required_plugin_versions: there is no version
`},
		{"what a rule may say", `
- rule: r
  condition: a.b exists
  output: o
  desc: d
  priority: emergency
  source: syscall
  enabled: no
  warn_evttypes: Off
  skip-if-unknown-filter: "true"
  capture: true
  capture_duration: 1000
`, `
rule r: a.b exists; o; d; Emergency [], off
warning a.yaml:11:12: IGNORED: rule "r": capture is not supported: no file is written when the rule matches
warning a.yaml:12:21: IGNORED: rule "r": capture_duration is not supported: no file is written when the rule matches
`},
		{"what a rule may not say", "- {rule: r, condition: a.b exists, output: o, desc: d, priority: urgent, enabled: maybe, tags: x}\n", `
error a.yaml:1:96: ERR_YAML_VALIDATE: rule "r": tags is a list
error a.yaml:1:66: ERR_YAML_VALIDATE: rule "r": no priority "urgent"; there are Emergency, Alert, Critical, Error, Warning, Notice, Informational, Debug
error a.yaml:1:83: ERR_YAML_VALIDATE: rule "r": enabled is true or false, not "maybe"
`},
		{"a condition that is none", "- macro: m\n  condition: >\n    a.b = x\n    and (c.d like y)\n", `
error a.yaml:4:14: ERR_COMPILE_CONDITION: macro "m": expected an operator, found "like"; there are exists <= >= < > == = != glob iglob contains icontains bcontains startswith bstartswith endswith regex in intersects pmatch
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { expect(t, load(tt.file), tt.want) })
	}
}

func TestPriorities(t *testing.T) {
	for text, want := range map[string]Priority{"EMERGENCY": Emergency, "Alert": Alert, "critical": Critical, "ErRoR": Error, "WARNING": Warning,
		"notice": Notice, "INFO": Informational, "informational": Informational, "Debug": Debug} {
		if got, err := ParsePriority(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	if got, err := ParsePriority("warn"); err == nil {
		t.Errorf("warn: got %v", got)
	}
}

func TestBooleans(t *testing.T) {
	for text, want := range map[string][2]bool{"true": {true, true}, "True": {true, true}, "TRUE": {true, true}, "y": {true, true}, "YES": {true, true},
		"On": {true, true}, "off": {false, true}, "N": {false, true}, "No": {false, true}, "False": {false, true}, "tRue": {}, "1": {}, "": {}, "t": {}} {
		v, ok := parseBool(text)
		if got := [2]bool{v, ok}; got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestComments has the comments above an item and in it, which the importer keeps.
func TestComments(t *testing.T) {
	r := load(`# of the file

# about shells


# more about shells
- list: shells # in line
  # about items
  items: [
    sh, # plain
    # not plain
    bash,
  ]
  # below shells
- macro: m
  condition: a.b exists
# about r
- rule: r
  # a condition
  condition: m and
    c.d in (shells)
  # an output
  output: o

  # a description
  desc: |
    # no comment
  priority: info
# the end
- {list: shells, items: [], append: true}
`)
	want := [][]string{
		{"# of the file", "", "# about shells", "", "# more about shells", "# in line", "# about items", "# plain", "# not plain", "# the end"},
		{"# below shells"},
		{"# about r", "# a condition", "# an output", "# a description"},
	}
	got := [][]string{list(t, r, "shells").Comments, r.Macros[0].Comments, r.Rules[0].Comments}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
