// Bench measures what the sensor costs, side by side with nothing attached, in turn, and prints medians with their
// quartiles. scripts/bench builds the sensor and runs it; docs/speed.md has its figures.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

type settings struct {
	sensor         string
	rounds         int
	flood, compile time.Duration
	processes      int
	cpu            int
	rules          []string // in place of the shipped ones
}

func main() {
	var s settings
	flag.StringVar(&s.sensor, "sensor", "", "the sensor's `binary`")
	flag.IntVar(&s.rounds, "rounds", 9, "rounds with and without the sensor, after one that does not count")
	flag.DurationVar(&s.flood, "flood", 30*time.Second, "how long one processor opens files")
	flag.DurationVar(&s.compile, "compile", 30*time.Second, "how long a C project is compiled")
	flag.IntVar(&s.processes, "processes", 10_000, "live processes whose memory is measured")
	flag.IntVar(&s.cpu, "cpu", runtime.NumCPU()-1, "the processor that the measured program is pinned to")
	flag.Func("rules", "rule `file` to measure with in place of the shipped rules; may be repeated", func(path string) error {
		s.rules = append(s.rules, path)
		return nil
	})
	flag.Parse()
	if err := run(s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(s settings, out io.Writer) error {
	var errs []error
	for _, part := range []func(settings, io.Writer) error{callers, idle, live, floods, compiles} {
		errs = append(errs, part(s, out))
	}
	return errors.Join(errs...)
}

// settle is how long a sensor that has just begun is left to itself: its first look-ups and garbage are no call's cost.
const settle = time.Second

// callers prints what each call costs its caller: the median over the rounds of what a round with the sensor took more
// than the one without just before it. The machine drifts by more than that from the first round to the last.
func callers(s settings, out io.Writer) error {
	file, remove, err := tempFile()
	if err != nil {
		return err
	}
	defer remove()
	acts := calls(file)
	without, with := make([][]float64, len(acts)), make([][]float64, len(acts))
	var cpu []float64
	var records uint64
	for round := range s.rounds + 1 {
		fmt.Fprintf(os.Stderr, "round %d of %d\r", round, s.rounds)
		if err := measureAll(acts, s.cpu, without, round > 0); err != nil {
			return err
		}
		sensor, err := start(s)
		if err != nil {
			return err
		}
		time.Sleep(settle)
		before := sensor.cpu()
		err = measureAll(acts, s.cpu, with, round > 0)
		used := sensor.cpu() - before
		last, stopErr := sensor.stop()
		if err != nil || stopErr != nil {
			return fmt.Errorf("round %d: %w", round, errors.Join(err, stopErr))
		}
		if round > 0 {
			cpu = append(cpu, used)
			records = last.events("openat")
		}
	}
	over := false
	fmt.Fprintf(out, "%-12s %10s %10s %10s   %-24s %s\n", "call", "without ns", "with ns", "over ns", "quartiles of over", "limit")
	for i, c := range acts {
		more := quartilesOf(differences(with[i], without[i]))
		base, on := quartilesOf(without[i]), quartilesOf(with[i])
		verdict := "ok"
		if more.median > c.limit {
			verdict, over = "OVER", true
		}
		if base.spread() > 0.1 || on.spread() > 0.1 {
			verdict += " (noisy)"
		}
		fmt.Fprintf(out, "%-12s %10.0f %10.0f %10.0f   %-24s %.0f %s\n", c.name, base.median, on.median, more.median,
			fmt.Sprintf("%.0f to %.0f", more.low, more.high), c.limit, verdict)
	}
	fmt.Fprintf(out, "sensor's CPU over a round's calls: %.0f ms; opens it saw in one: %d\n\n", quartilesOf(cpu).median, records)
	if over {
		return errors.New("a call costs more than its limit")
	}
	return nil
}

func measureAll(acts []call, cpu int, into [][]float64, keep bool) error {
	for i, c := range acts {
		ns, err := c.measure(cpu)
		if err != nil {
			return err
		}
		if keep {
			into[i] = append(into[i], ns)
		}
	}
	return nil
}

// idle prints memory and wake-ups of a sensor on a machine where little happens.
func idle(s settings, out io.Writer) error {
	begun := time.Now()
	sensor, err := start(s)
	if err != nil {
		return err
	}
	up := time.Since(begun)
	time.Sleep(3 * time.Second)
	before := sensor.wakeups()
	const watched = 10 * time.Second
	time.Sleep(watched)
	rss, charged, woken := sensor.status("VmRSS")/1024, sensor.charged()/(1<<20), sensor.wakeups()-before
	_, err = sensor.stop()
	fmt.Fprintf(out, "idle: %.1f MiB resident, %.1f MiB charged to its cgroup with ring and maps; %.1f wake-ups/s with what else this machine did; up after %d ms, stopped within %d ms\n",
		rss, charged, woken/watched.Seconds(), up.Milliseconds(), sensor.stopped.Milliseconds())
	return err
}

// live prints what 10,000 processes add to the sensor's memory.
func live(s settings, out io.Writer) error {
	sensor, err := start(s)
	if err != nil {
		return err
	}
	before := sensor.status("VmRSS")
	var sleepers []*exec.Cmd
	for i := range s.processes {
		c := exec.Command("/bin/sleep", "600", fmt.Sprintf("0.%0180d", i))
		if err = c.Start(); err != nil {
			break
		}
		sleepers = append(sleepers, c)
	}
	time.Sleep(2 * time.Second)
	fmt.Fprintf(out, "%d live processes more: %.1f MiB more\n", len(sleepers), (sensor.status("VmRSS")-before)/1024)
	for _, c := range sleepers {
		c.Process.Kill()
		c.Wait()
	}
	_, stopErr := sensor.stop()
	return errors.Join(err, stopErr)
}

// floods prints the losses while one processor opens files without pause.
func floods(s settings, out io.Writer) error {
	file, remove, err := tempFile()
	if err != nil {
		return err
	}
	defer remove()
	return under(s, out, "opens as fast as one processor can", func() (string, error) {
		n, err := flood(file, s.cpu, s.flood)
		return fmt.Sprintf("%d opens, %.0f/s", n, float64(n)/s.flood.Seconds()), err
	})
}

// compiles prints the losses while a C project is compiled again and again.
func compiles(s settings, out io.Writer) error {
	dir, err := os.MkdirTemp("", "tiercel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	const files = 40
	for i := range files {
		text := fmt.Sprintf("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint f%d(int x) { printf(\"%%d\", x); return x + %d; }\n", i, i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d.c", i)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "main.c"), []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
		return err
	}
	return under(s, out, "a C project compiled and linked in a loop", func() (string, error) {
		n := 0
		for end := time.Now().Add(s.compile); time.Now().Before(end); n++ {
			command := fmt.Sprintf("gcc -c f%d.c", n%files)
			if n%files == files-1 {
				command += " && gcc -o all main.c f*.o"
			}
			cmd := exec.Command("/bin/sh", "-c", command)
			cmd.Dir = dir
			if text, err := cmd.CombinedOutput(); err != nil {
				return "", fmt.Errorf("%s: %w: %s", command, err, text)
			}
		}
		return fmt.Sprintf("%d files", n), nil
	})
}

func under(s settings, out io.Writer, what string, load func() (string, error)) error {
	sensor, err := start(s)
	if err != nil {
		return err
	}
	cpu, wakeups, begun := sensor.cpu(), sensor.wakeups(), time.Now()
	did, err := load()
	took := time.Since(begun)
	cpu, wakeups = sensor.cpu()-cpu, sensor.wakeups()-wakeups
	last, stopErr := sensor.stop()
	if err = errors.Join(err, stopErr); err != nil {
		return err
	}
	seen := last.events("openat") + last.events("exec")
	fmt.Fprintf(out, "%s: %s; %d events seen, %d dropped%s; sensor's CPU %.0f%%, %.2f µs an event, %.0f wake-ups/s\n", what, did, seen, last.drops(), last.reasons(),
		cpu/10/took.Seconds(), cpu*1000/float64(max(seen, 1)), wakeups/took.Seconds())
	return nil
}
