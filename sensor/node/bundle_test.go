package node

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/capture"
)

// containerActs are what somebody types who got a shell in a container, a line each second and a half.
var containerActs = []string{
	"cat /etc/passwd >/dev/null",
	"busybox cp /bin/busybox /tmp/sleep",
	"/tmp/sleep 1",
	"nc -l -p 14444 </dev/null >/dev/null &",
	"nc 127.0.0.1 14444 -e /bin/sh",
	"echo id > /.ash_history",
	"busybox rm /.ash_history",
}

// hostActs are what somebody does then on the node.
const hostActs = `cat /etc/shadow >/dev/null
sleep 2
cp /bin/true /tmp/tool && chmod u+s /tmp/tool; sleep 1; rm /tmp/tool`

// bundledRules are those that the acts raise.
var bundledRules = []string{
	"terminal_shell_in_container", "execution_from_temporary_directory_in_container", "network_tool_listens", "network_tool_runs_program",
	"shell_history_removed", "sensitive_file_read", "setuid_bit_set",
}

// TestRecordBundle records the capture that tiercel up replays where the kernel cannot be watched. scripts/bundle runs it.
func TestRecordBundle(t *testing.T) {
	path := os.Getenv("TIERCEL_BUNDLE")
	if path == "" {
		t.Skip("makes a file of the source: run scripts/bundle, which sets TIERCEL_BUNDLE")
	}
	t.Chdir("/") // where this repository lies is nobody's business
	runtime := startContainerd(t)
	w := &watch{t: t, file: filepath.Join(t.TempDir(), "alerts.json"), done: make(chan error, 1)}
	cfg := DefaultConfig()
	cfg.Place.Node = "replayed-node"
	cfg.Heartbeat = 0
	cfg.Outputs = []string{"file:" + w.file + "?format=json"}
	cfg.Container.Sockets = []string{runtime.Socket}
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	defer stop()
	var whole bytes.Buffer
	go func() {
		_, err := Record(ctx, cfg, &whole, slog.New(slog.NewTextHandler(&w.log, nil)))
		w.done <- err
	}()
	w.until("the sensor to watch", func() bool { return strings.Contains(w.log.String(), "msg=watching") })

	id := runtime.container(runtime.pod("shop", "web-5d4f8c7b9-x2x4z"), "app", false, "/bin/sleep", "1000")
	typeInto(t, runtime, id, containerActs)
	w.until("what the container does", func() bool { return len(w.of("shell_history_removed")) > 0 })
	host := exec.Command("/bin/sh", "-c", hostActs)
	host.Dir = "/"
	host.Env = []string{"PATH=/usr/bin:/bin"}
	if out, err := host.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, rule := range bundledRules {
		w.until("an alert of "+rule, func() bool { return len(w.of(rule)) > 0 })
	}
	w.end()

	var kept bytes.Buffer
	n := keepActs(t, &whole, &kept, id, int32(host.Process.Pid))
	if err := os.WriteFile(path, kept.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d events, %d bytes", path, n, kept.Len())
}

// typeInto gives lines to a shell with a terminal in a container, as kubectl exec -it does.
func typeInto(t *testing.T, runtime *criTest, id string, lines []string) {
	t.Helper()
	ctr := filepath.Join(os.Getenv("TIERCEL_CONTAINERD"), "ctr") + " -a " + runtime.Socket + " -n k8s.io task exec --tty --exec-id acts " + id + " /bin/sh"
	shell := exec.Command("script", "-qec", ctr, "/dev/null")
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	for _, line := range append(lines, "exit") {
		time.Sleep(1500 * time.Millisecond)
		io.WriteString(in, line+"\n")
	}
	if err := shell.Wait(); err != nil {
		t.Fatalf("%s: %v", ctr, err)
	}
}

// keepActs copies the events of one container and of one process and what it started, and of their ancestors only those
// that belong to them: the rest is this machine's own business.
func keepActs(t *testing.T, from io.Reader, to io.Writer, containerID string, pid int32) (n int) {
	t.Helper()
	in, err := capture.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	redactor, err := redactor(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	out, err := capture.NewWriter(to, in.Header(), redactor)
	if err != nil {
		t.Fatal(err)
	}
	for {
		ev, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		top := topOf(ev.Process, containerID, pid)
		if top == nil {
			continue
		}
		own := *ev
		own.Process = cut(ev.Process, top)
		if err := out.Write(&own); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

// topOf is the first of a process's lineage that is kept; nil if the process is none of theirs. What the runtime started in a
// container keeps the runtime above it, by which rules know it.
func topOf(p *event.Process, containerID string, pid int32) (top *event.Process) {
	for ; p != nil; p = p.Parent {
		runtime := p.Name == "runc" || p.Name == "containerd-shim"
		if p.ContainerID == containerID || p.PID == pid || top != nil && runtime {
			top = p
		}
	}
	return top
}

// cut copies a lineage up to top.
func cut(p, top *event.Process) *event.Process {
	c := *p
	c.Parent = nil
	if p != top {
		c.Parent = cut(p.Parent, top)
	}
	return &c
}
