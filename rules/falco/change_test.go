package falco

import "testing"

// TestChanges has what a later definition does to an earlier one. The first file is the same for all.
func TestChanges(t *testing.T) {
	const first = `
- {list: shells, items: [sh, bash]}
- {macro: m, condition: a.b = x or a.b = y}
- {rule: R, condition: m and a.b in (shells), output: out, desc: about R, priority: NOTICE, tags: [host]}
- {rule: S, condition: a.b exists, output: s, desc: about S, priority: ERROR, enabled: false}
`
	const (
		shells = "list shells: sh bash\n"
		macro  = "macro m: a.b = x or a.b = y\n"
		ruleR  = "rule R: m and a.b in (shells); out; about R; Notice [host]\n"
		ruleS  = "rule S: a.b exists; s; about S; Error [], off\n"
	)
	// dated is the warning of a key's older form.
	dated := func(at, item string) string {
		return "warning b.yaml:" + at + ": DEPRECATED_ITEM: " + item + ": append is Falco's older form; the newer one is override\n"
	}
	tests := []struct{ name, second, want string }{
		{"the same name again replaces, and keeps the place", `
- {list: shells, items: [zsh]}
- {macro: m, condition: a.b = z}
- {rule: R, condition: c.d exists, output: new, desc: new, priority: DEBUG}
`, "list shells: zsh\nmacro m: a.b = z\nrule R: c.d exists; new; new; Debug []\n" + ruleS},
		{"a rule again with another source", "- {rule: R, source: k8s_audit, condition: c.d exists, output: o, desc: d, priority: DEBUG}\n",
			shells + macro + ruleR + ruleS + `error b.yaml:1:3: ERR_VALIDATE: rule "R": the rule has another source than before, which is "syscall"` + "\n"},

		{"append: a list's items come behind", "- {list: shells, items: [zsh, a b], append: true}\n",
			"list shells: sh bash zsh \"a b\"\n" + macro + ruleR + ruleS + dated("1:45", `list "shells"`)},
		{"append: a macro's condition is joined as text", "- {macro: m, condition: and c.d exists, append: true}\n",
			shells + "macro m: a.b = x or a.b = y and c.d exists\n" + ruleR + ruleS + dated("1:49", `macro "m"`)},
		{"append: a rule's condition, output, desc, tags", "- {rule: R, condition: or c.d exists, output: more, desc: too, tags: [host, net], append: true}\n",
			shells + macro + "rule R: m and a.b in (shells) or c.d exists; out more; about R too; Notice [host net]\n" + ruleS + dated("1:91", `rule "R"`)},
		{"append: a rule's exceptions", "- {rule: R, exceptions: [{name: e, fields: [a.b], values: [[z]]}], append: true}\n",
			shells + macro + "rule R: (m and a.b in (shells)) and not ((a.b = z)); out; about R; Notice [host]\n" + ruleS + dated("1:76", `rule "R"`)},
		{"append: a condition that does not begin with and or or", "- {macro: m, condition: c.d exists, append: yes}\n",
			shells + ruleR + ruleS + `error b.yaml:1:25: ERR_COMPILE_CONDITION: macro "m": expected and, or or the end, found "c.d"` + "\n" +
				dated("1:45", `macro "m"`)},
		{"append: to what is not there", "- {list: x, items: [], append: true}\n- {macro: x, condition: or m, append: true}\n- {rule: x, condition: or m, append: true}\n",
			shells + macro + ruleR + ruleS +
				"error b.yaml:1:3: ERR_VALIDATE: list \"x\": there is no list of that name before this to append to or replace\n" +
				"error b.yaml:2:3: ERR_VALIDATE: macro \"x\": there is no macro of that name before this to append to or replace\n" +
				"error b.yaml:3:3: ERR_VALIDATE: rule \"x\": there is no rule of that name before this to append to or replace\n" +
				dated("1:32", `list "x"`) + dated("2:39", `macro "x"`) + dated("3:38", `rule "x"`)},
		{"append: nothing", "- {rule: R, priority: ERROR, append: true}\n",
			shells + macro + ruleR + ruleS + "error b.yaml:1:3: ERR_VALIDATE: rule \"R\": there is nothing to append: a rule appends condition, output, desc, tags, exceptions\n" +
				dated("1:38", `rule "R"`)},
		{"append: false", "- {list: shells, items: [zsh], append: false}\n", "list shells: zsh\n" + macro + ruleR + ruleS},

		{"override: a list's items", "- {list: shells, items: [zsh], override: {items: append}}\n- {list: shells, items: [ksh], override: {items: append}}\n",
			"list shells: sh bash zsh ksh\n" + macro + ruleR + ruleS},
		{"override: a list's items replaced", "- {list: shells, items: [zsh], override: {items: replace}}\n", "list shells: zsh\n" + macro + ruleR + ruleS},
		{"override: a macro's condition", "- {macro: m, condition: or a.b = z, override: {condition: append}}\n",
			shells + "macro m: a.b = x or a.b = y or a.b = z\n" + ruleR + ruleS},
		{"override: a macro's condition replaced", "- {macro: m, condition: a.b = z, override: {condition: replace}}\n", shells + "macro m: a.b = z\n" + ruleR + ruleS},
		{"override: all that a rule can append", `
- rule: R
  condition: and c.d exists
  output: more
  desc: too
  tags: [host, net]
  exceptions: [{name: e, fields: a.b, values: [z]}]
  override: {condition: append, output: append, desc: append, tags: append, exceptions: append}
`, shells + macro + "rule R: (m and a.b in (shells) and c.d exists) and not (a.b in (z)); out more; about R too; Notice [host net]\n" + ruleS},
		{"override: all that a rule can replace", `
- rule: R
  condition: c.d exists
  output: new
  desc: new
  tags: [net]
  exceptions: [{name: e, fields: a.b, values: [z]}]
  priority: CRITICAL
  enabled: false
  warn_evttypes: false
  skip-if-unknown-filter: true
  override: {condition: replace, output: replace, desc: replace, tags: replace, exceptions: replace, priority: replace, enabled: replace,
    warn_evttypes: replace, skip-if-unknown-filter: replace}
`, shells + macro + "rule R: (c.d exists) and not (a.b in (z)); new; new; Critical [net], off\n" + ruleS},
		{"override: capture", "- {rule: R, capture: true, capture_duration: 5, override: {capture: replace, capture_duration: replace}}\n",
			shells + macro + ruleR + ruleS + "warning b.yaml:1:22: IGNORED: rule \"R\": capture is not supported: no file is written when the rule matches\n" +
				"warning b.yaml:1:46: IGNORED: rule \"R\": capture_duration is not supported: no file is written when the rule matches\n"},
		{"override: append some, replace others", "- {rule: S, condition: and m, enabled: true, override: {condition: append, enabled: replace}}\n",
			shells + macro + ruleR + "rule S: a.b exists and m; s; about S; Error []\n"},
		{"override: of what is not there", "- {list: x, items: [], override: {items: append}}\n- {macro: x, condition: m, override: {condition: replace}}\n- {rule: x, enabled: true, override: {enabled: replace}}\n",
			shells + macro + ruleR + ruleS +
				"error b.yaml:1:3: ERR_VALIDATE: list \"x\": there is no list of that name before this to append to or replace\n" +
				"error b.yaml:2:3: ERR_VALIDATE: macro \"x\": there is no macro of that name before this to append to or replace\n" +
				"error b.yaml:3:3: ERR_VALIDATE: rule \"x\": there is no rule of that name before this to append to or replace\n"},
		{"override: a key listed but absent", "- {rule: R, tags: [x], override: {tags: append, output: append}}\n- {list: shells, override: {items: append}}\n- {macro: m, override: {condition: append}}\n",
			shells + macro + ruleR + ruleS +
				"error b.yaml:1:34: ERR_YAML_VALIDATE: rule \"R\": override names output, and there is no output\n" +
				"error b.yaml:2:3: ERR_YAML_VALIDATE: list \"shells\": there is no items\n" +
				"error b.yaml:3:3: ERR_YAML_VALIDATE: macro \"m\": there is no condition\n"},
		{"override: a key present but not listed", "- {rule: R, tags: [x], priority: DEBUG, override: {tags: append}}\n",
			shells + macro + ruleR + ruleS + "error b.yaml:1:34: ERR_YAML_VALIDATE: rule \"R\": priority is given, and override does not name it\n"},
		{"override: together with append", `
- {rule: R, tags: [x], append: true, override: {tags: append}}
- {list: shells, items: [x], append: true, override: {items: append}}
- {macro: m, condition: or m, append: true, override: {condition: append}}
`, shells + macro + ruleR + ruleS +
			"error b.yaml:2:48: ERR_YAML_VALIDATE: rule \"R\": append and override do not go together\n" +
			"error b.yaml:3:54: ERR_YAML_VALIDATE: list \"shells\": append and override do not go together\n" +
			"error b.yaml:4:55: ERR_YAML_VALIDATE: macro \"m\": append and override do not go together\n" +
			dated("2:32", `rule "R"`) + dated("3:38", `list "shells"`) + dated("4:39", `macro "m"`)},
		{"override: keys that can not be changed so", "- {rule: R, priority: DEBUG, source: x, override: {priority: append, source: replace, desc: add}}\n- {list: shells, items: [], override: {list: replace}}\n- {macro: m, condition: m, override: x}\n",
			shells + macro + ruleR + ruleS +
				"error b.yaml:1:52: ERR_YAML_VALIDATE: rule \"R\": priority can not be appended to; it can be replaced\n" +
				"error b.yaml:1:70: ERR_YAML_VALIDATE: rule \"R\": override of \"source\": there is no such key, or it can not be changed\n" +
				"error b.yaml:1:93: ERR_YAML_VALIDATE: rule \"R\": override has append or replace for a key, not \"add\"\n" +
				"error b.yaml:2:40: ERR_YAML_VALIDATE: list \"shells\": override of \"list\": there is no such key, or it can not be changed\n" +
				"error b.yaml:3:38: ERR_YAML_VALIDATE: macro \"m\": override is a mapping of keys to append or replace\n"},

		{"enabled alone switches an earlier rule", "- {rule: R, enabled: false}\n- {rule: S, enabled: true}\n",
			shells + macro + "rule R: m and a.b in (shells); out; about R; Notice [host], off\nrule S: a.b exists; s; about S; Error []\n" +
				"warning b.yaml:1:22: DEPRECATED_ITEM: rule \"R\": enabled alone is Falco's older form; the newer one has override: {enabled: replace}\n" +
				"warning b.yaml:2:22: DEPRECATED_ITEM: rule \"S\": enabled alone is Falco's older form; the newer one has override: {enabled: replace}\n"},
		{"enabled alone without a rule", "- {rule: x, enabled: false}\n",
			shells + macro + ruleR + ruleS + "error b.yaml:1:3: ERR_VALIDATE: rule \"x\": there is no rule of that name before this to switch\n" +
				"warning b.yaml:1:22: DEPRECATED_ITEM: rule \"x\": enabled alone is Falco's older form; the newer one has override: {enabled: replace}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { expect(t, load(first, tt.second), tt.want) })
	}
}

func TestOverrideOfSwitches(t *testing.T) {
	const rule = "- {rule: R, condition: a.b exists, output: o, desc: d, priority: DEBUG}\n"
	before := load(rule).Rules[0]
	after := load(rule, "- {rule: R, warn_evttypes: false, skip-if-unknown-filter: true, override: {warn_evttypes: replace, skip-if-unknown-filter: replace}}\n").Rules[0]
	if !before.WarnEventTypes || before.SkipUnknown || after.WarnEventTypes || !after.SkipUnknown {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// TestNames has which definitions see each other.
func TestNames(t *testing.T) {
	rule := func(condition string) string {
		return "- {rule: R, condition: " + condition + ", output: o, desc: d, priority: DEBUG}\n"
	}
	ruleR := func(condition string) string { return "rule R: " + condition + "; o; d; Debug []\n" }
	tests := []struct{ name, file, want string }{
		{"a rule uses macros and lists defined behind it", rule("m and a.b in (l)") + "- {macro: m, condition: a.b exists}\n- {list: l, items: [x]}\n",
			"list l: x\nmacro m: a.b exists\n" + ruleR("m and a.b in (l)")},
		{"a macro uses lists defined behind it", "- {macro: m, condition: a.b in (l)}\n- {list: l, items: [x]}\n", "list l: x\nmacro m: a.b in (l)\n"},
		{"a macro uses macros before it", "- {macro: a, condition: a.b exists}\n- {macro: b, condition: a or a}\n", "macro a: a.b exists\nmacro b: a or a\n"},
		{"a macro does not see macros behind it", "- {macro: b, condition: a.b exists or a}\n- {macro: a, condition: a.b exists}\n", `
macro b: a.b exists or a
macro a: a.b exists
error a.yaml:1:39: ERR_VALIDATE: macro "b": macro "a" is defined behind this one, at a.yaml:2:3; a macro uses those before it
`},
		{"a redefined macro sees what was defined meanwhile", "- {macro: b, condition: c.d exists}\n- {macro: a, condition: a.b exists}\n- {macro: b, condition: a}\n",
			"macro b: a\nmacro a: a.b exists\n"},
		{"an appended macro sees what was defined meanwhile", "- {macro: b, condition: c.d exists}\n- {macro: a, condition: a.b exists}\n- {macro: b, condition: or a, override: {condition: append}}\n",
			"macro b: c.d exists or a\nmacro a: a.b exists\n"},
		{"the last definition counts for rules and macros before it", "- {macro: a, condition: a.b exists}\n- {macro: b, condition: a}\n" + rule("b and x.y in (l)") + "- {list: l, items: []}\n- {macro: a, condition: c.d exists}\n- {list: l, items: [z]}\n",
			"list l: z\nmacro a: c.d exists\nmacro b: a\n" + ruleR("b and x.y in (l)")},
		{"unknown macros", "- {macro: m, condition: a.b exists and nosuch}\n" + rule("not (neither or m)"), "macro m: a.b exists and nosuch\n" + ruleR("not (neither or m)") +
			"error a.yaml:1:40: ERR_VALIDATE: macro \"m\": there is no macro \"nosuch\"; the file that defines it stands before this one\nerror a.yaml:2:29: ERR_VALIDATE: rule \"R\": there is no macro \"neither\"; the file that defines it stands before this one\n"},
		{"loops", "- {macro: a, condition: c.d exists}\n- {macro: b, condition: not a}\n- {macro: a, condition: c.d exists or b}\n", `
macro a: c.d exists or b
macro b: not a
error a.yaml:2:29: ERR_VALIDATE: macro "b": the macro leads to itself: a → b → a
`},
		{"a macro that appends itself", "- {macro: a, condition: c.d exists}\n- {macro: a, condition: or a, override: {condition: append}}\n", `
macro a: c.d exists or a
error a.yaml:2:28: ERR_VALIDATE: macro "a": the macro leads to itself: a → a
`},
		{"a list in a list", "- {list: a, items: [x]}\n- {list: b, items: [a, y]}\n- {list: c, items: [z, late]}\n- {list: late, items: [w]}\n",
			"list a: x\nlist b: x y\nlist c: z w\nlist late: w\n"},
		{"a quoted item names no list", "- {list: a, items: [x]}\n- {list: b, items: ['\"a\"']}\n", "list a: x\nlist b: \"a\"\n"},
		{"a list named like its item", "- {list: sshd, items: [sshd]}\n", "list sshd: sshd\n"},
		{"a list in a list in a list that came before", "- {list: a, items: [x]}\n- {list: b, items: [a]}\n- {list: c, items: [b, y]}\n",
			"list a: x\nlist b: x\nlist c: a y\nwarning a.yaml:2:21: NESTED_LIST: list \"c\": list \"a\" stays a text in list \"c\": it is a list in a list in a list, and its name came before\n"},
		{"a list in a list in a list that came behind", "- {list: c, items: [b, y]}\n- {list: b, items: [a]}\n- {list: a, items: [x]}\n",
			"list c: x y\nlist b: x\nlist a: x\n"},
		{"lists that name each other", "- {list: a, items: [x, b]}\n- {list: b, items: [y, a]}\n",
			"list a: x y x b\nlist b: y x b\nwarning a.yaml:1:24: NESTED_LIST: list \"a\": list \"b\" stays a text in list \"a\": it is a list in a list in a list, and its name came before\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { expect(t, load(tt.file), tt.want) })
	}
}

func TestUnused(t *testing.T) {
	r := load(`
- {list: used, items: [x]}
- {list: inner, items: [x]}
- {list: outer, items: [inner]}
- {list: lost, items: [x]}
- {macro: a, condition: c.d in (used) and c.d = "lost"}
- {macro: b, condition: a}
- {macro: c, condition: c.d = outer}
- {rule: R, condition: b and e.f exists, output: o, desc: d, priority: DEBUG, enabled: false}
- {rule: S, source: other, condition: c, output: o, desc: d, priority: DEBUG}
`)
	var got string
	for _, i := range r.Warnings {
		got += short(i) + "\n"
	}
	const want = `a.yaml:10:21: UNKNOWN_SOURCE: rule "S": the rule is left out: it is about events of "other", and there are those of syscall alone
a.yaml:8:3: UNUSED_MACRO: macro "c": no rule and no macro uses it
a.yaml:5:3: UNUSED_LIST: list "lost": no rule, macro or list uses it
`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
