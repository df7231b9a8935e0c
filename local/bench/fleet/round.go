package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"tiercel.dev/functions"
	"tiercel.dev/functions/dispatch"
	"tiercel.dev/functions/harden"
	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/schedule"
)

// A cost is what one run took.
type cost struct {
	dispatch, jobs, median, late time.Duration
	heap                         uint64 // the most that was seen, of all instances and stand-ins together
	writes, minutes              int
	failed                       int // deliveries that went wrong for another reason than a quota, and were made again
}

// round has one run, a day after the last: a dispatcher that is new, and workers that are, as after a night without work.
func (w *world) round(ctx context.Context) (c cost, err error) {
	w.clock.Advance(24 * time.Hour)
	began := time.Now()
	jobs, err := w.begin(ctx, &c)
	if err != nil {
		return c, err
	}
	c.dispatch = time.Since(began)
	workers, stop, err := w.workers(ctx)
	if err != nil {
		return c, err
	}
	defer stop()
	began = time.Now()
	first := w.clock.Now()
	var took []time.Duration
	for due := len(jobs); len(jobs) > 0; {
		waiting, err := w.work(ctx, workers, jobs[:due], w.clock.Now().Equal(first), &took, &c)
		if err != nil {
			return c, err
		}
		// They come again by themselves, each after ten minutes at most; some of the quota comes back every ten seconds.
		if jobs = append(jobs[due:], waiting...); len(jobs) > 0 {
			due = max(1, min(len(jobs), w.settings.clusters/60))
			w.clock.Advance(10 * time.Second)
		}
	}
	c.minutes = int(w.clock.Now().Sub(first) / time.Minute)
	c.jobs = time.Since(began)
	slices.Sort(took)
	c.median, c.late = took[len(took)/2], took[len(took)*99/100]
	w.counts.mu.Lock()
	c.writes = w.counts.calls["Security Command Center | UpdateFinding"]
	w.counts.mu.Unlock()
	return c, nil
}

// begin lists the fleet and takes the jobs.
func (w *world) begin(ctx context.Context, c *cost) ([]push.Message, error) {
	r, err := functions.NewReading(ctx, w.reach)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var mu sync.Mutex
	var jobs []push.Message
	d := dispatch.New(dispatch.Config{
		Store: w.bucket, Inventory: r.Inventory([]string{folder}), Open: map[schedule.Work]string{schedule.Harden: harden.OpenRoot},
		Checks: harden.NewRules(w.bucket).Checks, Now: w.clock.Now, Log: quiet,
		Publish: func(_ context.Context, data []byte, attributes map[string]string) error {
			mu.Lock()
			defer mu.Unlock()
			w.counts.count("Pub/Sub", "Publish")
			jobs = append(jobs, push.Message{ID: fmt.Sprint(len(jobs)), Data: data, Attributes: attributes})
			return nil
		},
	})
	err = d.Begin(ctx, schedule.RunAt(w.clock.Now()), []schedule.Work{schedule.Harden})
	if err == nil && len(jobs) != w.settings.clusters {
		err = fmt.Errorf("%d jobs for %d clusters", len(jobs), w.settings.clusters)
	}
	return jobs, err
}

// workers are the instances.
func (w *world) workers(ctx context.Context) (all []*harden.Worker, stop func(), err error) {
	var readings []*functions.Reading
	stop = func() {
		for _, r := range readings {
			_ = r.Close()
		}
	}
	for range w.settings.instances {
		r, err := functions.NewReading(ctx, w.reach)
		if err != nil {
			return nil, nil, errors.Join(err, errors.New("worker"))
		}
		readings = append(readings, r)
		all = append(all, harden.New(harden.Config{
			Store: w.bucket, Read: r.Read, Judge: harden.NewRules(w.bucket), Findings: w.findings, Now: w.clock.Now, Log: quiet,
			Budget: budget.New(budget.Config{Store: w.bucket, MaxInstances: w.settings.instances, Log: quiet}),
		}))
	}
	return all, stop, nil
}

// work has all jobs done once, and returns those that are to be delivered again.
func (w *world) work(ctx context.Context, workers []*harden.Worker, jobs []push.Message, first bool, took *[]time.Duration, c *cost) (waiting []push.Message, err error) {
	queue := make(chan push.Message)
	var all sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for _, worker := range workers {
		for range w.settings.abreast {
			all.Go(func() {
				for m := range queue {
					began := time.Now()
					failed := worker.Handle(ctx, m)
					mu.Lock()
					if first {
						*took = append(*took, time.Since(began))
					}
					switch {
					case errors.Is(failed, fault.ErrPoison):
						err = errors.Join(err, failed)
					case failed != nil:
						if waiting = append(waiting, m); !errors.Is(failed, fault.ErrQuota) {
							c.failed++
						}
					}
					if n++; n%50 == 0 {
						c.measure()
					}
					mu.Unlock()
				}
			})
		}
	}
	for _, m := range jobs {
		queue <- m
	}
	close(queue)
	all.Wait()
	return waiting, err
}

func (c *cost) measure() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.heap = max(c.heap, m.HeapInuse)
}
