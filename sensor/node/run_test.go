package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/capture"
)

// openOf is a rule that matches one path's opens alone.
func openOf(path string) string {
	return `rules:
  - name: opened
    condition: evt.type in ["open", "openat"] && fd.name == "` + path + `"
    output: "{proc.cmdline} opened {fd.name}"
    severity: MEDIUM
`
}

func read(t *testing.T, path string) {
	t.Helper()
	if out, err := exec.Command("cat", path).CombinedOutput(); err != nil {
		t.Fatalf("cat %s: %v: %s", path, err, out)
	}
}

func TestRunReportsAnOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	write(t, path, nil)
	write(t, filepath.Join(dir, "rules.yaml"), []byte(openOf(path)))
	w := startSensor(t, func(c *Config) {
		c.Rules = Rules{Paths: []string{filepath.Join(dir, "rules.yaml")}}
		c.Heartbeat = time.Second
		c.Grace = patience
	})
	read(t, path)
	all := w.end() // what was in the ring when it was told to stop is reported
	found := w.of("opened")
	if len(found) != 1 {
		t.Fatalf("%d alerts: %v", len(found), all)
	}
	a := found[0]
	if a.GetProcess().GetCommandLine() != "cat "+path || a.GetAncestors()[0].GetPid() != int32(os.Getpid()) {
		t.Errorf("process %v, ancestors %v", a.GetProcess(), a.GetAncestors())
	}
	if a.GetSeq() != 1 || a.GetSensorId() != "test-node" || a.GetNode().GetName() != "test-node" || a.GetBootId() == "" {
		t.Errorf("seq %d, sensor %q, node %v, boot %q", a.GetSeq(), a.GetSensorId(), a.GetNode(), a.GetBootId())
	}
	for _, a := range all {
		if err := alert.Validate(a); err != nil {
			t.Errorf("%v: %v", a, err)
		}
	}
	last := all[len(all)-1].GetHeartbeat()
	if last == nil || last.GetAlerts() != 1 || last.GetLastSeq() != 1 || last.GetRules() != 1 || len(last.GetEvents()) == 0 || last.GetProcesses() == 0 {
		t.Errorf("the last message is to be a heartbeat that tells of the alert: %v", all[len(all)-1])
	}
}

// TestRunFollowsRules: a changed file is in force without a restart, for kinds that the kernel did not report before
// too; one with an error is not, and the heartbeat says so.
func TestRunFollowsRules(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml")
	write(t, path, nil)
	write(t, file, []byte("rules:\n  - {name: mounted, condition: evt.type == \"mount\", output: mounted, severity: LOW}\n"))
	w := startSensor(t, func(c *Config) {
		c.Rules = Rules{Paths: []string{file}}
		c.Heartbeat = time.Second
	})
	read(t, path)
	write(t, file, []byte(openOf(path)))
	w.until("the new rules", func() bool { return strings.Contains(w.log.String(), "rules reloaded") })
	read(t, path)
	w.until("an alert of the new rule", func() bool { return len(w.of("opened")) > 0 })

	write(t, file, []byte("rules:\n  - {name: bad, condition: evt.tpye == \"mount\", output: x, severity: LOW}\n"))
	w.until("a heartbeat with the error", func() bool {
		all := w.alerts()
		return len(all) > 0 && strings.Contains(all[len(all)-1].GetHeartbeat().GetRulesError(), "evt.tpye")
	})
	read(t, path)
	w.until("the rules before to be in force still", func() bool { return len(w.of("opened")) == 2 })
	w.end()
}

// TestRunOutlivesABlockedOutput: a program that never reads and a disk that is full do not keep alerts from a file.
func TestRunOutlivesABlockedOutput(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml")
	write(t, path, nil)
	write(t, file, []byte(openOf(path)))
	w := startSensor(t, func(c *Config) {
		c.Rules = Rules{Paths: []string{file}}
		c.Outputs = append([]string{"program:exec sleep 1000", "file:/dev/full"}, c.Outputs...)
	})
	for range 300 {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	w.until("every alert in the file", func() bool { return len(w.of("opened")) == 300 })
	var gaps alert.Gaps
	for _, a := range w.of("opened") {
		gaps.Add(a)
	}
	if a := w.of("opened")[0]; gaps.Lost(a.SensorId, a.BootId) != 0 {
		t.Errorf("alerts are missing: %v", gaps.Missing(a.SensorId, a.BootId))
	}
	w.stop()
	if err := <-w.done; err == nil {
		t.Error("the sensor ended as if the blocked outputs had taken everything")
	}
}

// TestReplayKnowsTheAPIServer: a replay compares with the addresses of the recorded node, whatever this machine's are.
func TestReplayKnowsTheAPIServer(t *testing.T) {
	api := server(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "rules.yaml")
	write(t, file, []byte("lists: {k8s_api_servers: {from: k8s_api_servers, default: []}, k8s_api_ports: {from: k8s_api_ports, of: int, default: []}}\nrules:\n"+
		"  - {name: api, condition: 'evt.type == \"connect\" && fd.sip in k8s_api_servers && fd.sport in k8s_api_ports && proc.name == \"busybox\"', output: '{fd.name}', severity: LOW}\n"))
	cfg := DefaultConfig()
	cfg.Outputs, cfg.Heartbeat, cfg.Container.Sockets = nil, 0, nil
	cfg.Rules = Rules{Paths: []string{file}}
	cfg.APIServers = []string{api}
	var recorded bytes.Buffer
	host, port, _ := net.SplitHostPort(api)
	recordWhile(t, cfg, &recorded, func() { exec.Command("/bin/busybox", "nc", "-w", "1", host, port).Run() })

	cfg.APIServers = nil
	t.Setenv("KUBERNETES_SERVICE_HOST", "192.0.2.1")
	if got := replay(t, cfg, recorded.Bytes()); bytes.Count(got, []byte("\n")) != 1 {
		t.Errorf("want one alert, have: %s", got)
	}
}

// TestRecordAndReplay: what is recorded gives the same alerts again, byte for byte, as often as one likes.
func TestRecordAndReplay(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml")
	write(t, path, nil)
	write(t, file, []byte(openOf(path)))
	cfg := DefaultConfig()
	cfg.Place.Node = "test-node"
	cfg.Outputs = nil
	cfg.Heartbeat = 0
	cfg.Rules = Rules{Paths: []string{file}}
	cfg.Container.Sockets = nil
	var recorded bytes.Buffer
	recordWhile(t, cfg, &recorded, func() {
		read(t, path)
		exec.Command("cat", path, "password=hunter2").Run() // there is no such file, and yet it is an argument
	})
	for _, ev := range events(t, recorded.Bytes()) {
		// The shortest text that shows all of it; pointers are followed by the process's own.
		if text := fmt.Sprintf("%+v %+v", *ev, *ev.Process); strings.Contains(text, "hunter2") {
			t.Errorf("the capture holds the password: %s", text)
		}
	}
	first, second := replay(t, cfg, recorded.Bytes()), replay(t, cfg, recorded.Bytes())
	if !bytes.Equal(first, second) {
		t.Errorf("two replays differ:\n%s\n%s", first, second)
	}
	if n := bytes.Count(first, []byte("\n")); n != 2 || bytes.Contains(first, []byte("hunter2")) {
		t.Errorf("%d alerts, want 2, without the password:\n%s", n, first)
	}
}

// events reads a whole capture.
func events(t *testing.T, data []byte) []*event.Event {
	t.Helper()
	r, err := capture.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []*event.Event
	for {
		ev, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ev.Clone())
	}
}

func recordWhile(t *testing.T, cfg Config, capture *bytes.Buffer, act func()) {
	t.Helper()
	// An emulated machine reads what the kernel has sent for longer than a sensor may take to stop.
	cfg.Grace = patience
	var log lockedBuffer
	ctx, stop := contextWithStop(t)
	done := make(chan error, 1)
	go func() {
		_, err := Record(ctx, cfg, capture, slog.New(slog.NewTextHandler(&log, nil)))
		done <- err
	}()
	for deadline := time.Now().Add(patience); !strings.Contains(log.String(), "msg=watching"); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-done:
			needBPF(t, err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the recorder does not begin: %s", log.String())
		}
	}
	act()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func replay(t *testing.T, cfg Config, capture []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := Replay(t.Context(), cfg, bytes.NewReader(capture), func(a *alert.Alert) error {
		line, err := alert.JSON(a)
		out.Write(append(line, '\n'))
		return err
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestStopsSoon: a sensor that is told to stop does so, whatever its outputs do. How soon is measured by scripts/bench;
// here it only must not hang.
func TestStopsSoon(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml")
	write(t, path, nil)
	write(t, file, []byte(openOf(path)))
	w := startSensor(t, func(c *Config) {
		c.Rules = Rules{Paths: []string{file}}
		c.Outputs = append(c.Outputs, "program:trap '' TERM; exec sleep 1000")
	})
	read(t, path)
	w.until("the alert", func() bool { return len(w.of("opened")) > 0 }) // with which the program was started
	w.stop()
	select {
	case err := <-w.done:
		if err == nil || !strings.Contains(err.Error(), "program") {
			t.Errorf("ended with %v, and the program had to be killed", err)
		}
	case <-time.After(patience):
		t.Fatal("the sensor does not stop")
	}
}

// TestToldToStopAtTheStart: who is told to stop before it watches does so without an error, and does not load programs.
func TestToldToStopAtTheStart(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	cfg := DefaultConfig()
	cfg.Container.Sockets, cfg.Outputs = nil, nil
	var log lockedBuffer
	if err := Run(ctx, cfg, nil, slog.New(slog.NewTextHandler(&log, nil))); err != nil || strings.Contains(log.String(), "kernel side") {
		t.Errorf("%v, and it said: %s", err, log.String())
	}
	var recorded bytes.Buffer
	if n, err := Record(ctx, cfg, &recorded, slog.New(slog.DiscardHandler)); n != 0 || err != nil || recorded.Len() > 0 {
		t.Errorf("%d events, %d bytes, %v", n, recorded.Len(), err)
	}
}
