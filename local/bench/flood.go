package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"tiercel.dev/alert"
)

const (
	floodEvery    = 33 * time.Millisecond // some 1,800 new findings a minute, of 1,000 that the quota allows
	criticalEvery = 50                    // of these one
	criticalLimit = 5 * time.Second
)

// flood publishes alerts for more findings than the quota of writes allows, and prints how long the critical ones take,
// and whether in the end each alert is in a finding.
func flood(s settings, out io.Writer) error {
	ctx := context.Background()
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	critical := make(map[string]time.Time)
	n := 0
	ticker := time.NewTicker(floodEvery)
	for end := time.Now().Add(s.flood); time.Now().Before(end); <-ticker.C {
		severity := alert.Medium
		if n%criticalEvery == 0 {
			severity = alert.Critical
		}
		at := time.Now()
		id, err := b.publish(ctx, uint64(n+1), n, severity)
		if err != nil {
			return err
		}
		if severity == alert.Critical {
			critical[id] = at
		}
		if n++; n%100 == 0 {
			fmt.Fprintf(os.Stderr, "%d alerts, %d findings\r", n, b.sum())
		}
	}
	ticker.Stop()
	atEnd := b.sum()
	// What waits has the quota of the minutes to come.
	for end := time.Now().Add(s.flood + 2*time.Minute); b.sum() < uint64(n); time.Sleep(time.Second) {
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d alerts are in no finding", uint64(n)-b.sum(), n)
		}
		fmt.Fprintf(os.Stderr, "%d alerts, %d findings\r", n, b.sum())
	}
	var took []time.Duration
	for id, published := range critical {
		took = append(took, b.written[id].Sub(published))
	}
	fmt.Fprintf(out, "%v of %d new findings a minute, of which the quota allows 1000: %d alerts, %d written by the end, every one "+
		"later; %d critical, from publish to finding p50 %.0f ms, p99 %.0f ms (limit %v)\n", s.flood, int(time.Minute/floodEvery), n, atEnd,
		len(took), ms(at(took, 0.5)), ms(at(took, 0.99)), criticalLimit)
	if at(took, 0.99) > criticalLimit {
		return fmt.Errorf("p99 of critical is over %v", criticalLimit)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
