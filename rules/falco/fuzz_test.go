package falco

import "testing"

// FuzzLoad looks that no file brings the reader down, and that each place it names is one.
func FuzzLoad(f *testing.F) {
	f.Add("- {list: l, items: [a, 'b c', l]}\n- {macro: m, condition: a.b in (l)}\n", "- {macro: m, condition: or m, override: {condition: append}}\n")
	f.Add("- &r\n  rule: R\n  condition: >\n    a.b exists\n  output: o\n  desc: d\n  priority: info\n  exceptions: [{name: e, fields: [a.b], values: [[x]]}]\n",
		"- {rule: R, exceptions: [{name: e, values: [[y]]}, {name: f, fields: a.b, comps: pmatch, values: [/x]}], append: true}\n---\n- required_engine_version: 0.1.0\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		r := load(first, second)
		for _, i := range append(r.Errors, r.Warnings...) {
			if i.Line < 0 || i.Line > 0 && i.Column < 1 || i.File == "" || i.Code == "" || i.Message == "" {
				t.Errorf("%#v", i)
			}
		}
		for _, rule := range r.Rules {
			rule.Condition.At(rule.Condition.Expr.At())
			rule.OutputIssue(len(rule.Output), "x")
		}
	})
}
