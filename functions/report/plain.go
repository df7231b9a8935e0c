package report

import (
	"fmt"
	"strings"

	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/posture"
)

// text is the letter for who sees no HTML. It has what the HTML has, and needs none of it.
func (l *letter) text(repeat bool) string {
	t := new(mail.Text)
	t.Line("%s, report of %s", l.Title, day(l.Due))
	if repeat {
		t.Blank()
		t.Paragraph(mail.RepeatText)
	}
	t.Blank()
	score := "Score " + l.Score.String()
	if l.Score.Known {
		score += " of 100"
	}
	if l.Score.Has {
		score += fmt.Sprintf(" (%s since %s)", l.Score.Signed(), day(l.Score.Then))
	}
	t.Line("%s", score)
	t.Paragraph(l.Lead)
	for _, n := range l.Tiles {
		t.Row([]int{10, -5, 0}, n.Severity.String(), fmt.Sprint(n.Open), fmt.Sprintf("open, %d new, %d fixed", n.New, n.Fixed))
	}
	if l.Incomplete > 0 {
		t.Blank()
		t.Paragraph(fmt.Sprintf("INCOMPLETE: %s could not be looked at in full; %d verdicts are unknown. See Coverage.",
			plural(l.Incomplete, "cluster"), l.Unknown()))
	}
	if len(l.Trend) > 1 {
		t.Blank()
		t.Paragraph("Scores so far: " + l.TrendText())
	}
	for _, section := range []func(*mail.Text){
		l.textDeadlines, l.textChanges, l.textClusters, l.textFindings, l.textUpgrades, l.textRotations, l.textSensors, l.textAlerts,
		l.textExceptions, l.textCoverage,
	} {
		section(t)
	}
	t.Blank()
	t.Line("--")
	t.Paragraph(l.foot())
	return t.String()
}

// shown writes as much of a list as a mail has, and how much it has not.
func shown[T any](t *mail.Text, n int, list []T, what string, line func(T)) {
	for _, each := range first(n, list).([]T) {
		line(each)
	}
	if text := more(n, list, what); text != "" {
		t.Line("%s", text)
	}
}

func (l *letter) textDeadlines(t *mail.Text) {
	if len(l.Deadlines) == 0 {
		return
	}
	t.Head("Deadlines")
	shown(t, whole.Deadlines, l.Deadlines, "deadlines", func(d posture.Deadline) {
		t.Row([]int{11, 8, 0}, day(d.Time), d.Severity.String(), d.What+" ("+d.Resource.String()+")")
	})
}

func (l *letter) textChanges(t *mail.Text) {
	t.Head("What changed since " + day(l.Since))
	if l.First {
		t.Paragraph("This is the first report, so all that is open is new.")
		return
	}
	for _, list := range []struct {
		title   string
		changes []posture.Change
	}{
		{"New", l.Diff.New}, {"Regressed", l.Diff.Regressed}, {"Fixed", l.Diff.Fixed}, {"No longer verified", l.Diff.Unverified},
		{"Accepted by an exception", l.Diff.Accepted}, {"Of clusters that are no more", l.Diff.Gone},
	} {
		if len(list.changes) == 0 {
			continue
		}
		t.Line("%s: %d", list.title, len(list.changes))
		shown(t, whole.Changes, l.grouped(list.changes), "of these", func(c change) {
			t.Line("  %-8s %s (%s)", c.Severity, c.Title, c.Check)
			t.Paragraph(strings.TrimSuffix(names(c.Places, whole.Names)+". "+c.Note, ". "), "           ")
		})
	}
	for _, list := range []struct {
		title    string
		clusters []posture.Resource
	}{{"Clusters that came", l.Diff.Appeared}, {"Clusters that went", l.Diff.Vanished}} {
		if len(list.clusters) > 0 {
			t.Line("%s: %s", list.title, names(said(list.clusters), whole.Names))
		}
	}
	if q := l.Quiet(); q != "" {
		t.Line("%s", q)
	}
}

func (l *letter) textClusters(t *mail.Text) {
	t.Head("Clusters")
	widths := []int{24, -5, -4, -4, -4, -4, -4, -7, -5, 0}
	t.Row(widths, "", "score", "crit", "high", "med", "low", "?", "CA days", "pol.", " version")
	shown(t, whole.Clusters, l.Clusters, "clusters", func(c clusterRow) {
		if c.Absent {
			t.Row([]int{24, 0}, c.Resource.Cluster, "no record in this run")
			return
		}
		version := c.Version
		if c.Target != "" {
			version += " -> " + c.Target
		}
		cells := []string{c.Resource.Cluster, c.Score.String()}
		for _, s := range severities {
			cells = append(cells, fmt.Sprint(c.Open[s]))
		}
		t.Row(widths, append(cells, fmt.Sprint(c.Unknown), c.CADays, c.Network, " "+version)...)
	})
}

func (l *letter) textFindings(t *mail.Text) {
	if len(l.Findings) == 0 {
		return
	}
	t.Head("Top findings")
	shown(t, whole.Findings, l.Findings, "checks with findings", func(f finding) {
		t.Line("%s: %s", f.Severity, f.Title)
		about := []string{f.ID, plural(len(f.Open), "finding") + " in " + plural(f.Where, "cluster")}
		if b := f.Benchmark(); b != "" {
			about = append(about, b)
		}
		if f.New > 0 {
			about = append(about, fmt.Sprintf("%d new", f.New))
		}
		t.Line("  %s", strings.Join(about, " · "))
		if f.Why != "" {
			t.Paragraph(f.Why, "  ")
		}
		shown(t, whole.Each, f.Open, "of this check", func(c posture.Change) { textChange(t, c) })
		t.Blank()
	})
}

func textChange(t *mail.Text, c posture.Change) {
	t.Line("  * %s (%s, %s), since %s", c.Resource, c.Resource.Project, c.Resource.Location, day(c.First))
	for _, e := range c.Evidence {
		t.Line("      %s = %s", cut(e.Path, whole.Text), cut(e.Value, whole.Text))
	}
	if c.Reason != "" {
		t.Paragraph(cut(c.Reason, whole.Text), "      ")
	}
	if c.Fix == nil {
		return
	}
	for _, line := range c.Fix.Commands {
		t.Line("    $ %s", command(line, whole.Command))
	}
	if c.Fix.Text != "" {
		t.Paragraph(cut(c.Fix.Text, whole.Text), "      ")
	}
	if c.Fix.Disruption != "" {
		t.Line("      Disruption: %s.", c.Fix.Disruption)
	}
}

func (l *letter) textUpgrades(t *mail.Text) {
	t.Head("Upgrades")
	switch {
	case !l.Known("upgrade"):
		t.Line("Unknown: no cluster has a record of its upgrades.")
	case len(l.Upgrades) == 0:
		t.Line("Nothing is to be done about any cluster's version.")
	}
	shown(t, whole.Upgrades, l.Upgrades, "clusters with something to do", func(u upgradeRow) {
		t.Line("* %s: %s, channel %s, auto-upgrade %s", u.Resource, u.Control.Current, u.Channel, u.Control.Auto)
		if u.Do != nil {
			by := ""
			if !u.Do.By.IsZero() {
				by = " by " + day(u.Do.By)
			}
			t.Paragraph(fmt.Sprintf("%s: %s%s: %s %s", u.Do.Severity, u.Do.What, by, u.Do.Why, u.Do.Doing), "  ")
			for _, line := range first(1, u.Do.Commands).([]string) {
				t.Line("  $ %s", command(line, whole.Command))
			}
		}
		for _, p := range u.Control.Paused {
			t.Line("  Paused: %s", p)
		}
		for _, g := range u.Gaps {
			t.Line("  Unknown: %s", gap(g))
		}
	})
	shown(t, whole.Bulletins, l.Bulletins, "bulletins", func(b bulletinRow) {
		t.Paragraph(fmt.Sprintf("%s (%s): %s %s", b.ID, b.Severity, cut(b.Text, whole.Text), names(b.Clusters, whole.Names)))
	})
}

func (l *letter) textRotations(t *mail.Text) {
	t.Head("Credential rotation")
	switch {
	case !l.Known("rotate"):
		t.Line("Unknown: no cluster has a record of its rotation.")
	case len(l.Rotations) == 0:
		t.Line("No rotation is due or under way.")
	}
	shown(t, whole.Rotations, l.Rotations, "rotations", func(r posture.Rotation) {
		t.Line("* %s: %s since %s", r.Resource, r.State, day(r.Since))
		if r.Reason != "" {
			t.Paragraph(cut(r.Reason, whole.Text), "  ")
		}
		for _, b := range first(3, r.Blockers).([]posture.Blocker) {
			t.Paragraph("Blocked: "+cut(b.What, whole.Text)+" "+cut(b.Fix, whole.Text), "  ")
		}
		if len(r.Left) > 0 {
			t.Paragraph("Still with the old credentials: "+names(r.Left, whole.Names), "  ")
		}
		t.Paragraph("Next: "+cut(r.Next, whole.Text), "  ")
		for _, line := range first(1, r.Commands).([]string) {
			t.Line("  $ %s", command(line, whole.Command))
		}
	})
}

func (l *letter) textSensors(t *mail.Text) {
	t.Head("Sensors")
	if l.Sensors == nil {
		t.Line("Unknown: nobody has looked at the sensors.")
		return
	}
	s := l.Sensors
	t.Paragraph(fmt.Sprintf("%d of %s (%d%%) in %s have a sensor that is well, as of %s. %s", s.Well, plural(s.Nodes, "node"), s.Percent(),
		plural(s.Clusters, "cluster"), s.Checked.UTC().Format("2 Jan 2006 15:04 UTC"), s.Missing))
	for _, o := range s.Open {
		t.Line("%5d  %s: %s", o.Count, o.What, names(o.Places, whole.Names))
	}
	for _, u := range first(whole.Unknowns, s.Unknown).([]string) {
		t.Line("    ?  %s", u)
	}
}

func (l *letter) textAlerts(t *mail.Text) {
	t.Head("Runtime alerts since " + day(l.Since))
	if len(l.Alerts) == 0 {
		t.Line("No rule matched.")
	}
	shown(t, whole.Alerts, l.Alerts, "rules and places", func(a alertRow) {
		t.Row([]int{8, -7, 0}, a.Severity.String(), fmt.Sprint(a.Events), cut(a.Rule, whole.Text)+", "+cut(a.Where, whole.Text))
	})
}

func (l *letter) textExceptions(t *mail.Text) {
	if len(l.Exceptions) == 0 {
		return
	}
	t.Head("Exceptions in force")
	shown(t, whole.Exceptions, l.Exceptions, "exceptions", func(x exception) {
		t.Line("* until %s: %s (%s), %s", x.Until, x.Title, x.Check, names(said(x.Resources), whole.Names))
		t.Paragraph(cut(x.Exception.Reason, whole.Text)+" ("+x.Owner+")", "  ")
	})
}

func (l *letter) textCoverage(t *mail.Text) {
	t.Head("Coverage")
	t.Paragraph(l.Verdicts())
	shown(t, whole.Unknowns, l.Unknowns, "reasons", func(u unknown) {
		t.Paragraph(fmt.Sprintf("%s: %s. %s %s", u.Head(), strings.TrimSuffix(cut(u.Why, whole.Text), "."), cut(u.Fix, whole.Text), names(u.Clusters, whole.Names)))
	})
	for _, p := range l.in.Problems {
		t.Paragraph(cut(p, whole.Text))
	}
}
