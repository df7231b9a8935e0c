package node

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tiercel.dev/alert"
)

// beside keeps what an output beside the others is given.
type beside struct {
	mu     sync.Mutex
	alerts []*alert.Alert
}

func (b *beside) Write(_ context.Context, a *alert.Alert) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alerts = append(b.alerts, a)
	return nil
}

func (b *beside) Close(context.Context) error { return nil }

// The time to watch begins when watching does, once: other rules do not prolong it.
func TestStopAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, watching, cancel := StopAfter(t.Context(), time.Second)
		defer cancel()
		time.Sleep(time.Minute)
		if ctx.Err() != nil {
			t.Fatal("stopped before it watched")
		}
		watching(Watching{})
		time.Sleep(900 * time.Millisecond)
		watching(Watching{})
		if ctx.Err() != nil {
			t.Error("stopped early")
		}
		time.Sleep(200 * time.Millisecond)
		if ctx.Err() == nil {
			t.Error("did not stop")
		}
		forever, watching, end := StopAfter(t.Context(), 0)
		watching(Watching{})
		time.Sleep(time.Hour)
		if forever.Err() != nil {
			t.Error("stopped without being asked to")
		}
		end()
	})
}

// Whoever runs a sensor in a process of its own is told what it watches, by which rules, and gets what it finds.
func TestLiveWatching(t *testing.T) {
	dir := t.TempDir()
	rules, file := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "secret")
	write(t, file, nil)
	text := func(name string) []byte {
		return []byte("rules:\n  - {name: " + name + ", condition: 'evt.is_open_read && fd.path == \"" + file + "\"', output: read, severity: LOW}\n")
	}
	write(t, rules, text("before"))
	out := &beside{}
	told := make(chan Watching, 10)
	w := startSensor(t, func(c *Config) {
		c.Rules = Rules{Paths: []string{rules}}
		c.Beside, c.Watching = out, func(w Watching) { told <- w }
	})
	first := <-told
	if first.Rules.Rule("before") == nil || first.Kinds == 0 || first.Programs <= first.Kinds/4 || first.Node.GetName() != "test-node" || first.Health().GetRules() != 1 {
		t.Errorf("%+v", first)
	}
	if out, err := exec.Command("cat", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.until("the alert", func() bool { return len(w.of("before")) == 1 })
	if err := os.Rename(rules, rules+".old"); err != nil {
		t.Fatal(err)
	}
	write(t, rules, text("after"))
	w.until("the other rules", func() bool { return len(told) > 0 })
	if second := <-told; second.Rules.Rule("after") == nil || second.Rules.Hash() == first.Rules.Hash() {
		t.Errorf("%+v", second)
	}
	w.end()
	out.mu.Lock()
	defer out.mu.Unlock()
	kinds := map[alert.Kind]int{}
	for _, a := range out.alerts {
		kinds[a.GetKind()]++
	}
	if kinds[alert.KindAlert] != len(w.of("before"))+len(w.of("after")) || kinds[alert.KindHeartbeat] < 2 {
		t.Errorf("given %v", kinds)
	}
}
