package node

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRunServesMetrics: what a sensor counts is to be had from it, and it is ready once it watches.
func TestRunServesMetrics(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml")
	write(t, path, nil)
	write(t, file, []byte(openOf(path)))
	w := startSensor(t, func(c *Config) {
		c.Rules = Rules{Paths: []string{file}}
		c.Metrics = "127.0.0.1:0"
	})
	var address string
	w.until("the address of its metrics", func() bool {
		found := regexp.MustCompile(`msg=metrics address=(\S+)`).FindStringSubmatch(w.log.String())
		if found != nil {
			address = "http://" + found[1]
		}
		return found != nil
	})
	get := func(path string) (int, string) {
		answer, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	for _, probe := range []string{"/healthz", "/readyz"} {
		w.until(probe, func() bool { code, _ := get(probe); return code == http.StatusOK })
	}
	told := kernelIsAtLeast(t, 6, 4) // since then a map's memory is told; before, 0 was
	read(t, path)
	w.until("the match in the metrics", func() bool {
		_, text := get("/metrics")
		return strings.Contains(text, "tiercel_sensor_rule_matches_total{rule=\"opened\",severity=\"MEDIUM\"} 1\n") &&
			regexp.MustCompile(`tiercel_sensor_bpf_map_bytes\{map="records"\} [1-9]`).MatchString(text) == told &&
			strings.Contains(text, "tiercel_sensor_output_sent_total{output=\"file:"+w.file)
	})
	w.end()
	if _, err := http.Get(address + "/metrics"); err == nil {
		t.Error("metrics are served after the sensor's end")
	}
}

func kernelIsAtLeast(t *testing.T, major, minor int) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var a, b int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &a, &b); err != nil {
		t.Fatal(err)
	}
	return a > major || a == major && b >= minor
}
