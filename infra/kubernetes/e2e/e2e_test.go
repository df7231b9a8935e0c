// Package e2e shows the whole system on a real Kubernetes: the manifests of infra/kubernetes in its API server, the sensor's image in
// its pods, alerts and findings in the embedded cloud. scripts/e2e-kubernetes starts the cluster, runs this, and ends it.
package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestKubernetes is one story: each step finds the cluster as the one before left it.
func TestKubernetes(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct {
		what string
		do   func(*testing.T, *world)
	}{
		{"the sensor is rolled out by the build's account", rollOut},
		{"tiercel doctor looks at what is deployed", examine},
		{"attacks in a Deployment's pod become alerts and findings", attack},
		{"each account may do what it was given, and no more", access},
		{"the sensor's process is confined", confined},
		{"rules are changed while it runs", reload},
		{"CPU and memory under load, by the pod's cgroup", measure},
		{"another version is rolled out, and one that is not well", update},
		{"an outage, and the sensor's pod deleted in it", deleted},
		{"the sensor's pod is evicted", evicted},
		{"the node is drained", drained},
		{"each capability is taken away once", capabilities},
		{"somebody with root on the node stops the sensor", stopped},
		{"uninstalled", uninstall},
	} {
		say("%s", step.what)
		if !t.Run(step.what, func(t *testing.T) { step.do(t, w) }) {
			w.explain()
			t.FailNow()
		}
	}
}

var began = time.Now()

// say prints at once, so that who watches sees how far it is.
func say(format string, args ...any) {
	fmt.Printf("%4.0fs  "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
}

// result prints what a step has shown.
func result(format string, args ...any) { fmt.Printf("         "+format+"\n", args...) }
