package node_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tiercel.dev/sensor/node"
)

// nobody is the sensor as a user without rights but the capabilities given.
func nobody(t *testing.T, capabilities []uintptr, args ...string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give its rights up")
	}
	// The test's own binary lies where nobody else may look.
	dir, err := os.MkdirTemp("", "tiercel-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "sensor")
	copyFile(t, os.Args[0], program)
	cmd := exec.Command(program, append([]string{"--cri-socket", ""}, args...)...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: capabilities}
	return cmd
}

// TestRefused: a process without the rights ends with exit code 3 and says which are missing and what to do.
func TestRefused(t *testing.T) {
	out, err := nobody(t, nil, "--for", "10s").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("%v, want exit code 3: %s", err, out)
	}
	for _, want := range []string{"the kernel cannot be watched from here", "missing CAP_BPF and CAP_PERFMON", "run as root, or add"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
}

// TestCapabilities: three capabilities are enough to watch, and to read of processes that began before.
func TestCapabilities(t *testing.T) {
	cmd := nobody(t, []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_SYS_PTRACE}, "--for", node.Patience.String(), "--no-library", "--rules", "rules.yaml")
	rules := "rules:\n  - {name: ran, condition: 'evt.type == \"execve\" && proc.args == \"tiercel-capabilities\"', output: '{proc.pname} ran {proc.cmdline}', severity: LOW}\n"
	if err := os.WriteFile(filepath.Join(cmd.Dir, "rules.yaml"), []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				exec.Command("true", "tiercel-capabilities").Run()
			}
		}
	}()
	// It may take long to begin; the first alert is all that is wanted.
	out, _ := bufio.NewReader(stdout).ReadBytes('\n')
	close(stop)
	cmd.Process.Signal(syscall.SIGTERM)
	go io.Copy(io.Discard, stdout)
	err = cmd.Wait()
	if strings.Contains(log.String(), "cannot be watched") && os.Getenv("TIERCEL_REQUIRE_BPF") == "" {
		t.Skip(log.String())
	}
	if err != nil || !bytes.Contains(out, []byte("ran true tiercel-capabilities")) {
		t.Errorf("%v: %s\n%s", err, out, log.String())
	}
}

// TestWithoutPtrace: without the third capability the sensor watches, and says what is missing and where to add it.
func TestWithoutPtrace(t *testing.T) {
	cmd := nobody(t, []uintptr{unix.CAP_BPF, unix.CAP_PERFMON}, "--for", node.Patience.String(), "--heartbeat", "1s", "--output", "stdout?heartbeats=true")
	var said [2]*bufio.Scanner // on standard output, and on standard error
	for i, pipe := range []func() (io.ReadCloser, error){cmd.StdoutPipe, cmd.StderrPipe} {
		out, err := pipe()
		if err != nil {
			t.Fatal(err)
		}
		said[i] = bufio.NewScanner(out)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const missing = "missing CAP_SYS_PTRACE: run as root, or add SYS_PTRACE to the container's capabilities"
	var log strings.Builder
	find := func(in *bufio.Scanner, text string, keep io.Writer) bool {
		for in.Scan() {
			fmt.Fprintln(keep, in.Text())
			if strings.Contains(in.Text(), text) {
				return true
			}
		}
		return false
	}
	logged := find(said[1], missing, &log)
	told := logged && find(said[0], "processes are known by their records alone: ", io.Discard)
	cmd.Process.Signal(syscall.SIGTERM)
	for _, in := range said {
		go find(in, "\x00", io.Discard) // what is left
	}
	_ = cmd.Wait() // told to stop before it watches, it may say so
	if strings.Contains(log.String(), "cannot be watched") && os.Getenv("TIERCEL_REQUIRE_BPF") == "" {
		t.Skip(log.String())
	}
	if !logged || !told {
		t.Errorf("logged %v, told in a heartbeat %v\n%s", logged, told, log.String())
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}

// TestOutlivesItsReader: a sensor whose standard output nobody reads any more goes on, for its other outputs, and what it
// starts ends as programs do when their reader has enough.
func TestOutlivesItsReader(t *testing.T) {
	o := newOutage(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	o.sensor = exec.Command(os.Args[0], "--no-library", "--rules", filepath.Join(o.dir, "rules.yaml"), "--cri-socket", "",
		"--output", "stdout", "--output", "program:yes | head -n 1 >"+filepath.Join(o.dir, "program")+"; cat", "--output", "file:"+o.alerts())
	o.sensor.Stdout = w
	o.run(childEnv + "=1")
	w.Close()
	for n := range 3 {
		o.acts(1)
		o.published(n + 1)
	}
	o.sensor.Process.Signal(syscall.SIGTERM)
	if err := o.sensor.Wait(); err == nil || o.sensor.ProcessState.ExitCode() != 1 || !strings.Contains(o.said(), "output stdout: 3 alerts not written") {
		t.Errorf("%v: %s", err, o.said())
	}
	if strings.Contains(o.said(), "standard output: Broken pipe") {
		t.Errorf("a program that was started does not get the signal: %s", o.said())
	}
}
