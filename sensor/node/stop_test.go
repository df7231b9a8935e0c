package node

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestStopsWithAFullRing: what there is no time for is counted.
func TestStopsWithAFullRing(t *testing.T) {
	const opens = 200
	dir := t.TempDir()
	path, file, alerts := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "alerts")
	write(t, path, nil)
	write(t, file, []byte(openOf(path)))
	cfg := DefaultConfig()
	cfg.Outputs, cfg.Heartbeat, cfg.Container.Sockets = []string{"file:" + alerts}, 0, nil
	cfg.Rules = Rules{Paths: []string{file}}
	ctx, stop := contextWithStop(t)
	n, err := open(ctx, cfg, tap{}, slog.New(slog.DiscardHandler))
	if err != nil {
		needBPF(t, err)
	}
	for range opens {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	before := time.Now().Add(-cfg.Grace)
	n.stopped.Store(&before)
	stop()
	if err := n.run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if raised, err := os.ReadFile(alerts); err == nil && len(raised) > 0 {
		t.Errorf("went on to raise alerts: %.200s", raised)
	}
	for _, d := range n.sensorDrops(0, 0, 0) {
		if d.GetReason() == "stopped" && d.GetCount() >= opens {
			return
		}
	}
	t.Errorf("%d opens are not counted: %v", opens, n.sensorDrops(0, 0, 0))
}

// TestStopsWhileItBegins: nobody waits for what takes long at the start.
func TestStopsWhileItBegins(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Outputs, cfg.Container.Sockets = nil, nil
	ctx, stop := contextWithStop(t)
	done := make(chan error, 1)
	go func() {
		_, err := begin(ctx, cfg, tap{lists: func([]string, []int64) { stop(); select {} }}, slog.New(slog.DiscardHandler))
		done <- err
	}()
	select {
	case err := <-done:
		if err != context.Canceled {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("waits for the start")
	}
}
