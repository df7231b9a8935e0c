package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"tiercel.dev/cmd/tiercel/hardened"
	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/internal/posture"
)

// maxAlike is how many results of one check about one cluster the table shows; the other formats have all.
const maxAlike = 10

// hardenTable shows, cluster by cluster, what fails with a severity of at least that: what was found, and the command that mends it.
func hardenTable(w io.Writer, r *hardened.Report, least posture.Severity) error {
	t := &verdictTable{w: w, look: styleFor(w), report: r, least: least, width: widthOf(w)}
	for _, c := range r.Clusters {
		t.cluster(c)
	}
	t.gaps(r.Gaps)
	t.sum()
	return t.err
}

type verdictTable struct {
	w      io.Writer
	look   style
	report *hardened.Report
	least  posture.Severity
	width  int
	err    error
}

// line writes one line; whatever is in it is printable by now.
func (t *verdictTable) line(format string, args ...any) {
	if _, err := fmt.Fprintf(t.w, format+"\n", args...); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *verdictTable) cluster(c *posture.Cluster) {
	at := c.Resource
	about := []string{legible.Printable(at.Project + "/" + at.Location)}
	for _, part := range []string{c.Version, c.Channel} {
		if part != "" {
			about = append(about, legible.Printable(part))
		}
	}
	if c.Autopilot {
		about = append(about, "Autopilot")
	}
	t.line("%s  %s", t.look.bold(legible.Printable(at.Cluster)), t.look.dim(strings.Join(about, "  ")))
	t.line("  %s", tally(t.report, c.Results))
	for _, alike := range t.shown(c.Results) {
		t.failures(alike)
	}
	t.unknown(c.Results)
	t.gaps(c.Gaps)
	t.line("")
}

// tally counts verdicts: "2 CRITICAL, 1 LOW; 3 warn, 40 pass".
func tally(r *hardened.Report, results []posture.Result) string {
	fails, others, withheld := map[posture.Severity]int{}, map[posture.Verdict]int{}, 0
	for _, result := range results {
		if result.Verdict == posture.Fail {
			fails[r.Severity(result)]++
		} else if result.Verdict == posture.Unknown && result.Withheld {
			withheld++
		} else {
			others[result.Verdict]++
		}
	}
	var bad, rest []string
	for s := posture.Critical; s >= posture.Info; s-- {
		if fails[s] > 0 {
			bad = append(bad, fmt.Sprintf("%d %s", fails[s], s))
		}
	}
	for _, v := range posture.Verdicts {
		if others[v] > 0 {
			rest = append(rest, fmt.Sprintf("%d %s", others[v], strings.ToLower(string(v))))
		}
	}
	if withheld > 0 {
		rest = append(rest, fmt.Sprintf("%d unknown on purpose", withheld))
	}
	if len(bad) == 0 {
		bad = []string{"nothing fails"}
	}
	return strings.Join(append([]string{strings.Join(bad, ", ")}, rest...), "; ")
}

// shown are the results that the table shows, those of one check together, the severest first.
func (t *verdictTable) shown(results []posture.Result) (all [][]posture.Result) {
	results = slices.DeleteFunc(slices.Clone(results), func(r posture.Result) bool {
		return r.Verdict != posture.Fail && r.Verdict != posture.Warn || t.report.Severity(r) < t.least
	})
	slices.SortStableFunc(results, func(a, b posture.Result) int {
		return cmp.Or(strings.Compare(string(a.Verdict), string(b.Verdict)), // FAIL before WARN
			cmp.Compare(t.report.Severity(b), t.report.Severity(a)), strings.Compare(a.Check, b.Check))
	})
	for len(results) > 0 {
		n := 1
		for n < len(results) && results[n].Check == results[0].Check && results[n].Verdict == results[0].Verdict && t.report.Severity(results[n]) == t.report.Severity(results[0]) {
			n++
		}
		all, results = append(all, results[:n]), results[n:]
	}
	return all
}

const inset = "            "

func (t *verdictTable) failures(alike []posture.Result) {
	first := alike[0]
	word := t.report.Severity(first).String()
	note := ""
	if first.Verdict == posture.Warn {
		note = " (worth a look)"
	}
	t.line("  %s  %s  not so: %s%s", t.look.severity(word, fmt.Sprintf("%-8s", word)), legible.Printable(first.Check),
		legible.Printable(t.report.Check(first.Check).Title), note)
	for i, result := range alike {
		if i == maxAlike {
			t.line("%s%s more like these; --format csv has all", inset, counted(len(alike)-i, "result"))
			break
		}
		t.failure(result)
	}
}

func (t *verdictTable) failure(r posture.Result) {
	what := legible.Printable(r.Reason)
	if thing := r.Resource.String(); thing != r.Resource.Cluster {
		what = legible.Printable(strings.TrimPrefix(thing, r.Resource.Cluster+"/")) + ": " + what
	}
	t.line("%s", legible.Fill(what, inset, t.width))
	for _, e := range r.Evidence {
		t.line("%s%s", inset, t.look.dim(legible.Printable(e.String())))
	}
	if r.Fix == nil {
		return
	}
	for _, c := range r.Fix.Commands {
		t.line("%s%s %s", inset, t.look.green("$"), legible.Printable(c))
	}
	if r.Fix.Text != "" {
		t.line("%s", legible.Fill(legible.Printable(r.Fix.Text), inset, t.width))
	}
	if len(r.Fix.Commands) == 0 && r.Fix.Link != "" {
		t.line("%s%s", inset, legible.Printable(r.Fix.Link))
	}
	if d := r.Fix.Disruption; d != "" && d != "none" {
		t.line("%s%s", inset, t.look.dim("disruption: "+legible.Printable(d)))
	}
}

// unknown names the checks that nobody could decide, those with one reason together, and those last that no right is granted for.
func (t *verdictTable) unknown(results []posture.Result) {
	var reasons []string
	ids, withheld := map[string][]string{}, map[string]bool{}
	for _, r := range results {
		if r.Verdict != posture.Unknown {
			continue
		}
		if ids[r.Reason] == nil {
			reasons = append(reasons, r.Reason)
		}
		withheld[r.Reason] = r.Withheld
		if !slices.Contains(ids[r.Reason], r.Check) {
			ids[r.Reason] = append(ids[r.Reason], r.Check)
		}
	}
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(len(purpose[withheld[a]]), len(purpose[withheld[b]])) })
	for _, reason := range reasons {
		t.line("  %s  %s%s", t.look.bold("UNKNOWN "), legible.Printable(strings.Join(ids[reason], ", ")), purpose[withheld[reason]])
		t.line("%s", legible.Fill(legible.Printable(reason), inset, t.width))
	}
}

// purpose is what is said of an UNKNOWN that is so on purpose.
var purpose = map[bool]string{true: " (on purpose: no right to see it is granted)"}

// gaps names what could not be read. What was not to be stands with the checks that need it.
func (t *verdictTable) gaps(all []posture.Gap) {
	for _, g := range all {
		if g.Withheld {
			continue
		}
		text := g.Part + ": " + g.Call + ": " + g.Error
		if g.Fix != "" {
			text += " (" + g.Fix + ")"
		}
		t.line("  %s", t.look.bold("NOT READ"))
		t.line("%s", legible.Fill(legible.Printable(text), inset, t.width))
	}
}

// sum is the last line.
func (t *verdictTable) sum() {
	var all []posture.Result
	for _, c := range t.report.Clusters {
		all = append(all, c.Results...)
	}
	complete := t.look.green("complete")
	if posture.ScoreOf(all, nil).Withheld > 0 {
		complete = t.look.green("complete as far as rights are granted") + ": what is unknown on purpose is no pass"
	}
	if !t.report.Complete() {
		complete = t.look.red("INCOMPLETE: what is UNKNOWN or not read may be as bad as anything")
	}
	t.line("%s by %s: %s. %s", counted(len(t.report.Clusters), "cluster"), counted(len(t.report.Checks), "check"), tally(t.report, all), complete)
}
