package main

import (
	"fmt"
	"io"
	"strings"

	"tiercel.dev/cmd/tiercel/explain"
	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/rules"
)

func printExplanation(w io.Writer, set *rules.Set, r *rules.Rule, e *explain.Explanation) error {
	p := &page{look: styleFor(w), width: widthOf(w)}
	severity := r.Severity.String()
	p.line("%s  %s  %s", p.look.bold(legible.Printable(r.Name)), p.look.severity(severity, severity), p.look.dim(legible.Printable(r.Position.String())))
	if r.Title != "" {
		p.line("%s", legible.Printable(r.Title))
	}
	if !r.Enabled {
		p.line("\nThe rule is switched off.")
	}
	if r.Description != "" {
		p.section("")
		p.text(r.Description)
	}
	if r.SeverityReason != "" {
		p.section("why " + severity)
		p.text(r.SeverityReason)
	}
	p.section("condition")
	p.code(r.Condition())
	if legible.OneLine(r.Condition()) != legible.OneLine(e.Expanded) {
		p.section("with the macros in place")
		p.code(e.Expanded)
	}
	p.section("fields")
	for _, f := range r.FieldsUsed() {
		first, _, _ := strings.Cut(f.Doc, ". ")
		p.hang(f.Name+" ("+f.Type.String()+")", strings.TrimSuffix(first, ".")+".")
	}
	p.section("events")
	p.kernel(set, r)
	if e.Metadata {
		p.text("It reads what the container runtime tells, so events wait for that if it is on its way.")
	}
	p.cost(e.Cost)
	if r.OutputText() != "" {
		p.section("output")
		p.text(r.OutputText())
	}
	p.cases(e.Cases)
	p.steps(e.Steps)
	p.facts(e)
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *page) cost(c *explain.Cost) {
	p.section("cost")
	switch {
	case c.NearMiss == 0 && c.Other == 0:
		p.text("No case of a tests file shows events that it looks at and does not match.")
	case c.NearMiss == 0:
		p.text(fmt.Sprintf("By itself, on this machine: %.0f ns for an event that is none of its business.", c.Other))
	case c.Other == 0:
		p.text(fmt.Sprintf("By itself, on this machine: %.0f ns for an event that it nearly matches.", c.NearMiss))
	default:
		p.text(fmt.Sprintf("By itself, on this machine: %.0f ns for an event that is none of its business, %.0f ns for one that it nearly matches. "+
			"Among others it costs less: what several rules ask is asked once.", c.Other, c.NearMiss))
	}
	if len(c.Order) > 0 {
		p.line("%sTried in this order, until one is false:", indent)
		for i, part := range c.Order {
			lines := legible.Layout(legible.Printable(part), "", "", p.width-len(indent)-4)
			p.line("%s%2d. %s", indent, i+1, lines[0])
			for _, line := range lines[1:] {
				p.line("%s    %s", indent, line)
			}
		}
	}
}

func (p *page) cases(cases []explain.Case) {
	if len(cases) == 0 {
		return
	}
	p.section("tests")
	for _, c := range cases {
		what := "matches  "
		if !c.Matches {
			what = "no match "
		}
		outcome := p.look.green("ok    ")
		if !c.Passed {
			outcome = p.look.red("failed")
		}
		text := legible.Fill(legible.Printable(c.Name), strings.Repeat(" ", 19), p.width)
		p.line("%s%s  %s%s", indent, outcome, what, strings.TrimLeft(text, " "))
		if !c.Passed {
			p.line("%s", legible.Fill(legible.Printable(c.Message), strings.Repeat(" ", 19), p.width))
		}
	}
}

func (p *page) steps(steps []string) {
	if len(steps) == 0 {
		return
	}
	p.section("next steps")
	for i, step := range steps {
		text := legible.Fill(legible.Printable(step), indent+"    ", p.width)
		p.line("%s%2d. %s", indent, i+1, strings.TrimLeft(text, " "))
	}
}

func (p *page) facts(e *explain.Explanation) {
	if e.ThrottleEach == "" && len(e.Techniques)+len(e.Tags) == 0 && e.Priority == "" {
		return
	}
	p.section("facts")
	if e.Priority != "" {
		p.line("%spriority  %s, of a rule in Falco's language", indent, e.Priority)
	}
	if e.ThrottleEach != "" {
		each := "for all its events"
		if len(e.ThrottlePer) > 0 {
			each = "for each " + strings.Join(e.ThrottlePer, ", ")
		}
		p.line("%sthrottle  one alert every %s %s", indent, e.ThrottleEach, each)
	}
	for i, t := range e.Techniques {
		label := "attack"
		if i > 0 {
			label = ""
		}
		head := fmt.Sprintf("%s%-9s %-9s  %s", indent, label, t.ID, t.Name)
		if len(head)+2+len(t.URL) > p.width {
			p.line("%s\n%s%s", head, strings.Repeat(" ", 23), p.look.dim(t.URL))
			continue
		}
		p.line("%s", strings.TrimRight(head, " ")+"  "+p.look.dim(t.URL))
	}
	if len(e.Tags) > 0 {
		p.line("%stags      %s", indent, legible.Printable(strings.Join(e.Tags, ", ")))
	}
}
