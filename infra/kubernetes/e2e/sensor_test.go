package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	core "k8s.io/api/core/v1"

	"tiercel.dev/alert"
	"tiercel.dev/functions/fleet"
)

// A pod is one of the sensor's.
type pod struct{ core.Pod }

func (p pod) String() string { return fmt.Sprintf("%s (%d restarts)", p.Name, p.Restarts()) }

// Restarts counts those of the one container.
func (p pod) Restarts() int32 {
	if len(p.Status.ContainerStatuses) == 0 {
		return 0
	}
	return p.Status.ContainerStatuses[0].RestartCount
}

// pods are those of the DaemonSet that are not being ended.
func (w *world) pods(ctx context.Context) ([]pod, error) {
	text, err := w.try(ctx, "", "-n", sensors, "get", "pods", "-l", "app.kubernetes.io/name=tiercel-sensor", "-o", "json")
	if err != nil {
		return nil, err
	}
	var list struct{ Items []pod }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Items, func(p pod) bool { return p.DeletionTimestamp != nil }), nil
}

// sensor waits until the one pod of the DaemonSet is ready.
func (w *world) sensor(t *testing.T) pod {
	t.Helper()
	var ready pod
	eventually(t, "the sensor's pod is ready", func() error {
		all, err := w.pods(t.Context())
		if err != nil || len(all) != 1 {
			return fmt.Errorf("%d pods: %v", len(all), err)
		}
		for _, c := range all[0].Status.Conditions {
			if c.Type == core.PodReady && c.Status == core.ConditionTrue {
				ready = all[0]
				return nil
			}
		}
		return fmt.Errorf("%s is %s", all[0], all[0].Status.Phase)
	})
	return ready
}

// process is the sensor's on this machine; 0 if there is none.
func (w *world) process(p pod) int {
	all, _ := filepath.Glob("/proc/[0-9]*/cgroup") // the pattern is a good one
	for _, path := range all {
		group, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(group), string(p.UID)) {
			continue // gone meanwhile, or another's
		}
		args, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || !strings.Contains(string(args), "--output=") {
			continue // the pod's own container, or one that ends
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			return pid
		}
	}
	return 0
}

// metrics is what the sensor of a pod says to Prometheus; empty if it does not answer.
func (w *world) metrics(p pod) string {
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Get("http://" + p.Status.PodIP + ":9464/metrics")
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// metric is the value of one without labels.
func (w *world) metric(t *testing.T, p pod, name string) string {
	t.Helper()
	for line := range strings.Lines(w.metrics(p)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// problem waits until the fleet's watch has told of a problem, by an alert and an active finding, or that it is over, and returns
// what it says of it.
func (w *world) problem(t *testing.T, kind fleet.Kind, open bool) string {
	t.Helper()
	want := sccpb.Finding_INACTIVE
	if open {
		want = sccpb.Finding_ACTIVE
	}
	detail := ""
	eventually(t, fmt.Sprintf("finding of %s is %s", kind, want), func() error {
		for _, f := range w.cloud.Findings() {
			if f.GetSourceProperties()["rule"].GetStringValue() != string(kind) {
				continue
			}
			if f.GetState() != want {
				return fmt.Errorf("it is %s: %v", f.GetState(), f.GetSourceProperties()["output"].GetStringValue())
			}
			all := w.heard.alerts(string(kind), func(*alert.Alert) bool { return true })
			if len(all) == 0 {
				return fmt.Errorf("a finding, and no alert")
			}
			detail = all[len(all)-1].GetOutput()
			return nil
		}
		return fmt.Errorf("there is none")
	})
	return detail
}
