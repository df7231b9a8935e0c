package node

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tiercel.dev/alert"
)

// patience is how long a test waits for what is to come: an emulated machine takes 18 s to load rules and programs, and
// no test asks how fast that is.
const patience = 2 * time.Minute

// A watch is a sensor running in this process, with what it wrote.
type watch struct {
	t    *testing.T
	file string
	log  lockedBuffer
	done chan error
	stop context.CancelFunc
}

// startSensor watches this machine with the shipped rules until the test ends.
func startSensor(t *testing.T, change func(*Config)) *watch {
	t.Helper()
	w := &watch{t: t, file: filepath.Join(t.TempDir(), "alerts.json"), done: make(chan error, 1)}
	cfg := DefaultConfig()
	cfg.Place.Node = "test-node"
	cfg.Outputs = []string{"file:" + w.file + "?format=json&heartbeats=true"}
	cfg.Container.Sockets = nil
	change(&cfg)
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	go func() { w.done <- Run(ctx, cfg, nil, log) }()
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("the sensor said:\n%s", w.log.String())
		}
	})
	w.until("the sensor to watch", func() bool {
		select {
		case err := <-w.done:
			needBPF(t, err)
			return false
		default:
			return bytes.Contains([]byte(w.log.String()), []byte("msg=watching"))
		}
	})
	return w
}

// end stops the sensor and returns all that it wrote.
func (w *watch) end() []*alert.Alert {
	w.t.Helper()
	w.stop()
	select {
	case err := <-w.done:
		if err != nil {
			w.t.Errorf("the sensor ended with %v", err)
		}
	case <-time.After(patience):
		w.t.Fatal("the sensor does not stop")
	}
	return w.alerts()
}

// alerts are those written so far.
func (w *watch) alerts() []*alert.Alert {
	data, _ := os.ReadFile(w.file)
	var all []*alert.Alert
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			continue // still being written
		}
		a, err := alert.Unmarshal(line)
		if err != nil {
			w.t.Fatalf("%s: %v", w.file, err)
		}
		all = append(all, a)
	}
	return all
}

// of returns those of a rule.
func (w *watch) of(rule string) []*alert.Alert {
	var some []*alert.Alert
	for _, a := range w.alerts() {
		if a.GetRule().GetName() == rule {
			some = append(some, a)
		}
	}
	return some
}

func (w *watch) until(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s; the sensor said:\n%s", what, w.log.String())
		}
	}
}

// server answers on a TCP port of its own and returns the address.
func server(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

// TestContainerdActs acts in a real container and on the host: a shell with a terminal, and a contact with the API
// server. The rules must see the first, with pod, namespace and image, and be silent about the second.
func TestContainerdActs(t *testing.T) {
	runtime := startContainerd(t)
	api := server(t)
	w := startSensor(t, func(c *Config) {
		c.Container.Sockets = []string{runtime.Socket}
		c.APIServers = []string{api}
	})
	host, port, _ := net.SplitHostPort(api)

	// The same acts on the host: a shell with a terminal, and a contact with the API server.
	if out, err := exec.Command("script", "-qec", "/bin/sh -c true", "/dev/null").CombinedOutput(); err != nil {
		t.Fatalf("a shell with a terminal: %v\n%s", err, out)
	}
	if out, err := exec.Command("/bin/busybox", "nc", "-w", "2", host, port).CombinedOutput(); err != nil {
		t.Fatalf("nc: %v\n%s", err, out)
	}

	id := runtime.container(runtime.pod("shop", "web-5d4f8c7b9-x2x4z"), "app", true, "/bin/sh", "-c", "nc -w 2 "+host+" "+port+"; sleep 1000")
	for _, rule := range []string{"terminal_shell_in_container", "contact_k8s_api_server_from_container"} {
		w.until("an alert of "+rule, func() bool { return len(w.of(rule)) > 0 })
	}
	w.end()
	for _, rule := range []string{"terminal_shell_in_container", "contact_k8s_api_server_from_container"} {
		for _, a := range w.of(rule) {
			checkPlace(t, a, id)
		}
	}
}

// TestContainerdStart: making and removing a quiet container raises nothing, with every shipped rule in force.
func TestContainerdStart(t *testing.T) {
	runtime := startContainerd(t)
	w := startSensor(t, func(c *Config) { c.Container.Sockets = []string{runtime.Socket} })
	id := runtime.container(runtime.pod("shop", "quiet-0"), "app", false, "/bin/sleep", "1000")
	if err := runtime.Ctr(t.Context(), "task", "exec", "--exec-id", "x", id, "/bin/true"); err != nil {
		t.Fatal(err)
	}
	if err := runtime.Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.end()
	for _, a := range w.alerts() {
		if a.GetContainer() != nil {
			t.Errorf("an alert about nothing: %s", alert.Text(a))
		}
	}
	if len(w.alerts()) < 2 {
		t.Error("not even heartbeats came")
	}
}

func checkPlace(t *testing.T, a *alert.Alert, id string) {
	t.Helper()
	got := map[string]string{
		"container": a.GetContainer().GetId(), "name": a.GetContainer().GetName(),
		"image": a.GetContainer().GetImageRepository(), "tag": a.GetContainer().GetImageTag(),
		"pod": a.GetPod().GetName(), "namespace": a.GetPod().GetNamespace(),
		"workload": a.GetPod().GetWorkloadKind() + "/" + a.GetPod().GetWorkloadName(),
	}
	want := map[string]string{
		"container": id, "name": "app", "image": "registry.test/tools/busybox", "tag": "1.36",
		"pod": "web-5d4f8c7b9-x2x4z", "namespace": "shop", "workload": "Deployment/web",
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s: %s is %q, want %q: %s", a.GetRule().GetName(), key, got[key], value, a.GetOutput())
		}
	}
}
