package e2e

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/functions/fleet"
)

// deleted takes the sensor's pod away while Pub/Sub is out of reach: what it saw waits on the node's disk for the next.
func deleted(t *testing.T, w *world) {
	const acts = 7
	p := w.sensor(t)
	w.gate.shut()
	for n := range acts {
		w.exec(t, fmt.Sprintf("/bin/true tick-outage-%d", n))
	}
	eventually(t, "alerts wait in the spool", func() error {
		waiting := ""
		for line := range strings.Lines(w.metrics(p)) {
			if strings.HasPrefix(line, "tiercel_sensor_output_waiting{") {
				f := strings.Fields(line)
				waiting = f[len(f)-1]
			}
		}
		var n float64
		if _, err := fmt.Sscan(waiting, &n); err != nil || n < acts {
			return fmt.Errorf("%q wait", waiting)
		}
		return nil
	})
	w.kubectl(t, "-n", sensors, "delete", "pod", p.Name)
	if now := w.sensor(t); now.UID == p.UID {
		t.Fatalf("%s is still there", p)
	}
	w.gate.open(t)
	eventually(t, "the next pod sends them", func() error {
		if got := len(w.heard.alerts("shop_tick", func(a *alert.Alert) bool { return strings.Contains(a.GetOutput(), " tick-outage-") })); got != acts {
			return fmt.Errorf("%d of %d", got, acts)
		}
		return nil
	})
	result("%d alerts of an outage outlived their sensor's pod in the spool, and came", acts)
}

const eviction = `{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": %q, "namespace": "tiercel"}}`

func evicted(t *testing.T, w *world) {
	p, m := w.sensor(t), w.metronome(t, "evicted")
	w.apply(t, fmt.Sprintf(eviction, p.Name), "create", "--raw", "/api/v1/namespaces/"+sensors+"/pods/"+p.Name+"/eviction", "-f", "-")
	eventually(t, "another pod is there", func() error {
		if all, err := w.pods(t.Context()); err != nil || len(all) != 1 || all[0].UID == p.UID {
			return fmt.Errorf("%v: %v", all, err)
		}
		return nil
	})
	w.sensor(t)
	result("the sensor's pod evicted: %v", m.end(t))
}

// drained empties the node and puts a taint on it that sends all pods away: the sensor stays and sees.
func drained(t *testing.T, w *world) {
	p := w.sensor(t)
	node := p.Spec.NodeName
	w.kubectl(t, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout="+patience.String())
	w.kubectl(t, "taint", "node", node, "e2e=away:NoExecute")
	if left := w.kubectl(t, "-n", shop, "get", "pods", "--field-selector", "spec.nodeName="+node, "-o", "name"); left != "" {
		t.Errorf("drained, and there is %s", left)
	}
	if now := w.sensor(t); now.UID != p.UID || now.Restarts() != p.Restarts() {
		t.Errorf("the sensor went: %s, then %s", p, now)
	}
	w.kubectl(t, "taint", "node", node, "e2e-")
	w.kubectl(t, "uncordon", node)
	w.kubectl(t, "-n", shop, "rollout", "status", "deployment/web", "--timeout="+patience.String())
	eventually(t, "the pod that comes back is watched", w.tick(t, "drained"))
	result("drained and tainted: other pods went, the sensor stayed; what came back is watched")
}

// stopped is what somebody does with root on the node: no sensor of it gets to run. The kubelet makes new ones, and they are stopped,
// too; the fleet's watch is who notices.
func stopped(t *testing.T, w *world) {
	first, before := time.Now(), w.sensor(t)
	end := make(chan struct{})
	done := make(chan struct{})
	held := make(map[int]bool)
	go func() {
		defer close(done)
		for {
			if all, err := w.pods(context.Background()); err == nil && len(all) == 1 {
				if pid := w.process(all[0]); pid != 0 && syscall.Kill(pid, syscall.SIGSTOP) == nil {
					held[pid] = true
				}
			}
			select {
			case <-end:
				return
			case <-time.After(300 * time.Millisecond):
			}
		}
	}()
	detail := w.problem(t, fleet.Missing, true)
	result("%.0f s after it was stopped: alert and finding: %s", time.Since(first).Seconds(), detail)
	w.diagnosed(t, false)
	close(end)
	<-done
	all, err := w.pods(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%v: %v", all, err)
	}
	restarts := all[0].Restarts() - before.Restarts()
	for pid := range held {
		_ = syscall.Kill(pid, syscall.SIGCONT) // but the last they are gone
	}
	if restarts == 0 {
		t.Error("its liveness probe did not have the kubelet start it again")
	}
	on := time.Now()
	w.problem(t, fleet.Missing, false)
	result("the kubelet started it again %d times meanwhile; %.0f s after it could go on the finding was inactive", restarts, time.Since(on).Seconds())
	w.diagnosed(t, true)
}
