package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/falco/translate"
	"tiercel.dev/rules/field"
)

// Native is what Falco files define together, as native files would say it: with their names, in CEL.
type Native struct {
	Lists  []NativeList
	Macros []NativeMacro
	Rules  []NativeRule
}

// A NativeList has items, or domains whose addresses fill it.
type NativeList struct {
	Name    string
	Falco   *falco.List // nil for one of domains that a condition names itself
	Items   []NativeItem
	Ints    bool
	Domains []string
}

// A NativeItem is a value, or the name of a list whose items stand in its place.
type NativeItem struct{ Value, List string }

// A NativeMacro is a macro's name and condition.
type NativeMacro struct {
	Name, CEL string
	Falco     *falco.Macro
}

// A NativeRule is a rule's name, condition and output, and what a Falco file's rule becomes besides.
type NativeRule struct {
	Name, CEL, Output string
	// Notes say what of the output has no counterpart.
	Notes []string
	Rule  *Rule
	Falco *falco.Rule
}

// ToNative translates Falco files. Names for which taken is true are not given to lists, macros or rules. The error is
// that of [Load], for files that cannot be loaded.
func ToNative(files []Source, opt FalcoOptions, taken func(name string) bool) (*Native, *Set, error) {
	set, err := Load(files, Options{Falco: opt})
	if err != nil {
		return nil, nil, err
	}
	rs := falco.Load(files)
	w := &nativeWriter{falcoLoading: &falcoLoading{Ruleset: rs, opt: opt, names: newFalcoNames(rs, taken)}, set: set}
	native := &Native{}
	for _, m := range rs.Macros {
		text, issues := w.translate(m.Condition)
		if !slices.ContainsFunc(issues, func(i translate.Issue) bool { return !i.Warning }) { // else no rule that is loaded uses it
			native.Macros = append(native.Macros, NativeMacro{Name: w.names.macros[m.Name], CEL: text.CEL, Falco: m})
		}
	}
	names := map[string]bool{}
	for _, fr := range rs.Rules {
		if r := set.Rule(fr.Name); r != nil {
			native.Rules = append(native.Rules, w.rule(r, fr, names, taken))
		}
	}
	native.Lists = w.lists()
	return native, set, nil
}

type nativeWriter struct {
	*falcoLoading
	set *Set
}

func (w *nativeWriter) rule(r *Rule, fr *falco.Rule, names map[string]bool, taken func(string) bool) NativeRule {
	text, _ := w.translate(fr.Condition)
	out := NativeRule{CEL: text.CEL, Rule: r, Falco: fr, Name: ruleName(fr.Name)}
	if taken(out.Name) {
		out.Name = "falco_" + out.Name
	}
	for base, i := out.Name, 2; names[out.Name]; i++ {
		out.Name = base + "_" + strconv.Itoa(i)
	}
	names[out.Name] = true
	out.Output, out.Notes = r.output.native()
	return out
}

// ruleName makes a name of a title: its words in lower case with _ between.
func ruleName(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	name := strings.Join(words, "_")
	if name == "" {
		name = "rule"
	}
	return name[:min(len(name), maxName-len("falco_")-4)]
}

// native is the template as a native output, and what is lost.
func (t template) native() (text string, lost []string) {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(strings.NewReplacer("{", "{{", "}", "}}").Replace(p.text))
		for _, f := range p.fields {
			if _, err := field.Lookup(f.Name); err != nil {
				b.WriteString("<NA>")
				lost = append(lost, fmt.Sprintf("In Falco the output shows %s, which no event has here.", f.Name))
				continue
			}
			b.WriteString("{" + f.Name + "}")
			if p.width > 0 {
				lost = append(lost, fmt.Sprintf("In Falco the output shows %s %d characters wide.", f.Name, p.width))
			}
			if p.transform != nil {
				lost = append(lost, fmt.Sprintf("In Falco the output shows %s transformed.", f.Name))
			}
		}
	}
	return b.String(), lost
}

// lists are those that conditions use, those that these name, and those that nothing uses yet.
func (w *nativeWriter) lists() []NativeList {
	used := func(name string) bool {
		for use := range w.names.byUse {
			if use.name == name && !use.domains {
				return true
			}
		}
		return false
	}
	for _, l := range w.Lists {
		if !used(l.Name) && w.names.domains[l.Name] == nil {
			w.names.List(l.Name, condition.OfText)
		}
	}
	done := map[listUse]NativeList{}
	for len(done) < len(w.names.byUse) { // lists may name others, which are used by that
		for use := range w.names.byUse {
			if _, ok := done[use]; !ok {
				done[use] = w.list(use)
			}
		}
	}
	var out []NativeList
	for _, l := range done {
		out = append(out, l)
	}
	order := map[*falco.List]int{nil: -1}
	for i, l := range w.Lists {
		order[l] = i
	}
	slices.SortFunc(out, func(a, b NativeList) int {
		if d := order[a.Falco] - order[b.Falco]; d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

func (w *nativeWriter) list(use listUse) NativeList {
	made := w.names.made[w.names.byUse[use]]
	out := NativeList{Name: w.names.byUse[use], Falco: w.names.falcoLists[use.name], Ints: made.Of == condition.OfInt}
	if use.domains {
		out.Domains = w.names.domains[made.Dynamic]
		out.Falco = w.names.falcoLists[made.Dynamic]
		return out
	}
	var flat []string
	for _, item := range out.Falco.Items {
		if item.List == "" {
			flat = append(flat, item.Text)
			out.Items = append(out.Items, NativeItem{Value: item.Text})
			continue
		}
		for _, v := range w.names.falcoLists[item.List].Values {
			flat = append(flat, v.Text)
		}
		out.Items = append(out.Items, NativeItem{List: w.names.List(item.List, use.of)})
	}
	var texts []string
	for _, v := range out.Falco.Values {
		texts = append(texts, v.Text)
	}
	if out.Ints || !slices.Equal(flat, texts) { // Falco looks less deep into lists in lists, and numbers stand alone
		return out.flattened(made)
	}
	return out
}

func (l NativeList) flattened(made *condition.List) NativeList {
	l.Items = nil
	for _, text := range made.Values.Texts {
		l.Items = append(l.Items, NativeItem{Value: text})
	}
	for _, n := range made.Values.Ints {
		l.Items = append(l.Items, NativeItem{Value: strconv.FormatInt(n, 10)})
	}
	return l
}
