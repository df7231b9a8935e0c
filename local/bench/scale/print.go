package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/functions"
)

// quota is how many writes a project may make in a minute.
// https://cloud.google.com/security-command-center/quotas
const quota = 1000

// print shows what came to be.
func (m *measured) print(out io.Writer) error {
	b, c, s := m.beaten, m.checked, m.sum
	var rows [][2]string
	row := func(what, format string, args ...any) {
		rows = append(rows, [2]string{what, fmt.Sprintf(format, args...)})
	}
	row("sensors, clusters", "%d, %d", m.settings.nodes, m.settings.clusters)
	if m.settings.beats > 0 {
		row("heartbeats sent, kept, delivered again", "%d, %d, %d", b.Sent, b.Kept, b.Again)
		row("heartbeats a second, asked and managed", "%.0f, %.0f", float64(m.settings.nodes)/60, float64(b.Kept)/b.For.Seconds())
		row("a heartbeat on the sensors' topic, on the alerts' topic", "%d B, %d B", s.BeatRaw, s.Beat)
		row("objects of heartbeats, the largest", "%d, %d KiB", b.Objects, b.Object>>10)
		row("look at the fleet: nodes, well", "%d, %d", c.Nodes, c.Well)
		row("look at the fleet: time, heap, record", "%.1f s, %d MiB, %d KiB", c.Took.Seconds(), c.Heap>>20, c.Status>>10)
	}
	row("events that rules matched", "%d", s.Events)
	row("alerts published", "%d", s.Alerts)
	row("of these on the sensors' topic, by identity", "%d", s.Raw)
	row("of these given to a subscriber of the alerts' topic, by identity", "%d", s.Enriched)
	row("messages that were doubled, or nobody's", "%d, %d", s.Doubled, s.Unknown)
	row("an alert on the alerts' topic, median, 99 %%", "%d B, %d B", s.SizeP50, s.SizeP99)
	row("alerts a second while they came", "%.0f", float64(s.Alerts)/m.busy.Seconds())
	row("findings", "%d", s.Findings)
	row("writes of findings, refused for the quota", "%d, %d", s.Writes, m.refused)
	row("most writes in a minute, of the quota", "%d of %d", s.MostWrites, quota)
	row("a finding, median", "%d B", s.FindingP50)
	row("events for each write", "%.1f", float64(s.Events)/float64(max(1, s.Writes)))
	for _, severity := range severities {
		row(severity.String()+" findings, and to the first write, 99 % and all", "%d, %v and %v on the story's clock, %.1f s here for 99 %%",
			s.FindingsOf[severity], s.Wait[severity], s.Slowest[severity], s.Took[severity].Seconds())
	}
	row("all findings say what their alerts came to", "after %.0f minutes of the story, %.0f s here", m.storyFor.Minutes(), m.took.Seconds())
	row("resident at most, sensors and stand-ins and functions", "%d MiB", m.peak>>20)
	fmt.Fprintf(out, "| figure | value |\n| --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(out, "| %s | %s |\n", strings.ReplaceAll(r[0], "%%", "%"), r[1])
	}
	return m.printFunctions(out)
}

// printFunctions shows what each function took, and how many instances that is for the fleet.
func (m *measured) printFunctions(out io.Writer) error {
	fmt.Fprintf(out, "\n| function | calls | failed | processor time a call | calls a second of %d quiet nodes | vCPUs for these |\n| --- | --- | --- | --- | --- | --- |\n", m.settings.nodes)
	for _, name := range functionsOf {
		u := m.use(name)
		if _, err := fmt.Fprintf(out, "| %s | %d | %d | %.2f ms | %.2f | %.2f |\n", name, u.count, u.failed, ms(u.cpu), u.rate(m.settings.nodes),
			u.rate(m.settings.nodes)*u.cpu.Seconds()); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	return nil
}

// A use is what a call of a function takes.
type use struct {
	name   string
	count  int64
	failed int64
	cpu    time.Duration
}

// use takes heartbeats for functions that are called for each, and alerts for the others.
func (m *measured) use(name string) use {
	u := use{name: name}
	switch name {
	case functions.RecordHeartbeat:
		u.count, u.failed, u.cpu = m.beaten.Kept, m.beaten.Again, m.beatCPU[name]
	default:
		c := m.calls[name]
		u.count, u.failed, u.cpu = c.count, c.failed, m.storyCPU[name]
	}
	u.cpu /= time.Duration(max(1, u.count))
	return u
}

// rate is how many calls a second so many nodes make on a day on which nothing happens.
func (u use) rate(nodes int) float64 {
	beats, alerts := float64(nodes)/60, float64(nodes)*alertsPerDay/86_400
	switch u.name {
	case functions.EnrichAlert:
		return beats + alerts
	case functions.RouteAlert:
		return alerts
	case functions.RecordHeartbeat:
		return beats
	}
	return 1. / 60
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// claims fails where a figure is not as docs/scale.md has it.
func (m *measured) claims(out io.Writer) error {
	s, b, c := m.sum, m.beaten, m.checked
	var errs []error
	within := func(severity alert.Severity) bool {
		return s.FindingsOf[severity] > 0 && s.Unwritten[severity] == 0 && s.Slowest[severity] <= time.Minute
	}
	for _, claim := range []struct {
		what string
		ok   bool
	}{
		{"every heartbeat is kept", b.Kept == int64(b.Sent) && b.Missed == 0},
		{"every node is well", m.settings.beats == 0 || c.Nodes == m.settings.nodes && c.Well == c.Nodes && c.Broken == 0},
		{"every alert is on the sensors' topic", s.Raw == s.Alerts},
		{"every alert reaches subscribers of the alerts' topic", s.Enriched == s.Alerts && s.Unknown == 0},
		{"no minute has more writes than the quota", s.MostWrites <= quota},
		{"no write is refused for the quota", m.refused == 0},
		{"every event is counted in one finding", s.Wrong == 0},
		{"all critical findings are written within a minute", within(alert.Critical)},
		{"all high ones too", within(alert.High)},
		{"both before the others", max(s.Wait[alert.Critical], s.Wait[alert.High]) <= s.Wait[alert.Medium]},
	} {
		verdict := "holds"
		if !claim.ok {
			verdict = "does not hold"
			errs = append(errs, errors.New(claim.what+": does not hold"))
		}
		fmt.Fprintf(out, "%s: %s\n", claim.what, verdict)
	}
	return errors.Join(errs...)
}
