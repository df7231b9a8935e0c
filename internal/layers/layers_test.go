// Package layers holds the test that keeps the arrows between the project's packages.
package layers

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "tiercel.dev/"

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages", len(pkgs))
	}
	return pkgs
}

func in(path string, trees ...string) bool {
	for _, tree := range trees {
		if path == module+tree || strings.HasPrefix(path, module+tree+"/") {
			return true
		}
	}
	return false
}

func TestLayers(t *testing.T) {
	for _, p := range list(t) {
		for _, dep := range p.Imports {
			switch {
			case strings.HasPrefix(dep, "github.com/cilium/ebpf") && !in(p.ImportPath, "sensor/probe"):
				t.Errorf("%s imports %s: sensor/probe alone may", p.ImportPath, dep)
			case strings.HasPrefix(dep, "cel.dev/cel-go") && !in(p.ImportPath, "rules"):
				t.Errorf("%s imports %s: the rule language alone may", p.ImportPath, dep)
			}
		}
		for _, dep := range p.Deps {
			switch {
			case in(p.ImportPath, "internal/event") && strings.Contains(strings.Split(dep, "/")[0], ".") && !in(dep, "internal/event"):
				t.Errorf("%s depends on %s: it has the standard library alone", p.ImportPath, dep)
			case in(p.ImportPath, "rules", "alert", "internal") && in(dep, "sensor", "functions", "local", "cmd"):
				t.Errorf("%s depends on %s, which stands above it", p.ImportPath, dep)
			case in(p.ImportPath, "sensor") && in(dep, "functions", "local", "cmd"),
				in(p.ImportPath, "functions") && in(dep, "sensor", "local", "cmd"):
				t.Errorf("%s depends on %s: the sensor and the functions share internal, rules and alert, and no more", p.ImportPath, dep)
			case in(p.ImportPath, "alert") && in(dep, "internal", "rules"):
				t.Errorf("%s depends on %s: subscribers import alert, and nothing else of ours", p.ImportPath, dep)
			}
		}
	}
}
