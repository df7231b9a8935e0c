package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
)

// A metronome has the attacked pod do the same ten times a second, each time with another number: those that nobody saw are a gap.
type metronome struct {
	w    *world
	name string
	stop func()
	last chan int
}

func (w *world) metronome(t *testing.T, name string) *metronome {
	t.Helper()
	file := "/tmp/stop-" + name
	m := &metronome{w: w, name: name, last: make(chan int, 1)}
	go func() {
		out, _ := w.try(context.Background(), "", "-n", shop, "exec", "deployment/web", "--", "/bin/sh", "-c",
			"i=0; while [ ! -e "+file+" ]; do i=$((i+1)); /bin/true tick-"+name+"-$i; sleep 0.1; done; echo $i")
		n, _ := strconv.Atoi(strings.TrimSpace(out)) // 0, which is no gap's measure, fails below
		m.last <- n
	}()
	m.stop = func() { w.exec(t, ": >"+file) }
	m.seen(t, 1)
	return m
}

// alerts are those it has caused so far, by number.
func (m *metronome) alerts() map[int]*alert.Alert {
	all := make(map[int]*alert.Alert)
	mark := " tick-" + m.name + "-"
	for _, a := range m.w.heard.alerts("shop_tick", func(a *alert.Alert) bool { return strings.Contains(a.GetOutput(), mark) }) {
		if n, err := strconv.Atoi(a.GetOutput()[strings.Index(a.GetOutput(), mark)+len(mark):]); err == nil {
			all[n] = a
		}
	}
	return all
}

// seen waits for a number of alerts more.
func (m *metronome) seen(t *testing.T, more int) {
	t.Helper()
	want := len(m.alerts()) + more
	eventually(t, "the metronome is heard", func() error {
		if got := len(m.alerts()); got < want {
			return fmt.Errorf("%d of %d", got, want)
		}
		return nil
	})
}

// A hole is what of it was not seen.
type hole struct {
	made, unseen int
	took         time.Duration // from the last that was seen before to the first after
}

func (h hole) String() string {
	return fmt.Sprintf("%.1f s without a sensor, %d of %d acts unseen", h.took.Seconds(), h.unseen, h.made)
}

// end stops it, and finds the one hole that there may be.
func (m *metronome) end(t *testing.T) hole {
	t.Helper()
	m.seen(t, 20)
	m.stop()
	h := hole{made: <-m.last}
	if h.made == 0 {
		t.Fatal("the metronome did not say how often it struck")
	}
	eventually(t, "the last is heard", func() error {
		if m.alerts()[h.made] == nil {
			return fmt.Errorf("number %d is not there", h.made)
		}
		return nil
	})
	all, holes, before := m.alerts(), 0, 0
	for n := 1; n <= h.made; n++ {
		if all[n] == nil {
			h.unseen++
			continue
		}
		if before > 0 && n > before+1 {
			holes++
			h.took = max(h.took, at(t, all[n]).Sub(at(t, all[before])))
		}
		before = n
	}
	if holes > 1 {
		t.Errorf("%d holes where one restart was: %v", holes, h)
	}
	return h
}

func at(t *testing.T, a *alert.Alert) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, a.GetTime())
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// unlost holds the sensor's own count against what came: every alert that it numbered is there, or counted as lost.
func (w *world) unlost(t *testing.T) string {
	t.Helper()
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	var gaps alert.Gaps
	var last *alert.Alert
	for _, a := range w.heard.all {
		if a.GetSeq() == 0 {
			continue // the fleet's watch does not number its own
		}
		if last == nil { // the node's count may be older than this cluster
			gaps.From(a.GetSensorId(), a.GetBootId(), a.GetSeq())
		}
		gaps.Add(a)
		last = a
	}
	if missing := gaps.Missing(last.GetSensorId(), last.GetBootId()); len(missing) > 0 {
		return fmt.Sprintf("alerts %v", missing)
	}
	return ""
}

// update replaces the sensor by another version, and by one that is found not to be well.
func update(t *testing.T, w *world) {
	if err := os.WriteFile(filepath.Join(w.overlay(), "rules.yaml"), []byte(ticks), 0o644); err != nil {
		t.Fatal(err)
	}
	w.setRules(t, ticks)
	eventually(t, "the user's rule is in force", w.tick(t, "ready"))
	m := w.metronome(t, "update")
	out, err := w.rollout(t, w.images[1], versions[1], many)
	if err != nil {
		t.Fatalf("scripts/rollout: %v\n%s", err, out)
	}
	h := m.end(t)
	result("another version rolled out: %v", h)
	eventually(t, "nothing that the sensors numbered is missing", func() error {
		if lost := w.unlost(t); lost != "" {
			return fmt.Errorf("%s", lost)
		}
		return nil
	})
	result("alerts are numbered on, and none is missing; of what the new one saw was lost: %s", since(w.losses(w.sensor(t)), nil))

	out, err = w.rollout(t, w.images[0], "v0.0.3", 3)
	if err == nil || !strings.Contains(out, "not v0.0.3") || !strings.Contains(out, "has the image and the rules again that it had") {
		t.Fatalf("a version that is not well stays: %v\n%s", err, out)
	}
	if got := w.kubectl(t, "-n", sensors, "get", "daemonset", "tiercel-sensor", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); got != w.images[1] {
		t.Errorf("the DaemonSet has %s, want %s", got, w.images[1])
	}
	result("one of which tiercel doctor says that it is not well was rolled back to %s", w.images[1])
	eventually(t, "the user's rule is in force", w.tick(t, "back"))
}
