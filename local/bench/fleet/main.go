// Fleet runs the hardening of a large fleet on one machine: the dispatcher and workers of Google Cloud between stand-ins for its
// services, and prints what it cost. scripts/fleet runs it; docs/fleet.md has its figures.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"
)

type settings struct {
	clusters, projects, instances, abreast int
}

func main() {
	var s settings
	flag.IntVar(&s.clusters, "clusters", 2000, "clusters of the fleet")
	flag.IntVar(&s.projects, "projects", 50, "projects that they are in")
	flag.IntVar(&s.instances, "instances", 10, "instances of the worker, each with clients and caches of its own")
	flag.IntVar(&s.abreast, "abreast", 4, "jobs that an instance does at once")
	flag.Parse()
	log.SetOutput(io.Discard) // what net/http says of connections that ended
	if err := run(context.Background(), s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// run has a first run, one in which nothing has changed, and one after a tenth of the clusters were mended in one thing.
func run(ctx context.Context, s settings, out io.Writer) error {
	w, err := newWorld(ctx, s)
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Fprintf(out, "%d clusters in %d projects, %d instances with %d jobs at once\n\n", s.clusters, s.projects, s.instances, s.abreast)
	fmt.Fprintln(out, "| run | dispatch | jobs | a job, median / 99 % | heap | findings written | minutes of the quota | failed deliveries |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	var first, steady counts
	for _, r := range []struct {
		name string
		keep *counts
		do   func() error
	}{{"first", &first, nil}, {"nothing changed", &steady, nil}, {"a tenth mended", nil, w.mend}} {
		if r.do != nil {
			if err := r.do(); err != nil {
				return err
			}
		}
		cost, err := w.round(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if r.keep != nil {
			*r.keep = w.counts.take()
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s / %s | %d MiB | %d | %d | %d |\n", r.name, cost.dispatch.Round(10*time.Millisecond), cost.jobs.Round(10*time.Millisecond),
			cost.median.Round(time.Millisecond), cost.late.Round(time.Millisecond), cost.heap>>20, cost.writes, cost.minutes, cost.failed)
	}
	fmt.Fprintln(out)
	return calls(out, s.clusters, first, steady)
}
