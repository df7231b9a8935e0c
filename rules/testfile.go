package rules

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/field"
	"tiercel.dev/rules/source"
)

// A Result is what came of one case of a tests file.
type Result struct {
	Name     string   `json:"name"`
	Position Position `json:"position"`
	Passed   bool     `json:"passed"`
	Message  string   `json:"message,omitempty"` // why not

	// What the case says, for whoever wants to explain its outcome. Event is nil if it could not be built.
	Event  *event.Event        `json:"-"`
	Given  []field.Value       `json:"-"` // what Event was built from
	Wanted []string            `json:"-"` // the rules of match
	Lists  map[string][]string `json:"-"` // values of lists that the program fills
}

// Results are those of one tests file, in its order.
type Results []Result

// Failed counts the cases that did not pass.
func (r Results) Failed() int {
	n := 0
	for _, c := range r {
		if !c.Passed {
			n++
		}
	}
	return n
}

// RunTests runs a tests file against the set. A file that is wrong itself is an error (Errors), a case that does not
// come out as it says is a Result. Values that cases give to lists are those of the set's Lists meanwhile: a set in use
// is not to be tested.
func RunTests(s *Set, src Source) (Results, error) {
	var errs Errors
	f := newFile(src, &errs)
	top := f.Root()
	if top == nil {
		return nil, errs.Err()
	}
	run := trial{set: s, file: f, subject: subject(s, src.Name)}
	cases := f.Keys(top, "a tests file", "cases")["cases"]
	if cases == nil || cases.Kind != yaml.SequenceNode || len(cases.Content) == 0 {
		if len(errs) == 0 {
			f.Fail(cases, "a tests file has a list of cases")
		}
		return nil, errs.Err()
	}
	var results Results
	for _, n := range cases.Content {
		if f.Is(n, yaml.MappingNode, "a case") {
			results = append(results, run.one(n))
		}
	}
	return results, errs.Err()
}

// subject is the rules that a tests file is about: those of the file beside it, or all if none is of that.
func subject(s *Set, name string) map[string]bool {
	ext := path.Ext(name)
	beside := strings.TrimSuffix(strings.TrimSuffix(name, ext), "_test")
	own, all := map[string]bool{}, map[string]bool{}
	for _, r := range s.rules {
		all[r.Name] = true
		if strings.TrimSuffix(r.Position.File, path.Ext(r.Position.File)) == beside {
			own[r.Name] = true
		}
	}
	if len(own) == 0 {
		return all
	}
	return own
}

type trial struct {
	set     *Set
	file    *file
	subject map[string]bool
}

func (t *trial) one(n *yaml.Node) Result {
	f := t.file
	res := Result{Position: f.Position(n)}
	keys := f.Keys(n, "a case", "name", "event", "lists", "match", "no_match", "output")
	if keys["name"] == nil {
		f.Fail(n, "the case has no name")
	} else {
		res.Name, _ = f.Text(keys["name"], "name")
	}
	if (keys["match"] == nil) == (keys["no_match"] == nil) {
		f.Fail(n, "a case has either match or no_match")
		return res
	}
	if keys["event"] == nil || !f.Is(keys["event"], yaml.MappingNode, "event") {
		if keys["event"] == nil {
			f.Fail(n, "the case has no event")
		}
		return res
	}
	ev, given, ok := t.event(keys["event"])
	want, exact := t.wanted(keys)
	outputs := t.outputs(keys["output"])
	lists, undo, listsOK := t.fill(keys["lists"])
	defer undo()
	if res.Event, res.Given, res.Lists = ev, given, lists; exact {
		res.Wanted = want
	}
	if !ok || !listsOK {
		return res
	}
	res.Message = t.compare(ev, want, exact, outputs)
	res.Passed = res.Message == ""
	return res
}

// event builds the event of a case.
func (t *trial) event(n *yaml.Node) (*event.Event, []field.Value, bool) {
	f := t.file
	var values []field.Value
	var nodes []*yaml.Node
	before := f.Errors()
	f.Pairs(n, func(key, value *yaml.Node) {
		v := field.Value{Name: key.Value}
		if value.Kind == yaml.SequenceNode {
			v.Texts = f.TextList(value, key.Value)
		} else if v.Text, _ = f.Text(value, key.Value); value.Tag == "!!bool" {
			v.Text = strings.ToLower(v.Text)
		}
		values, nodes = append(values, v), append(nodes, key)
	})
	if f.Errors() > before {
		return nil, nil, false
	}
	ev, err := field.Build(values)
	if err == nil {
		return ev, values, true
	}
	at := n
	var ve *field.ValueError
	if errors.As(err, &ve) && ve.Index >= 0 {
		at = nodes[ve.Index]
	}
	f.Fail(at, "%v", err)
	return nil, nil, false
}

// wanted reads match and no_match: which rules fire, or with exact false, which do not.
func (t *trial) wanted(keys map[string]*yaml.Node) (want []string, exact bool) {
	f := t.file
	n, exact := keys["match"], true
	if n == nil {
		n = keys["no_match"]
		if n.Kind == yaml.ScalarNode {
			if v, ok := f.Bool(n, "no_match, if not a list of rules,"); ok && !v {
				f.Fail(n, "no_match is true or a list of rules")
			}
			return nil, true
		}
		exact = false
	}
	want = f.TextList(n, "match or no_match")
	for i, name := range want {
		if r := t.set.Rule(name); r == nil {
			f.Fail(n.Content[i], "there is no rule %s", source.Quote(name))
		} else if !r.Enabled {
			f.Fail(n.Content[i], "rule %s is disabled", source.Quote(name))
		}
	}
	return want, exact
}

func (t *trial) outputs(n *yaml.Node) map[string]string {
	out := map[string]string{}
	if n == nil || !t.file.Is(n, yaml.MappingNode, "output") {
		return out
	}
	t.file.Pairs(n, func(key, value *yaml.Node) {
		if t.set.Rule(key.Value) == nil {
			t.file.Fail(key, "there is no rule %s", source.Quote(key.Value))
		}
		out[key.Value], _ = t.file.Text(value, "an output")
	})
	return out
}

// fill gives lists the values of a case.
func (t *trial) fill(n *yaml.Node) (filled map[string][]string, undo func(), ok bool) {
	filled = map[string][]string{}
	undo = func() {
		for name := range filled {
			t.set.lists.Reset(name)
		}
	}
	if n == nil {
		return filled, undo, true
	}
	if !t.file.Is(n, yaml.MappingNode, "lists") {
		return filled, undo, false
	}
	before := t.file.Errors()
	t.file.Pairs(n, func(key, value *yaml.Node) {
		of, known := t.set.fills[key.Value]
		if !known {
			t.file.Fail(key, "no list is filled from %s", source.Quote(key.Value))
			return
		}
		texts := t.file.TextList(value, key.Value)
		filled[key.Value] = texts
		if of == condition.OfText {
			t.set.lists.SetTexts(key.Value, texts)
			return
		}
		var ints []int64
		for i, text := range texts {
			var v int64
			if _, err := fmt.Sscan(text, &v); err != nil {
				t.file.Fail(value.Content[i], "%s is a list of numbers", key.Value)
			}
			ints = append(ints, v)
		}
		t.set.lists.SetInts(key.Value, ints)
	})
	return filled, undo, t.file.Errors() == before
}

// compare runs the rules; it returns what is other than wanted.
func (t *trial) compare(ev *event.Event, want []string, exact bool, outputs map[string]string) string {
	var fired, wrong []string
	t.set.program.Match(ev, func(i int, err error) bool {
		r := t.set.enabled[i]
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s ended in an error: %v", r.Name, err))
			return true
		}
		fired = append(fired, r.Name)
		if text, ok := outputs[r.Name]; ok && r.Output(ev) != text {
			wrong = append(wrong, fmt.Sprintf("output of %s is %q, not %q", r.Name, r.Output(ev), text))
		}
		return true
	})
	for name := range outputs {
		if !slices.Contains(fired, name) {
			wrong = append(wrong, fmt.Sprintf("%s has no output: it does not match", name))
		}
	}
	for _, name := range fired {
		switch {
		case !exact && slices.Contains(want, name):
			wrong = append(wrong, name+" matches")
		case exact && t.subject[name] && !slices.Contains(want, name):
			wrong = append(wrong, name+" matches too")
		}
	}
	for _, name := range want {
		if exact && !slices.Contains(fired, name) {
			wrong = append(wrong, name+" does not match")
		}
	}
	slices.Sort(wrong)
	return strings.Join(wrong, "; ")
}
