package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// uninstall takes away what was rolled out, and then the rights to do so.
func uninstall(t *testing.T, w *world) {
	w.kubectl(t, "delete", "-k", filepath.Join(w.work, "build/rollout/local_local_local"), "--timeout="+patience.String())
	for _, file := range []string{"rollout.yaml", "audit.yaml", "tokens.yaml"} {
		w.kubectl(t, "delete", "--ignore-not-found", "-f", filepath.Join(w.project, "infra/kubernetes", file), "--timeout="+patience.String())
	}
	kinds := strings.Fields(w.kubectl(t, "api-resources", "--verbs=list", "-o", "name"))
	for _, kind := range kinds {
		if strings.HasPrefix(kind, "events") {
			continue // the cluster's own memory of what was
		}
		for _, name := range strings.Fields(w.kubectl(t, "get", kind, "-A", "--ignore-not-found", "-o", `jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}`)) {
			if strings.Contains(name, "tiercel") && !strings.Contains(name, "tiercel-node") && !strings.Contains(name, "tiercel-enrich") {
				t.Errorf("%s %s is left", kind, name)
			}
		}
	}
	result("of %d kinds of objects nothing of Tiercel's is left", len(kinds))
	pins, err := os.ReadDir("/sys/fs/bpf")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pins {
		if p.Name() == "maps.debug" || p.Name() == "progs.debug" {
			continue // the kernel's own (CONFIG_BPF_PRELOAD)
		}
		t.Errorf("/sys/fs/bpf/%s is left", p.Name())
	}
	spool, err := filepath.Glob("/var/lib/tiercel/*")
	if err != nil {
		t.Fatal(err)
	}
	result("on the node no BPF object is pinned; the spool stays, for whoever wants the alerts that were not sent: /var/lib/tiercel, %d files", len(spool))
}
