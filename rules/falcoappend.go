package rules

import (
	"errors"
	"slices"
	"strings"

	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/field"
)

// A FalcoAppend adds to the outputs of the rules that it is about, as append_output of falco.yaml does. It is about a rule
// with the source, the name and all of the tags; what is zero is about every rule.
type FalcoAppend struct {
	Source, Rule string
	Tags         []string

	Suggested bool   // what places a container: ids, names and image
	Output    string // text with %fields
	Fields    []FalcoField
}

// A FalcoField is one more field of an alert that the output's text does not show.
type FalcoField struct {
	Name string
	Text string // with %fields; "" for the value of the field of that name
}

// suggested are the fields that Falco's container plugin suggests for outputs.
var suggested = []string{"container.id", "container.name", "container.image.repository", "container.image.tag", "k8s.pod.name", "k8s.ns.name"}

func (a FalcoAppend) about(r *falco.Rule, source string) bool {
	without := func(tag string) bool { return !slices.Contains(r.Tags, tag) }
	return (a.Source == "" || a.Source == source) && (a.Rule == "" || a.Rule == r.Name) && !slices.ContainsFunc(a.Tags, without)
}

// CheckFalcoOutput says what is wrong with an output of Falco's.
func CheckFalcoOutput(text string) error {
	var errs []error
	parseFalcoTemplate(text, func(_ int, message string) { errs = append(errs, errors.New(message)) })
	return errors.Join(errs...)
}

// An extra is a field of an alert that its output does not show: a field of the event, or a text.
type extra struct {
	name  string
	field *field.Field
	text  template
}

// appended is what the options add to the output of a rule: text behind it, and fields.
func (opt FalcoOptions) appended(r *falco.Rule, source string) (text string, fields []extra) {
	var b strings.Builder
	ignore := func(int, string) {} // checked when they were read
	for _, a := range opt.Append {
		if !a.about(r, source) {
			continue
		}
		if a.Suggested {
			for _, name := range suggested {
				b.WriteString(" " + strings.ReplaceAll(name, ".", "_") + "=%" + name)
			}
			for _, s := range opt.Static {
				b.WriteString(" " + strings.ReplaceAll(s.Name, ".", "_") + "=" + literal(s.Text))
				fields = append(fields, extra{name: s.Name, text: parseFalcoTemplate(literal(s.Text), ignore)})
			}
		}
		if a.Output != "" {
			b.WriteString(" " + a.Output)
		}
		for _, f := range a.Fields {
			e := extra{name: f.Name}
			if e.text = parseFalcoTemplate(f.Text, ignore); f.Text == "" {
				e.field, _, _ = longestField(f.Name)
			}
			fields = append(fields, e)
		}
	}
	return b.String(), fields
}

// literal is text as an output that says it.
func literal(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// shown are the fields that an alert of the rule has, each once.
func (r *Rule) shown() []*field.Field {
	out := r.output.fields()
	for _, e := range r.extras {
		for _, f := range append(e.text.fields(), e.field) {
			if f != nil && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}
