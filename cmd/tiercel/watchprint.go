package main

import (
	"io"
	"strings"

	"tiercel.dev/alert"
)

// An alertPrinter shows alerts, each in one write.
type alertPrinter struct {
	out  io.Writer
	json bool
	look style
}

func newAlertPrinter(out io.Writer, asJSON bool) *alertPrinter {
	return &alertPrinter{out: out, json: asJSON, look: styleFor(out)}
}

func (p *alertPrinter) show(a *alert.Alert) error {
	var line string
	if p.json {
		text, err := alert.JSON(a)
		if err != nil {
			return err
		}
		line = string(text)
	} else {
		line = p.text(a)
	}
	_, err := io.WriteString(p.out, line+"\n")
	return err
}

// text is an alert as everywhere, and below what was found out since.
func (p *alertPrinter) text(a *alert.Alert) string {
	text := alert.Text(a)
	if name := a.GetSeverity().String(); a.GetKind() == alert.KindAlert {
		text = strings.Replace(text, name, p.look.severity(name, name), 1)
	}
	if more := enriched(a); more != "" {
		text += "\n    " + alert.Escape(more)
	}
	return text
}

// enriched is what the step behind the sensors says, or "" where it has not been.
func enriched(a *alert.Alert) string {
	e := a.GetEnrichment()
	if e == nil {
		return ""
	}
	var parts []string
	add := func(text string) { parts = append(parts, text) }
	switch e.GetVerification() {
	case alert.Verified:
		add("verified")
	case alert.Unverified:
		add("UNVERIFIED: " + e.GetVerificationReason())
	}
	if name := a.GetCluster().GetName(); name != "" {
		add("cluster " + name)
	}
	var owners []string
	for _, o := range e.GetOwners() {
		owners = append(owners, o.GetKind()+"/"+o.GetName())
	}
	if len(owners) > 0 {
		add("of " + strings.Join(owners, " < "))
	}
	for _, s := range e.GetServices() {
		if s.GetExternal() {
			add("reachable from outside by service " + s.GetName())
		}
	}
	if p := e.GetPolicy(); p != nil {
		what := "was " + p.GetOriginalSeverity().String()
		if p.GetMuted() {
			what = "muted"
		}
		add(what + " by policy " + p.GetName() + ": " + p.GetReason())
	}
	for _, m := range e.GetMissing() {
		add("not found out: " + m)
	}
	return strings.Join(parts, "; ")
}
