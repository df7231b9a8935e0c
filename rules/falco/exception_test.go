package falco

import (
	"strings"
	"testing"
)

// TestExceptions has the forms of exceptions; in files are what the key exceptions of the rule holds, from column 5 on.
func TestExceptions(t *testing.T) {
	tests := []struct {
		name      string
		files     []string
		condition string // the rule's, if there is one
		issues    string
	}{
		{"several fields, comps and values", []string{`[{name: e, fields: [a.b, c.d], comps: [=, contains], values: [[x, y], [z, w]]}]`},
			`(p.q = 1 or p.q = 2) and not ((a.b = x and c.d contains y) or (a.b = z and c.d contains w))`, ""},
		{"comps default to =", []string{`[{name: e, fields: [a.b, c.d], values: [[x, y]]}]`},
			`(p.q = 1 or p.q = 2) and not ((a.b = x and c.d = y))`, ""},
		{"an element that is a list", []string{`[{name: e, fields: [a.b, c.d], comps: [in, =], values: [[[x, y z], w]]}]`},
			`(p.q = 1 or p.q = 2) and not ((a.b in (x, "y z") and c.d = w))`, ""},
		{"a scalar for an operator that takes a list", []string{`[{name: e, fields: [a.b, c.d], comps: [in, pmatch], values: [[x, "(/a, /b)"], ["y, l", /c]]}]`},
			`(p.q = 1 or p.q = 2) and not ((a.b in (x) and c.d pmatch (/a, /b)) or (a.b in (y, l) and c.d pmatch (/c)))`, ""},
		{"one field", []string{`[{name: e, fields: a.b, values: [x, y]}]`}, `(p.q = 1 or p.q = 2) and not (a.b in (x, y))`, ""},
		{"one field with comps", []string{`[{name: e, fields: a.b, comps: pmatch, values: [/x]}, {name: f, fields: a.b, comps: intersects, values: [y]}]`},
			`(p.q = 1 or p.q = 2) and not (a.b pmatch (/x)) and not (a.b intersects (y))`, ""},
		{"operators with oneof, anyof and allof", []string{`[{name: e, fields: a.b, comps: contains anyof, values: [x, y]}, {name: f, fields: [a.b], comps: [= oneof], values: [[[y, z]]]}]`},
			`(p.q = 1 or p.q = 2) and not (a.b contains anyof (x, y)) and not ((a.b = oneof (y, z)))`, ""},
		{"names of lists as values", []string{`[{name: e, fields: a.b, values: [l, x]}, {name: f, fields: [a.b, c.d], comps: [in, =], values: [[l, y]]}]`},
			`(p.q = 1 or p.q = 2) and not (a.b in (l, x)) and not ((a.b in (l) and c.d = y))`, ""},
		{"values with blanks are quoted", []string{`[{name: e, fields: [a.b], values: [[x y], ["'x y'"], ['"x y"']]}]`},
			`(p.q = 1 or p.q = 2) and not ((a.b = "x y") or (a.b = 'x y') or (a.b = "x y"))`, ""},
		{"numbers and words stay texts", []string{`[{name: e, fields: [a.b, c.d], values: [[05, yes]]}]`}, `(p.q = 1 or p.q = 2) and not ((a.b = 05 and c.d = yes))`, ""},
		{"fields with transformers and keys", []string{`[{name: e, fields: ["tolower(a.b)", "c.d[1]"], values: [[x, y]]}]`},
			`(p.q = 1 or p.q = 2) and not ((tolower(a.b) = x and c.d[1] = y))`, ""},
		{"no values have no effect", []string{`[{name: e, fields: [fd.name]}, {name: f, fields: fd.name, values: []}]`}, `(p.q = 1 or p.q = 2)`, ""},
		{"until values are appended", []string{`[{name: e, fields: [fd.name]}]`, `[{name: e, values: [[x]]}]`}, `(p.q = 1 or p.q = 2) and not ((fd.name = x))`, ""},
		{"no exceptions", []string{``}, `p.q = 1 or p.q = 2`, ""},
		{"values are appended by name", []string{`[{name: e, fields: a.b, values: [x]}, {name: f, fields: a.b, values: [y]}]`, `[{name: e, values: [z]}]`},
			`(p.q = 1 or p.q = 2) and not (a.b in (x, z)) and not (a.b in (y))`, ""},
		{"a new one is appended", []string{`[{name: e, fields: a.b, values: [x]}]`, `[{name: f, fields: [c.d], values: [[y]]}]`},
			`(p.q = 1 or p.q = 2) and not (a.b in (x)) and not ((c.d = y))`, ""},
		{"anchors", []string{`[{name: e, fields: &f [a.b, c.d], values: [&v [x, y]]}, {name: f, fields: *f, values: [*v]}]`},
			`(p.q = 1 or p.q = 2) and not ((a.b = x and c.d = y)) and not ((a.b = x and c.d = y))`, ""},

		{"a new one without fields", []string{`[]`, `[{name: e, values: [[x]]}]`}, `p.q = 1 or p.q = 2`, `
error b.yaml:2:6: ERR_VALIDATE: rule "R", exception "e": an exception has fields
`},
		{"a new one without values", []string{`[]`, `[{name: e, fields: [a.b]}]`}, `p.q = 1 or p.q = 2`, `
error b.yaml:2:6: ERR_VALIDATE: rule "R", exception "e": an exception that is appended, and that the rule does not have, has values
warning b.yaml:2:6: APPEND_NO_VALUES: rule "R", exception "e": an exception is appended without values
`},
		{"appended without values", []string{`[{name: e, fields: [a.b], values: [[x]]}]`, `[{name: e}]`}, `(p.q = 1 or p.q = 2) and not ((a.b = x))`, `
warning b.yaml:2:6: APPEND_NO_VALUES: rule "R", exception "e": an exception is appended without values
`},
		{"appended with fields", []string{`[{name: e, fields: [a.b], values: [[x]]}]`, `[{name: e, fields: [a.b], values: [[y]]}]`}, `(p.q = 1 or p.q = 2) and not ((a.b = x))`, `
error b.yaml:2:6: ERR_VALIDATE: rule "R", exception "e": the exception is there already: only values can be appended to it, not fields or comps
`},
		{"a name twice", []string{`[{name: e, fields: a.b, values: [x]}, {name: e, fields: a.b, values: [y]}]`},
			`(p.q = 1 or p.q = 2) and not (a.b in (x)) and not (a.b in (y))`, `
warning a.yaml:2:50: EXCEPTION_NAME_NOT_UNIQUE: rule "R", exception "e": the name is given twice in the same rule
`},
		{"no fields", []string{`[{name: e, values: [[x]]}]`}, "", `
error a.yaml:2:6: ERR_VALIDATE: rule "R", exception "e": an exception has fields
`},
		{"unknown fields and operators", []string{`[{name: e, fields: [a.b =, c], comps: [like, exists], values: []}, {name: f, fields: tolower(, values: []}]`}, "", `
error a.yaml:2:25: ERR_VALIDATE: rule "R", exception "e": "a.b =" is no field
error a.yaml:2:32: ERR_VALIDATE: rule "R", exception "e": "c" is no field
error a.yaml:2:44: ERR_VALIDATE: rule "R", exception "e": "like" is no operator
error a.yaml:2:50: ERR_VALIDATE: rule "R", exception "e": "exists" is no operator
error a.yaml:2:90: ERR_VALIDATE: rule "R", exception "f": "tolower(" is no field
`},
		{"unknown fields without values", []string{`[{name: e, fields: [fd.nam, tolower(fd.name), tolower(a.b)]}]`}, "", `
error a.yaml:2:25: ERR_VALIDATE: rule "R", exception "e": "fd.nam" is no field
error a.yaml:2:51: ERR_VALIDATE: rule "R", exception "e": "tolower(a.b)" is no field
`},
		{"fields and comps of other lengths", []string{`[{name: e, fields: [a.b, c.d], comps: [=], values: [x]}, {name: f, fields: [a.b], comps: =, values: [x]}, {name: g, fields: []}]`}, "", `
error a.yaml:2:43: ERR_VALIDATE: rule "R", exception "e": comps has as many operators as fields has fields, 2 and not 1
error a.yaml:2:94: ERR_VALIDATE: rule "R", exception "f": comps has as many operators as fields has fields, 1 and not 0
error a.yaml:2:129: ERR_VALIDATE: rule "R", exception "g": fields is empty
`},
		{"operators of one field that take no list", []string{`[{name: e, fields: a.b, comps: =, values: [x]}, {name: f, fields: a.b, comps: [in], values: [x]}]`}, "", `
error a.yaml:2:36: ERR_VALIDATE: rule "R", exception "e": of one field comps is one operator that takes a list: in, pmatch, intersects, or another with oneof, anyof or allof
error a.yaml:2:83: ERR_VALIDATE: rule "R", exception "f": of one field comps is one operator that takes a list: in, pmatch, intersects, or another with oneof, anyof or allof
`},
		{"tuples of other lengths", []string{`[{name: e, fields: [a.b, c.d], values: [[x], y, [x, y]]}, {name: f, fields: a.b, values: [[x]]}]`}, "", `
error a.yaml:2:45: ERR_VALIDATE: rule "R", exception "e": a value has one item for each of the 2 fields
error a.yaml:2:50: ERR_VALIDATE: rule "R", exception "e": a value has one item for each of the 2 fields
error a.yaml:2:95: ERR_VALIDATE: rule "R", exception "f": of one field a value is one text, not a list
`},
		{"missing name, wrong shapes", []string{`[{fields: [a.b]}, x, {name: e, field: [a.b], values: x}, {name: f, fields: [[[[a.b]]]], values: [[[[x]]]]}]`}, "", `
error a.yaml:2:6: ERR_YAML_VALIDATE: rule "R": there is no name
error a.yaml:2:23: ERR_YAML_VALIDATE: rule "R": an exception is a mapping with name, fields and values
error a.yaml:2:58: ERR_YAML_VALIDATE: rule "R", exception "e": values is a list
error a.yaml:2:82: ERR_YAML_VALIDATE: rule "R", exception "f": lists in fields nest too deep
error a.yaml:2:104: ERR_YAML_VALIDATE: rule "R", exception "f": lists in values nest too deep
warning a.yaml:2:36: UNKNOWN_KEY: rule "R", exception "e": unknown key "field"; there are name, fields, comps, values
`},
		{"no list of exceptions", []string{`x`}, "", `
error a.yaml:2:5: ERR_YAML_VALIDATE: rule "R": exceptions is a list
`},
		{"a value that is none", []string{`[{name: e, fields: a.b, values: [x, "y)"]}]`}, "", `
error a.yaml:2:44: ERR_COMPILE_CONDITION: rule "R": expected and, or or the end, found ")"
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := []string{"- {rule: R, condition: p.q = 1 or p.q = 2, output: o, desc: d, priority: DEBUG, exceptions:\n    " + tt.files[0] + "}\n" +
				"- {list: l, items: [i, j]}\n"}
			for _, appended := range tt.files[1:] {
				files = append(files, "- {rule: R, exceptions:\n    "+appended+", override: {exceptions: append}}\n")
			}
			want := "list l: i j\n"
			if tt.condition != "" {
				want += "rule R: " + tt.condition + "; o; d; Debug []\n"
			}
			expect(t, load(files...), want+strings.TrimPrefix(tt.issues, "\n"))
		})
	}
}

// TestHugeExceptionsAreRefused has aliases with which a small file could make a condition of many gigabytes.
func TestHugeExceptionsAreRefused(t *testing.T) {
	ten := func(s string) string { return strings.Repeat(s+", ", 99) + s }
	r := load(`
- rule: R
  condition: a.b exists
  output: o
  desc: d
  priority: DEBUG
  exceptions:
  - {name: e, fields: [&f a.b, *f, *f], comps: [in, in, in], values: [&v [&w [` + ten("xxxxxxxxxx") + `], *w, *w], ` + ten("*v") + `, ` + ten("*v") + `, ` + ten("*v") + `, ` + ten("*v") + `]}
`)
	if len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "longer than 1048576 bytes") {
		t.Errorf("got %v", r.Errors)
	}
}

func TestHugeListsAreRefused(t *testing.T) {
	hundred := func(s string) string { return strings.Repeat(s+", ", 399) + s }
	r := load("- {list: a, items: [" + hundred("b") + "]}\n- {list: b, items: [" + hundred("x") + "]}\n")
	if len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "more than 100000 values") {
		t.Errorf("got %v", r.Errors)
	}
}

// TestPlaces follows offsets in joined texts back to the files they come from.
func TestPlaces(t *testing.T) {
	r := load(`
- rule: R
  condition: >
    a.b = x and

    c.d = y
  output: " shell %proc.name "
  desc: d
  priority: DEBUG
  exceptions:
  - name: e
    fields: [e.f]
    values:
    - [p q]
`, `
- rule: R
  condition: |
    or g.h = "z"
      and i.j exists
  output: in %container.id
  exceptions: [{name: e, values: [["r"]]}]
  append: true
`)
	rule := r.Rules[0]
	for piece, want := range map[string]string{
		"a.b": "a.yaml:4:5", "c.d": "a.yaml:6:5", "y": "a.yaml:6:11", "e.f": "a.yaml:12:14", "p q": "a.yaml:14:8",
		"g.h": "b.yaml:4:8", "i.j": "b.yaml:5:11", "r))": "b.yaml:7:37",
	} {
		if got := rule.Condition.At(strings.Index(rule.Condition.Text, piece)).String(); got != want {
			t.Errorf("%s in %s: got %s, want %s", piece, rule.Condition.Text, got, want)
		}
	}
	for piece, want := range map[string]string{"shell": "a.yaml:7:13", "%proc": "a.yaml:7:19", "%container": "b.yaml:6:14"} {
		if got := rule.OutputIssue(strings.Index(rule.Output, piece), "x").Position.String(); got != want {
			t.Errorf("%s in %s: got %s, want %s", piece, rule.Output, got, want)
		}
	}
}
