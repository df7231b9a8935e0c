package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A sensor is one run of the sensor's binary, watched from outside.
type sensor struct {
	cmd     *exec.Cmd
	dir     string
	stopped time.Duration // from SIGTERM to its end
	cgroup  string        // of the sensor alone
	stderr  bytes.Buffer
}

// newCgroup makes a memory cgroup, under v1 or v2.
func newCgroup() (string, error) {
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err != nil {
		root += "/memory"
	} else {
		os.WriteFile(root+"/cgroup.subtree_control", []byte("+memory"), 0o644)
	}
	dir, err := os.MkdirTemp(root, "tiercel-bench-")
	if err != nil {
		return "", fmt.Errorf("make a memory cgroup: %w", err)
	}
	return dir, nil
}

// charged is the memory that the kernel charges to the sensor, ring and maps included, in bytes.
func (s *sensor) charged() float64 {
	for _, name := range []string{"memory.current", "memory.usage_in_bytes"} {
		if data, err := os.ReadFile(filepath.Join(s.cgroup, name)); err == nil {
			n, _ := strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
			return n
		}
	}
	return 0
}

// everyOpen is a rule that needs each open, with both of its paths, and matches none.
const everyOpen = `rules:
  - name: every_open
    description: Reads both paths of every open.
    condition: evt.type in ["open", "openat", "openat2", "creat"] && fd.name.startsWith("/no/such/") && fd.path.startsWith("/no/such/")
    output: "{fd.name}"
    severity: LOW
`

// start runs the sensor, and returns when its programs are attached.
func start(set settings) (*sensor, error) {
	dir, err := os.MkdirTemp("", "tiercel-bench-")
	if err != nil {
		return nil, err
	}
	rules, err := ruleFlags(set, dir)
	if err != nil {
		return nil, err
	}
	s := &sensor{dir: dir}
	s.cgroup, err = newCgroup()
	if err != nil {
		return nil, err
	}
	// The shell puts itself into the cgroup and becomes the sensor, so that all it ever allocates is charged there.
	args := []string{"-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, s.cgroup, set.sensor, "--output", "file:" + s.out() + "?format=json&heartbeats=true",
		"--heartbeat", "1h", "--log-format", "json"}
	s.cmd = exec.Command("/bin/sh", append(args, rules...)...)
	ready, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	attached := make(chan bool, 1)
	go func() {
		scan := bufio.NewScanner(ready)
		for scan.Scan() {
			s.stderr.Write(append(scan.Bytes(), '\n'))
			if strings.Contains(scan.Text(), `"message":"watching"`) {
				attached <- true
			}
		}
		close(attached)
	}()
	select {
	case ok := <-attached:
		if ok {
			return s, nil
		}
	case <-time.After(30 * time.Second):
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	return nil, fmt.Errorf("%s did not come up: %s", set.sensor, s.stderr.String())
}

// ruleFlags are those that the settings ask for: the shipped rules and one that needs every open, or files of somebody's.
func ruleFlags(set settings, dir string) ([]string, error) {
	if len(set.rules) == 0 {
		path := filepath.Join(dir, "every_open.yaml")
		return []string{"--rules", path}, os.WriteFile(path, []byte(everyOpen), 0o600)
	}
	flags := []string{"--no-library"}
	for _, path := range set.rules {
		flags = append(flags, "--rules", path)
	}
	return flags, nil
}

func (s *sensor) out() string { return filepath.Join(s.dir, "out.json") }

// final is what the sensor says of itself when it stops.
type final struct {
	Events []struct {
		Kind  string
		Count uint64 `json:",string"`
	}
	Drops []struct {
		Reason, Kind string
		Count        uint64 `json:",string"`
	}
}

// stop ends the sensor and returns its last heartbeat.
func (s *sensor) stop() (final, error) {
	defer os.RemoveAll(s.dir)
	begun := time.Now()
	s.cmd.Process.Signal(syscall.SIGTERM)
	err := s.cmd.Wait()
	s.stopped = time.Since(begun)
	os.Remove(s.cgroup)
	data, readErr := os.ReadFile(s.out())
	if err = errors.Join(err, readErr); err != nil {
		return final{}, fmt.Errorf("%w: %s", err, s.stderr.String())
	}
	var last final
	for line := range bytes.Lines(data) {
		var m struct{ Heartbeat *final }
		if json.Unmarshal(line, &m) == nil && m.Heartbeat != nil {
			last = *m.Heartbeat
		}
	}
	return last, nil
}

// events sums the events of one kind; drops the records that were lost. The other reasons tell of records that came
// with a part missing, or are the same losses counted at another place.
func (f final) events(kind string) (n uint64) {
	for _, e := range f.Events {
		if e.Kind == kind {
			n += e.Count
		}
	}
	return n
}

func (f final) drops() (n uint64) {
	for _, d := range f.Drops {
		if d.Reason == "ring_full" || d.Reason == "reserved" || d.Reason == "recursion" || d.Reason == "tail_call" {
			n += d.Count
		}
	}
	return n
}

// reasons lists the losses, " (ring_full openat 12)"; "" if there were none.
func (f final) reasons() string {
	var parts []string
	for _, d := range f.Drops {
		parts = append(parts, strings.TrimSpace(d.Reason+" "+d.Kind)+" "+strconv.FormatUint(d.Count, 10))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// cpu is the processor time that the sensor has used, in ms; its resolution is a tick of 10 ms.
func (s *sensor) cpu() float64 {
	fields := strings.Fields(afterComm(s.proc("stat")))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) * 10
}

func afterComm(stat string) string { return stat[strings.LastIndexByte(stat, ')')+1:] }

func (s *sensor) proc(name string) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, name))
	return string(data)
}

// status returns a number from /proc/PID/status, such as VmRSS in KiB.
func (s *sensor) status(key string) float64 { return statusOf(s.proc("status"), key) }

func statusOf(text, key string) float64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return n
		}
	}
	return 0
}

// wakeups sums over the sensor's threads how often each gave up the processor and was woken again.
func (s *sensor) wakeups() (n float64) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.cmd.Process.Pid))
	for _, path := range tasks {
		data, _ := os.ReadFile(path)
		n += statusOf(string(data), "voluntary_ctxt_switches")
	}
	return n
}
