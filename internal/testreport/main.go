// Testreport reads `go test -json` and prints what a person wants of it: the packages, each failure with what it
// printed, each skip with its reason, and the totals. It exits with 1 if anything failed or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

type line struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type tally struct {
	passed, failed int
	output         map[string][]string
	skips          []skip
}

// A skip is of a test that did not run, in any pass.
type skip struct{ test, why string }

func main() {
	if err := report(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

func report(in io.Reader, out io.Writer) error {
	t := tally{output: make(map[string][]string)}
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			fmt.Fprintln(out, scan.Text()) // go itself speaks plain text when a build fails
			continue
		}
		t.add(l, out)
	}
	if err := scan.Err(); err != nil {
		return err
	}
	return t.finish(out)
}

func (t *tally) add(l line, out io.Writer) {
	name := strings.TrimPrefix(l.Package, "tiercel.dev/") + " " + l.Test
	switch l.Action {
	case "build-output":
		fmt.Fprint(out, l.Output)
	case "output":
		t.output[name] = append(t.output[name], l.Output)
		return
	case "pass":
		if l.Test != "" {
			t.passed++
			t.ran(name)
		} else {
			fmt.Fprintf(out, "ok    %s(%.1fs)\n", name, l.Elapsed)
		}
	case "skip":
		if l.Test != "" {
			t.skips = append(t.skips, skip{name, reason(t.output[name])})
		}
	case "fail":
		if l.Test != "" {
			t.failed++
		} else if t.failed == 0 {
			t.failed++ // the package failed outside its tests: a build, a panic, a timeout
		}
		fmt.Fprintf(out, "FAIL  %s(%.1fs)\n", name, l.Elapsed)
		t.show(name, l.Test == "", out)
	default:
		return
	}
	delete(t.output, name)
}

// ran forgets that another pass skipped the test, as the one with the race detector does.
func (t *tally) ran(test string) {
	t.skips = slices.DeleteFunc(t.skips, func(s skip) bool { return s.test == test })
}

// show prints what a test said, or a package with all of its tests that did not end: a panic's or a timeout's stacks stand in
// the output of the test that ran then.
func (t *tally) show(name string, whole bool, out io.Writer) {
	for _, of := range slices.Sorted(maps.Keys(t.output)) {
		if of == name || whole && strings.HasPrefix(of, name) {
			fmt.Fprint(out, strings.Join(t.output[of], ""))
			delete(t.output, of)
		}
	}
}

// reason is what the test said when it skipped itself.
func reason(output []string) string {
	var said []string
	for _, o := range output {
		o = strings.TrimSpace(o)
		if o != "" && !strings.HasPrefix(o, "=== ") && !strings.HasPrefix(o, "--- ") {
			said = append(said, o)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

func (t *tally) finish(out io.Writer) error {
	if len(t.skips) > 0 {
		fmt.Fprintf(out, "\nskipped, %d:\n", len(t.skips))
		for _, s := range t.skips {
			fmt.Fprintf(out, "  %s: %s\n", s.test, s.why)
		}
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", t.passed, t.failed, len(t.skips))
	switch {
	case t.failed > 0:
		return fmt.Errorf("%d failed", t.failed)
	case t.passed == 0:
		return fmt.Errorf("no test ran")
	}
	return nil
}
