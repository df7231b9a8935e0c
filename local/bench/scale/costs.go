package main

import (
	"fmt"
	"io"
	"math"

	"tiercel.dev/functions"
)

// What the model takes for granted. A month has 30 days.
const (
	alertsPerDay = 2 // of a node on which nothing happens
	month        = 30 * 86_400.
	overhead     = 36   // bytes that Pub/Sub counts of a message besides data and attributes: its time and id
	requestLog   = 1000 // bytes that Cloud Run logs of a request
	keepDays     = 400  // of the archive
	enrichTakes  = 0.1  // s, the least that Cloud Run counts
	holds        = 2.7  // s that a heartbeat is held on average: half of five, and the write
	used         = 0.6  // of an instance, before Cloud Run starts another
	heartbeats   = 250  // that an instance takes at once, as infra/ has it
	gib          = 1 << 30
	tib          = 1 << 40
)

// sizes are the fleets that the model is for.
var sizes = []int{10, 1000, 15_000}

// costs prints what fleets cost in a month, of a run's figures and prices.
func (m *measured) costs(out io.Writer, p prices) error {
	fmt.Fprint(out, "| USD a month |")
	for _, n := range sizes {
		fmt.Fprintf(out, " %d nodes |", n)
	}
	fmt.Fprint(out, "\n| --- |"+" --- | --- | --- |\n")
	all := make([][]line, len(sizes))
	for i, n := range sizes {
		all[i] = m.lines(n, p)
	}
	sum, without := make([]float64, len(sizes)), make([]float64, len(sizes))
	for j := range all[0] {
		fmt.Fprintf(out, "| %s |", all[0][j].what)
		for i := range sizes {
			l := all[i][j]
			fmt.Fprintf(out, " %s |", dollars(l.usd))
			sum[i] += l.usd
			if !l.avoidable {
				without[i] += l.usd
			}
		}
		fmt.Fprintln(out)
	}
	for _, total := range []struct {
		what string
		of   []float64
	}{{"all", sum}, {"without request logs and without heartbeats in the archive", without}} {
		fmt.Fprintf(out, "| **%s** |", total.what)
		for _, usd := range total.of {
			fmt.Fprintf(out, " **%s** |", dollars(usd))
		}
		fmt.Fprintln(out)
	}
	_, err := fmt.Fprintln(out)
	return err
}

func dollars(usd float64) string {
	if usd < 10 {
		return fmt.Sprintf("%.2f", usd)
	}
	return fmt.Sprintf("%.0f", usd)
}

type line struct {
	what      string
	usd       float64
	avoidable bool
}

// lines are what a fleet of n nodes costs in a month on which nothing happens.
func (m *measured) lines(n int, p prices) []line {
	beats, alerts := float64(n)*month/60, float64(n)*alertsPerDay*30
	s := m.sum
	raw := beats*float64(s.BeatRaw+overhead) + alerts*float64(s.SizeP50+overhead)
	beat, alert := beats*float64(s.Beat+overhead), alerts*float64(s.SizeP50+overhead)
	seconds := func(calls, takes, instances float64) float64 { return min(calls*takes, month*instances) }
	enriching := seconds(beats+alerts, enrichTakes, math.Ceil((beats+alerts)/month*m.use(functions.EnrichAlert).cpu.Seconds()/used))
	keepers := math.Ceil(beats / month * holds / (used * heartbeats))
	keeping := seconds(beats, holds, keepers)
	routing := alerts * enrichTakes
	scheduled := month / 60 * (m.checked.Took.Seconds()*float64(n)/float64(max(1, m.checked.Nodes)) + 2*enrichTakes)
	requests := 2*beats + 2*alerts + 2*month/60
	perAlert := func(class string) float64 {
		return float64(m.calls["storage "+class].count) / float64(max(1, s.Alerts))
	}
	// Each instance that keeps heartbeats writes each object once in five seconds at most, and never more often than they come.
	beatWrites := min(beats, keepers*float64(max(1, m.beaten.Objects))*month/5)
	lists := month / 60 * math.Ceil(2*float64(n)/1000)
	writes, reads := beatWrites+alerts*perAlert("A")+lists+2*month/60, beatWrites+alerts*perAlert("B")+6*month/60
	archived := func(bytes float64) float64 {
		return bytes/tib*p["pubsub_bigquery_tib"] + bytes*keepDays/30/gib*p["bigquery_gib_month"]
	}
	return []line{
		{"Pub/Sub: published and delivered", (2*raw + 2*(beat+alert)) / tib * p["pubsub_tib"], false},
		{"functions: vCPU", (enriching + keeping + routing + scheduled) * p["run_vcpu_second"], false},
		{"functions: memory", (enriching/2 + keeping + routing/2 + scheduled) * p["run_gib_second"], false},
		{"functions: requests", requests / 1e6 * p["run_million_requests"], false},
		{"Cloud Storage: writes and lists", writes / 1000 * p["storage_thousand_a"], false},
		{"Cloud Storage: reads", reads / 1000 * p["storage_thousand_b"], false},
		{"archive: alerts, kept for 400 days", archived(alert), false},
		{"archive: heartbeats, kept for 400 days", archived(beat), true},
		{"Cloud Logging: requests of functions", requests * requestLog / gib * p["logging_gib"], true},
	}
}
