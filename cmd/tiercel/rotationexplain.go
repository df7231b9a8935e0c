package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/posture"
)

func rotationExplainCommand() *cobra.Command {
	var flags rotationFlags
	cmd := &cobra.Command{
		Use:   "explain CLUSTER",
		Short: "Explain the rotation of a cluster's credentials: the procedure, and where it stands",
		Long: `Explain the procedure state by state with what each waits for and what people do, and where it stands for a cluster: why, since
when and by whom, what is in the way and what to do about it, by when, and the commands.

` + rotationHelp + `

` + rotationExit,
		Example: `  tiercel rotation explain shop --bucket my-records
  tiercel rotation explain my-project/europe-west1/shop --bucket my-records --json`,
		Args: oneCluster,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := flags.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), r.Shown)
			}
			w := cmd.OutOrStdout()
			e := explanation{w: w, width: widthOf(w), style: styleFor(w)}
			e.procedure(r)
			e.stands(r)
			return e.err
		},
	}
	flags.add(cmd)
	return cmd
}

// An explanation is written line by line; the first error is kept.
type explanation struct {
	w     io.Writer
	width int
	style style
	err   error
}

func (e *explanation) line(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format+"\n", args...)
	}
}

// fill is a text in lines behind an indent.
func (e *explanation) fill(indent, text string) {
	e.line("%s", legible.Fill(legible.Printable(text), indent, e.width))
}

// item is one of a list.
func (e *explanation) item(text string) {
	const indent = "    "
	e.line("  - %s", strings.TrimPrefix(legible.Fill(legible.Printable(text), indent, e.width), indent))
}

func (e *explanation) head(text string) {
	e.line("")
	e.line("%s", e.style.bold(text))
}

// procedure shows all states, and marks the one that it is in.
func (e *explanation) procedure(r *rotate.Record) {
	e.line("%s", e.style.bold("The procedure"))
	for _, m := range rotate.Meanings {
		mark := "  "
		if m.State == r.State || m.State == r.Stage() {
			mark = "> "
		}
		e.line("%s%s", mark, e.style.bold(string(m.State)))
		e.fill("    ", m.Is)
		e.fill("    ", "Waits for: "+lowerFirst(m.Waits))
		e.fill("    ", "People: "+lowerFirst(m.PeopleDo))
	}
}

func lowerFirst(s string) string {
	if s == "" || strings.HasPrefix(s, "GKE") {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// stands shows where it is.
func (e *explanation) stands(r *rotate.Record) {
	v := r.Shown
	state := string(r.State)
	if r.From != "" {
		state += ", from " + string(r.From)
	}
	e.head(legible.Printable(fmt.Sprintf("%s in %s of %s: %s", r.Resource.Cluster, r.Resource.Location, r.Resource.Project, state)))
	e.fill("  ", "Since "+at(r.Since)+", looked at "+at(v.Time)+".")
	if r.Reason != "" {
		e.fill("  ", "Why: "+r.Reason)
	}
	if !r.Began.IsZero() {
		e.fill("  ", "The rotation began on "+at(r.Began)+", by "+r.By+".")
	}
	if v.CA != nil {
		e.fill("  ", "Certificate authority: from "+v.CA.NotBefore.UTC().Format(time.DateOnly)+" until "+v.CA.NotAfter.UTC().Format(time.DateOnly)+
			", SHA-256 "+v.CA.Fingerprint)
	}
	e.fill("  ", "Next: "+v.Next+".")
	e.blockers(r.Blockers)
	e.texts("Left behind, or still with the old credentials", v.Left)
	e.texts("Not known", gaps(v.Gaps))
	if len(v.Deadlines) > 0 {
		e.head("Deadlines")
		for _, d := range v.Deadlines {
			e.fill("  ", at(d.Time)+": "+d.What)
		}
	}
	if len(v.Commands) > 0 {
		e.head("Commands")
		for _, c := range v.Commands {
			e.line("  %s", legible.Printable(c))
		}
	}
}

func (e *explanation) blockers(all []posture.Blocker) {
	if len(all) > 0 {
		e.head("In the way")
	}
	for _, b := range all {
		e.item(b.What)
		if b.Fix != "" {
			e.fill("    ", b.Fix)
		}
		if b.Acknowledge != "" {
			e.fill("    ", "Or answer for it: --acknowledge "+b.Acknowledge)
		}
	}
}

func (e *explanation) texts(head string, texts []string) {
	if len(texts) > 0 {
		e.head(head)
	}
	for _, t := range texts {
		e.item(t)
	}
}

func gaps(all []posture.Gap) (texts []string) {
	for _, g := range all {
		text := g.Call + ": " + g.Error
		if g.Fix != "" {
			text += " (" + g.Fix + ")"
		}
		texts = append(texts, strings.TrimPrefix(text, ": "))
	}
	return texts
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
