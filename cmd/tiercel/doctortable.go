package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"tiercel.dev/cmd/tiercel/doctor"
	"tiercel.dev/cmd/tiercel/legible"
)

// doctorTable shows a report for people: area by area, what was seen, and below what is not well what to do.
func doctorTable(w io.Writer, r *doctor.Report) error {
	t := &doctorPage{look: styleFor(w), width: widthOf(w)}
	area := ""
	for _, l := range r.Lines {
		if l.Area != area {
			area = l.Area
			fmt.Fprintf(&t.text, "%s\n", t.look.bold(area))
		}
		t.line(l)
	}
	t.sum(r)
	_, err := io.WriteString(w, t.text.String())
	return err
}

type doctorPage struct {
	text  strings.Builder
	look  style
	width int
}

// line is one of the report's: everything in it may be somebody else's words.
func (t *doctorPage) line(l doctor.Line) {
	name, seen := legible.Printable(l.Name), legible.Printable(l.Seen)
	head := fmt.Sprintf("  %s  %s", t.state(l.State), t.look.bold(name))
	if short := "  " + seen; len(inset)+utf8.RuneCountInString(name+short) <= t.width {
		fmt.Fprintf(&t.text, "%s%s\n", head, strings.TrimRight(short, " "))
	} else {
		fmt.Fprintf(&t.text, "%s\n%s\n", head, legible.Fill(seen, inset, t.width))
	}
	if l.Do == "" {
		return
	}
	do := legible.Printable(l.Do)
	if isCommand(do) {
		// A command stays on its line, to be copied whole.
		fmt.Fprintf(&t.text, "%s%s %s\n", inset, t.look.green("$"), do)
		return
	}
	fmt.Fprintf(&t.text, "%s\n", legible.Fill("→ "+do, inset, t.width))
}

// isCommand reports whether what is to be done is typed.
func isCommand(do string) bool {
	first, _, _ := strings.Cut(do, " ")
	return first == "gcloud" || first == "tofu" || first == "tiercel" || first == "kubectl"
}

func (t *doctorPage) state(s doctor.State) string {
	text := fmt.Sprintf("%-8s", s)
	switch s {
	case doctor.OK:
		return t.look.green(text)
	case doctor.Fail:
		return t.look.red(text)
	}
	return t.look.bold(text)
}

// sum is the last line.
func (t *doctorPage) sum(r *doctor.Report) {
	var parts []string
	for _, s := range doctor.States {
		if n := r.Count(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	fmt.Fprintf(&t.text, "%s: %s\n", legible.Printable(r.Project), strings.Join(parts, ", "))
}
