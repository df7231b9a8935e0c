package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/rules"
)

// A why is a rule that should have matched, and the parts of its condition, of which all must be true.
type why struct {
	Rule  string    `json:"rule"`
	Parts []whyPart `json:"parts"`
}

type whyPart struct {
	Text   string     `json:"text"`
	True   bool       `json:"true"`
	Error  string     `json:"error,omitempty"`
	Values []whyValue `json:"values,omitempty"` // of the fields in a part that is not true
}

type whyValue struct {
	Field string `json:"field"`
	Value any    `json:"value"` // nil where the event has none
}

// explainMiss looks into the rules that a failed case wants to match and that do not.
func explainMiss(set *ruleSet, res rules.Result) []why {
	if res.Event == nil {
		return nil
	}
	var out []why
	for _, name := range res.Wanted {
		r := set.Rule(name)
		if r == nil {
			continue
		}
		if is, err := r.Match(res.Event); is && err == nil {
			continue
		}
		if y, ok := explainRule(set, r, res); ok {
			out = append(out, y)
		}
	}
	return out
}

// explainRule compiles each part of the condition as a rule of its own beside the others, whose macros it may name.
func explainRule(set *ruleSet, r *rules.Rule, res rules.Result) (why, bool) {
	parts := legible.Conjuncts(r.Condition())
	var doc strings.Builder
	doc.WriteString("rules:\n")
	for i, text := range parts {
		quoted, err := json.Marshal(text) // a JSON string is a YAML one
		if err != nil {
			return why{}, false
		}
		fmt.Fprintf(&doc, "  - {name: part %d of %s, condition: %s, output: \"\", severity: LOW}\n", i, r.Name, quoted)
	}
	sources := append(slices.Clip(set.sources), rules.Source{Name: "parts", Data: []byte(doc.String())})
	loaded, err := rules.Load(sources, rules.Options{Lists: filled(res.Lists)})
	if err != nil {
		return why{}, false // a part may be no condition by itself; the case has failed all the same
	}
	y := why{Rule: r.Name}
	all := loaded.Rules()
	for i, part := range all[len(all)-len(parts):] {
		p := whyPart{Text: strings.Join(strings.Fields(parts[i]), " ")}
		if p.True, err = part.Match(res.Event); err != nil {
			p.Error = err.Error()
		}
		if !p.True {
			for _, f := range part.FieldsUsed() {
				v := whyValue{Field: f.Name}
				if got, ok := f.Value(res.Event); ok {
					v.Value = got
				}
				p.Values = append(p.Values, v)
			}
		}
		y.Parts = append(y.Parts, p)
	}
	return y, true
}

// filled holds the values that a case gives to lists; which of texts and numbers counts, each list knows.
func filled(values map[string][]string) *rules.Lists {
	lists := rules.NewLists()
	for name, texts := range values {
		lists.SetTexts(name, texts)
		var ints []int64
		for _, text := range texts {
			if n, err := strconv.ParseInt(text, 0, 64); err == nil {
				ints = append(ints, n)
			}
		}
		lists.SetInts(name, ints)
	}
	return lists
}

func (y why) print(w io.Writer) {
	fmt.Fprintf(w, "    %s\n", legible.Printable(y.Rule))
	for _, p := range y.Parts {
		fmt.Fprintf(w, "        %-5v  %s\n", p.True, legible.Printable(p.Text))
		if p.Error != "" {
			fmt.Fprintf(w, "               %s\n", legible.Printable(p.Error))
		}
		for _, v := range p.Values {
			text := "has no value"
			if v.Value != nil {
				text = fmt.Sprintf("= %#v", v.Value)
			}
			fmt.Fprintf(w, "               %s %s\n", v.Field, legible.Printable(text))
		}
	}
}
