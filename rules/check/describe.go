package check

import (
	"slices"

	"tiercel.dev/internal/posture"
)

// A Remedy is a fix as it is written, with {expressions} where names are filled in.
type Remedy struct {
	Commands         []string
	Text, Disruption string
}

// Remedies are the fixes that the check may show, the check's own first.
func (c *Check) Remedies() []Remedy {
	var out []Remedy
	add := func(f *fix) {
		if f == nil {
			return
		}
		r := Remedy{Disruption: f.disruption, Text: f.text.source()}
		for _, t := range f.commands {
			r.Commands = append(r.Commands, t.source())
		}
		out = append(out, r)
	}
	add(c.fix)
	for _, v := range c.cases {
		add(v.fix)
	}
	return out
}

// Severities are those of the check's failures and warnings, by verdict, the worst first and each once.
func (c *Check) Severities(of posture.Verdict) []posture.Severity {
	var out []posture.Severity
	for _, v := range c.cases {
		if v.verdict == of && v.severity != 0 && !slices.Contains(out, v.severity) {
			out = append(out, v.severity)
		}
	}
	slices.SortFunc(out, func(a, b posture.Severity) int { return int(b) - int(a) })
	return out
}

// Evidence are the labels of what the check shows.
func (c *Check) Evidence() []string {
	out := make([]string, len(c.evidence))
	for i, e := range c.evidence {
		out[i] = e.label
	}
	return out
}

// source is the template as it is written; a shorthand is what it stands for.
func (t *template) source() string {
	s := ""
	if t == nil {
		return s
	}
	for _, p := range t.parts {
		if p.value != nil {
			s += "{" + p.value.text + "}"
		} else {
			s += p.text
		}
	}
	return s
}

// Verdicts are those that the check may come to by its conditions, in their order.
func (c *Check) Verdicts() []posture.Verdict {
	out := make([]posture.Verdict, len(c.cases))
	for i, v := range c.cases {
		out[i] = v.verdict
	}
	return out
}

// Comes lists the verdicts that a cluster can have the check come to: those of its conditions, and N/A, MANAGED and UNKNOWN if it
// says when it does not apply, who else sees to it, and what it needs.
func (c *Check) Comes() []posture.Verdict {
	out := c.Verdicts()
	if c.applies != nil {
		out = append(out, posture.NA)
	}
	if c.managed != nil {
		out = append(out, posture.Managed)
	}
	if len(c.Needs) > 0 {
		out = append(out, posture.Unknown)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
