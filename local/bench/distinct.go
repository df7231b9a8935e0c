package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const distinctLimit = 100 * time.Millisecond

// distinct has `tiercel up` see files read, each of which is a finding of its own, and prints the time from the kernel's
// event to the finding.
func distinct(s settings, out io.Writer) error {
	dir, err := os.MkdirTemp("", "tiercel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	secrets := filepath.Join(dir, "secrets")
	rules := fmt.Sprintf("rules:\n  - {name: bench_read, condition: 'evt.is_open_read && fd.path.startsWith(%q)', output: '{fd.path}', "+
		"severity: MEDIUM, throttle: {per: [fd.path], every: 1m}}\n", secrets+"/")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		return err
	}
	for i := range s.distinct {
		if err := os.WriteFile(filepath.Join(secrets, strconv.Itoa(i)), nil, 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(rules), 0o600); err != nil {
		return err
	}
	summary := filepath.Join(dir, "summary.json")
	up := exec.Command(s.tiercel, "up", "--rules", filepath.Join(dir, "rules.yaml"), "--summary", summary)
	if err := upWhile(up, func() { time.Sleep(s.after); readAll(secrets, s) }); err != nil {
		return err
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		return err
	}
	var got struct {
		Alerts       map[string]int     `json:"alerts"`
		Drops        map[string]float64 `json:"drops"`
		Findings     int                `json:"findings"`
		LatencyP50Ms float64            `json:"latency_p50_ms"`
		LatencyP99Ms float64            `json:"latency_p99_ms"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("%s: %w", summary, err)
	}
	fmt.Fprintf(out, "%d distinct alerts in %v: %d alerts, %d findings; kernel event to finding p50 %.1f ms, p99 %.1f ms (limit %v)\n",
		s.distinct, s.within, got.Alerts["bench_read"], got.Findings, got.LatencyP50Ms, got.LatencyP99Ms, distinctLimit)
	if got.Alerts["bench_read"] != s.distinct || got.Findings < s.distinct {
		return fmt.Errorf("%d alerts and %d findings of %d reads", got.Alerts["bench_read"], got.Findings, s.distinct)
	}
	if got.LatencyP99Ms > float64(distinctLimit.Milliseconds()) {
		return fmt.Errorf("p99 is over %v", distinctLimit)
	}
	return nil
}

// upWhile runs `tiercel up` for as long as act takes, from when it watches.
func upWhile(up *exec.Cmd, act func()) error {
	log, err := up.StderrPipe()
	if err != nil {
		return err
	}
	if err := up.Start(); err != nil {
		return err
	}
	defer up.Process.Kill()
	said := new(strings.Builder)
	lines := bufio.NewScanner(log)
	for watching := false; !watching; {
		if !lines.Scan() {
			return fmt.Errorf("tiercel up does not watch: %s", said)
		}
		fmt.Fprintln(said, lines.Text())
		watching = strings.Contains(lines.Text(), "msg=watching")
	}
	go io.Copy(io.Discard, log)
	act()
	if err := up.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return up.Wait()
}

func readAll(dir string, s settings) {
	ticker := time.NewTicker(s.within / time.Duration(s.distinct))
	defer ticker.Stop()
	for i := range s.distinct {
		<-ticker.C
		if f, err := os.Open(filepath.Join(dir, strconv.Itoa(i))); err == nil {
			f.Close()
		}
	}
	time.Sleep(time.Second)
}
