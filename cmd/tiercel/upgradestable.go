package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/internal/posture"
)

// showUpgrades prints a line for each cluster, and below them what is to be done, in order.
func showUpgrades(w io.Writer, all []posture.Upgrade, lists []posture.Gap) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "CLUSTER\tVERSION\tCHANNEL\tTARGET\tAUTOMATIC\tSUPPORT ENDS\tNEXT WINDOW")
	for _, u := range all {
		c := u.Control
		cells := []string{
			clusterPath(u.Resource), c.Current, u.Channel, targetOf(u), c.Auto, date(c.EndOfStandard), nextWindow(u),
		}
		for i, cell := range cells {
			cells[i] = legible.Printable(cmp.Or(cell, "-"))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	p := upgradePage{w: w, look: styleFor(w), width: widthOf(w)}
	for _, u := range all {
		p.cluster(u)
	}
	p.gaps("", lists)
	return p.err
}

func clusterPath(r posture.Resource) string { return r.Project + "/" + r.Location + "/" + r.Cluster }

// targetOf is where GKE takes the control plane; unknown where it could not be asked.
func targetOf(u posture.Upgrade) string {
	for _, g := range u.Gaps {
		if g.Part == "upgrade_info" || g.Part == "cluster" {
			return "unknown"
		}
	}
	return cmp.Or(u.Control.MinorTarget, u.Control.PatchTarget)
}

func date(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.DateOnly)
}

func nextWindow(u posture.Upgrade) string {
	switch {
	case len(u.Next) > 0:
		return u.Next[0].UTC().Format("2006-01-02 15:04")
	case strings.HasPrefix(u.Windows, "at any time"):
		return "any time"
	}
	return "unknown"
}

// upgradePage prints what is to be done.
type upgradePage struct {
	w     io.Writer
	look  style
	width int
	err   error
}

// line writes one line; whatever is in it is printable by now.
func (p *upgradePage) line(format string, args ...any) {
	if _, err := fmt.Fprintf(p.w, format+"\n", args...); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *upgradePage) text(indent, text string) {
	p.line("%s", legible.Fill(legible.Printable(text), indent, p.width))
}

func (p *upgradePage) cluster(u posture.Upgrade) {
	p.line("\n%s", p.look.bold(legible.Printable(clusterPath(u.Resource))))
	for _, pool := range u.Pools {
		p.pool(pool)
	}
	for _, fact := range append([]string{"windows: " + cmp.Or(u.Windows, "not known")}, u.Exclusions...) {
		p.text("  ", fact)
	}
	if u.Budget != "" {
		p.text("  ", "disruption budget: "+u.Budget)
	}
	if len(u.Control.Paused) > 0 {
		p.text("  ", "automatic upgrades wait: "+strings.Join(u.Control.Paused, ", "))
	}
	for _, x := range u.Deadlines {
		p.text("  ", x.Time.UTC().Format(time.DateOnly)+"  "+x.Resource.String()+": "+x.What)
	}
	for i, a := range u.Actions {
		p.action(i+1, a)
	}
	if len(u.Actions) == 0 {
		p.line("  nothing is known to be done")
	}
	p.gaps("  ", u.Gaps)
}

func (p *upgradePage) pool(pool posture.PoolUpgrade) {
	skew := "of the control plane's minor"
	switch {
	case pool.SkewUnknown:
		skew = "nobody knows how far from the control plane"
	case pool.Skew > 0:
		skew = counted(pool.Skew, "minor") + " behind the control plane"
	case pool.Skew < 0:
		skew = counted(-pool.Skew, "minor") + " ahead of the control plane"
	}
	text := fmt.Sprintf("node pool %s: %s, %s; automatic upgrades %s", pool.Name, cmp.Or(pool.Current, "version unknown"), skew, pool.Auto)
	if target := cmp.Or(pool.MinorTarget, pool.PatchTarget); target != "" {
		text += ", target " + target
	}
	p.text("  ", text)
}

func (p *upgradePage) action(n int, a posture.Action) {
	by := ""
	if !a.By.IsZero() {
		by = " by " + date(a.By)
	}
	severity := a.Severity.String()
	p.line("\n  %d. %s%s  %s", n, p.look.severity(severity, severity), by, legible.Printable(a.What))
	if a.Why != "" {
		p.text("     ", a.Why)
	}
	if a.Disruption != "" && a.Disruption != "none" {
		p.text("     ", "disruption: "+a.Disruption)
	}
	if a.Link != "" {
		p.line("     %s", legible.Printable(a.Link))
	}
	for _, c := range a.Commands {
		p.line("     $ %s", legible.Printable(c))
	}
}

func (p *upgradePage) gaps(indent string, all []posture.Gap) {
	for _, g := range all {
		text := fmt.Sprintf("not known: %s (%s): %s", g.Part, g.Call, g.Error)
		if g.Fix != "" {
			text += "; " + g.Fix
		}
		p.text(indent, text)
	}
}
