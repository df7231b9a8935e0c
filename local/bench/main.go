// Pipeline measures the way from an alert to a finding on one machine: the functions and clients of Google Cloud between
// stand-ins for its services. scripts/bench-pipeline builds what it needs and runs it; docs/speed.md has its figures.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

type settings struct {
	tiercel  string
	distinct int
	within   time.Duration
	after    time.Duration
	flood    time.Duration
	many     int
}

func main() {
	var s settings
	flag.StringVar(&s.tiercel, "tiercel", "", "the `binary` of tiercel, for the part that needs the kernel")
	flag.IntVar(&s.distinct, "distinct", 900, "files that are read, each a finding of its own; 0 leaves the part out")
	flag.DurationVar(&s.within, "within", 9*time.Second, "time in which they are read")
	flag.DurationVar(&s.after, "after", 6*time.Second, "how long the run has lasted then: functions make their clients at their first requests")
	flag.DurationVar(&s.flood, "flood", 10*time.Minute, "how long alerts come for twice as many findings as the quota allows; 0 leaves the part out")
	flag.IntVar(&s.many, "many", 100_000, "alerts that are published as fast as may be; 0 leaves the part out")
	flag.Parse()
	if err := run(s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

func run(s settings, out io.Writer) error {
	var errs []error
	if s.distinct > 0 {
		errs = append(errs, distinct(s, out))
	}
	if s.many > 0 {
		errs = append(errs, many(s, out))
	}
	if s.flood > 0 {
		errs = append(errs, flood(s, out))
	}
	return errors.Join(errs...)
}

// at is the value below which a share of xs is; xs is sorted in place.
func at[T cmp.Ordered](xs []T, share float64) T {
	slices.Sort(xs)
	return xs[int(share*float64(len(xs)-1))]
}
