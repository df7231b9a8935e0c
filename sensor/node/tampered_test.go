package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
)

// Root that takes a program out of the sensor's table blinds it until its next heartbeat, which says so as a loss; then it sees again.
func TestTamperedIsMendedAndTold(t *testing.T) {
	dir := t.TempDir()
	rules, file := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "secret")
	write(t, file, nil)
	write(t, rules, []byte("rules:\n  - {name: read, condition: 'evt.is_open_read && fd.path == \""+file+"\"', output: read, severity: LOW}\n"))
	w := startSensor(t, func(c *Config) {
		c.Rules, c.Heartbeat = Rules{Paths: []string{rules}}, time.Second
	})
	seen := func() {
		before := len(w.of("read"))
		w.until("a read to be seen", func() bool {
			if out, err := exec.Command("cat", file).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return len(w.of("read")) > before
		})
	}
	seen()
	handlers := ownMap(t, "handlers")
	if err := handlers.Delete(uint32(event.Openat)); err != nil {
		t.Fatal(err)
	}
	var program uint32
	w.until("the program to be back", func() bool { return handlers.Lookup(uint32(event.Openat), &program) == nil })
	seen()
	w.until("a heartbeat that tells", func() bool {
		for _, a := range w.alerts() {
			for _, d := range a.GetHeartbeat().GetDrops() {
				if a.GetKind() == alert.KindHeartbeat && d.GetReason() == "tampered" && d.GetCount() == 1 {
					return true
				}
			}
		}
		return false
	})
	w.end()
}

// ownMap is the map of that name that this process holds.
func ownMap(t *testing.T, name string) *ebpf.Map {
	t.Helper()
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range infos {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // closed since
		}
		var id uint32
		if _, line, ok := strings.Cut(string(text), "map_id:"); !ok {
			continue
		} else if _, err := fmt.Sscan(line, &id); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		m, err := ebpf.NewMapFromID(ebpf.MapID(id))
		if err != nil {
			t.Fatal(err)
		}
		if info, err := m.Info(); err == nil && info.Name == name {
			t.Cleanup(func() { m.Close() })
			return m
		}
		m.Close()
	}
	t.Fatalf("this process holds no map %q", name)
	return nil
}
