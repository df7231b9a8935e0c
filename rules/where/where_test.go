package where

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func facts() *Facts {
	return &Facts{
		Rule: "shell", Tags: []string{"container"}, Severity: 2, Verified: true, Cluster: "c", ClusterLabels: map[string]string{"env": "lab"},
		Namespace: "shop", Pod: "web-1", WorkloadKind: "Deployment", WorkloadName: "web", Services: []string{"front"}, Exposed: true,
		Image: "gcr.io/x/web",
	}
}

func compile(t testing.TB, text string) *Condition {
	t.Helper()
	c, issues := Compile(text)
	if len(issues) > 0 {
		t.Fatalf("%s: %+v", text, issues)
	}
	return c
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		`rule == "shell"`:                            true,
		`rule in ["a", "b"]`:                         false,
		`severity < HIGH && severity >= MEDIUM`:      true,
		`severity == CRITICAL`:                       false,
		`"container" in tags`:                        true,
		`cluster.label["env"] == "lab"`:              true,
		`cluster.label["none"] == ""`:                true, // as a field without a value
		`"none" in cluster.label`:                    false,
		`"env" in cluster.label`:                     true,
		`k8s.pod.label["app"] != "x"`:                true,
		`k8s.ns.name.startsWith(["sh", "x"])`:        true,
		`k8s.workload.name.glob("we?")`:              true,
		`k8s.services.exists(s, s == "front")`:       true,
		`k8s.exposed && verified`:                    true,
		`container.image.repository.matches("^gcr")`: true,
		`!(cluster.name == "d" || node.pool == "")`:  false,
	} {
		if got, err := compile(t, text).Match(t.Context(), facts()); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// What is not known is neither true nor false, unless it does not matter.
func TestUnknown(t *testing.T) {
	f := facts()
	f.ClusterLabels, f.Services, f.Exposed = nil, nil, false
	f.Unknown = []string{"cluster.label", "k8s.services", "k8s.exposed"}
	for _, text := range []string{
		`cluster.label["env"] != "prod"`, `"env" in cluster.label`, `!("env" in cluster.label)`, `k8s.services.all(s, s != "x")`, `!k8s.exposed`,
		`size(k8s.services) == 0`, `rule == "shell" && cluster.label["env"] != "prod"`, `rule == "x" || !k8s.exposed`,
	} {
		if got, err := compile(t, text).Match(t.Context(), f); got || !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]bool{`rule == "x" && k8s.exposed`: false, `rule == "shell" || cluster.label["a"] == "b"`: true} {
		if got, err := compile(t, text).Match(t.Context(), f); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	_, err := compile(t, `!k8s.exposed && cluster.label["a"] == cluster.label["b"]`).Match(t.Context(), f)
	if err == nil || !strings.HasSuffix(err.Error(), ": cluster.label, k8s.exposed") {
		t.Errorf("the error does not name what is not known: %v", err)
	}
}

// A condition that fails or runs away is no match.
func TestFails(t *testing.T) {
	f := facts()
	for range 3000 {
		f.Tags = append(f.Tags, "x")
	}
	for _, text := range []string{`1 / (size(rule) - 5) == 1`, `tags.all(a, tags.all(b, tags.all(c, size(a + b + c) > 0)))`, `int(rule) == 1`} {
		if got, err := compile(t, text).Match(t.Context(), f); got || err == nil || errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// Every name has a value of the type it says, so that a condition with it compiles and runs.
func TestNames(t *testing.T) {
	tests := map[string]string{"text": ` == ""`, "list of texts": ` == []`, "number": ` == 0`, "bool": ` == true`, "map of texts": `["x"] == ""`}
	for _, n := range Names() {
		if n.Doc == "" || tests[n.Type] == "" {
			t.Errorf("%+v", n)
		}
		if _, err := compile(t, n.Name+tests[n.Type]).Match(t.Context(), new(Facts)); err != nil {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	c, f := compile(b, `rule == "shell" && cluster.label["env"] == "lab" && k8s.ns.name.startsWith("sh")`), facts()
	b.ReportAllocs()
	for b.Loop() {
		if got, err := c.Match(b.Context(), f); !got || err != nil {
			b.Fatal(got, err)
		}
	}
}

// docs/where.md has a line for each name.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/where.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range Names() {
		if line := fmt.Sprintf("\n| `%s` | %s | %s |\n", n.Name, n.Type, n.Doc); !strings.Contains(string(doc), line) {
			t.Errorf("docs/where.md does not have%s", line)
		}
	}
}
