package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
)

// A group is a container's cgroup, of either version.
type group struct{ cpu, memory string }

// group is that of a process.
func groupOf(t *testing.T, pid int) group {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	var g group
	for line := range strings.Lines(strings.TrimSpace(string(text))) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, controller := range strings.Split(f[1], ",") {
			switch controller {
			case "cpuacct":
				g.cpu = "/sys/fs/cgroup/cpuacct" + f[2]
			case "memory":
				g.memory = "/sys/fs/cgroup/memory" + f[2]
			}
		}
		if f[0] == "0" && g.memory == "" && g.cpu == "" {
			g.cpu, g.memory = "/sys/fs/cgroup"+f[2], "/sys/fs/cgroup"+f[2]
		}
	}
	return g
}

// cpuTime is what it has used.
func (g group) cpuTime(t *testing.T) time.Duration {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(g.cpu, "cpuacct.usage")); err == nil {
		return time.Duration(number(t, string(text)))
	}
	return time.Duration(keyed(t, filepath.Join(g.cpu, "cpu.stat"), "usage_usec")) * time.Microsecond
}

// working is the memory that the kubelet holds against the limit: all but what of files could be let go at once. Bytes.
func (g group) working(t *testing.T) int64 {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(g.memory, "memory.usage_in_bytes")); err == nil {
		return number(t, string(text)) - keyed(t, filepath.Join(g.memory, "memory.stat"), "total_inactive_file")
	}
	text, err := os.ReadFile(filepath.Join(g.memory, "memory.current"))
	if err != nil {
		t.Fatal(err)
	}
	return number(t, string(text)) - keyed(t, filepath.Join(g.memory, "memory.stat"), "inactive_file")
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// keyed is a number of a file of lines NAME NUMBER.
func keyed(t *testing.T, path, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return number(t, value)
		}
	}
	t.Fatalf("%s: no %s", path, name)
	return 0
}

// loads are what machines do at their busiest: a compiler begins processes and opens files, and a loop opens one as fast as it can.
var loads = []struct {
	name string
	do   func(ctx context.Context, w *world)
}{
	{"at rest", func(ctx context.Context, _ *world) { <-ctx.Done() }},
	{"compiling", func(ctx context.Context, w *world) {
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, "go", "build", "-a", "encoding/json", "net/url", "text/template")
			cmd.Dir = w.project
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
			_ = cmd.Run() // it is interrupted in the end
		}
	}},
	{"opening files", func(ctx context.Context, _ *world) {
		for ctx.Err() == nil {
			for range 1000 {
				if f, err := os.Open("/etc/hostname"); err == nil {
					f.Close()
				}
			}
		}
	}},
}

// loadFor is long enough for the garbage collector to come round.
const loadFor = 45 * time.Second

func measure(t *testing.T, w *world) {
	p := w.sensor(t)
	g := groupOf(t, w.process(p))
	limits := p.Spec.Containers[0].Resources
	result("%-14s %8s %12s %12s   lost meanwhile", "", "CPU", "memory, end", "most")
	for _, load := range loads {
		ctx, cancel := context.WithTimeout(t.Context(), loadFor)
		done := make(chan struct{})
		go func() {
			defer close(done)
			load.do(ctx, w)
		}()
		before, from, lost := g.cpuTime(t), time.Now(), w.losses(p)
		most := int64(0)
		for ctx.Err() == nil {
			most = max(most, g.working(t))
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
		used, took := g.cpuTime(t)-before, time.Since(from)
		cancel()
		<-done
		result("%-14s %6.0f m %8.0f MiB %8.0f MiB   %s", load.name, 1000*used.Seconds()/took.Seconds(), mib(g.working(t)), mib(most), since(w.losses(p), lost))
		if limit := limits.Limits[core.ResourceMemory]; most > limit.Value() {
			t.Errorf("%s: %d bytes are over the limit of %s", load.name, most, limit.String())
		}
	}
	result("the manifest requests %s CPU and %s, and allows %s", limits.Requests.Cpu(), limits.Requests.Memory(), limits.Limits.Memory())
	if now := w.sensor(t); now.UID != p.UID || now.Restarts() != p.Restarts() {
		t.Errorf("the sensor did not outlive the load: %s, then %s", p, now)
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// losses are the events that a sensor says it lost, or knows in part, by reason.
func (w *world) losses(p pod) map[string]int64 {
	all := make(map[string]int64)
	for line := range strings.Lines(w.metrics(p)) {
		_, rest, ok := strings.Cut(line, "tiercel_sensor_drops_total{")
		if _, reason, named := strings.Cut(rest, `reason="`); ok && named {
			reason, _, _ = strings.Cut(reason, `"`)
			f := strings.Fields(line)
			if n, err := strconv.ParseFloat(f[len(f)-1], 64); err == nil {
				all[reason] += int64(n)
			}
		}
	}
	return all
}

// since says by how much counts grew.
func since(now, before map[string]int64) string {
	var grown []string
	for reason, n := range now {
		if n > before[reason] {
			grown = append(grown, fmt.Sprintf("%s %d", reason, n-before[reason]))
		}
	}
	slices.Sort(grown)
	return cmp.Or(strings.Join(grown, ", "), "nothing")
}
