package node

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// TestStopsDuringTheScan: a scan that takes long does not keep the sensor from stopping.
func TestStopsDuringTheScan(t *testing.T) {
	root := t.TempDir()
	hostPIDs, err := os.Readlink("/proc/1/ns/pid")
	if err != nil {
		t.Skipf("the scan needs it: %v", err)
	}
	for _, dir := range []string{"1/ns", "7"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(hostPIDs, filepath.Join(root, "1/ns/pid")); err != nil {
		t.Fatal(err)
	}
	stat := filepath.Join(root, "7/stat")
	if err := unix.Mkfifo(stat, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Outputs, cfg.Container.Sockets, cfg.Process.ProcRoot = nil, nil, root
	ctx, stop := contextWithStop(t)
	var log lockedBuffer
	done, reached := make(chan error, 1), make(chan *os.File, 1)
	go func() { done <- Run(ctx, cfg, nil, slog.New(slog.NewTextHandler(&log, nil))) }()
	go func() {
		f, _ := os.OpenFile(stat, os.O_WRONLY, 0) // waits for the scan to read it
		reached <- f
	}()
	select {
	case f := <-reached:
		defer f.Close()
	case err := <-done:
		needBPF(t, err)
	case <-time.After(patience):
		t.Fatalf("no scan: %s", log.String())
	}
	stop()
	select {
	case err := <-done:
		if err != nil && err != context.Canceled {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("waits for the scan")
	}
	if strings.Contains(log.String(), "msg=watching") {
		t.Error("said that it watches when it had stopped")
	}
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
