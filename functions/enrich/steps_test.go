package enrich

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tiercel.dev/alert"
	"tiercel.dev/rules"
	"tiercel.dev/rules/library"
)

// maxFinding is how much of it a finding shows.
const maxFinding = 2 << 10

// Every shipped rule has steps of its own, every step is somebody's, and none names what does not exist.
func TestStepsAreWhole(t *testing.T) {
	set, err := rules.Load(library.Sources(), rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shipped, used := map[string]bool{}, map[string]bool{}
	for _, r := range set.Rules() {
		shipped[r.Name] = true
		if len(steps.Rules[r.Name]) == 0 {
			t.Errorf("rule %s has no steps", r.Name)
		}
	}
	lists := map[string][]string{}
	for name, list := range steps.Rules {
		lists[name] = list
		if !shipped[name] {
			t.Errorf("there is no rule %s", name)
		}
	}
	for _, tag := range steps.Tags {
		lists["tag "+tag.Tag] = tag.Steps
	}
	for severity := alert.Low; severity <= alert.Critical; severity++ {
		lists[severity.String()] = steps.Severities[severity.String()]
	}
	for name, list := range lists {
		if len(list) == 0 {
			t.Errorf("%s has no steps", name)
		}
		for _, step := range list {
			used[step] = true
			if steps.Steps[step] == "" {
				t.Errorf("%s: there is no step %s", name, step)
			}
		}
	}
	for step := range steps.Steps {
		if !used[step] {
			t.Errorf("nobody takes step %s", step)
		}
	}
}

func TestNextSteps(t *testing.T) {
	place := regexp.MustCompile(`\{\w+\}`)
	long := strings.Repeat("a", 63)
	for rule := range steps.Rules {
		a := &alert.Alert{
			Rule: &alert.Rule{Name: rule}, Pod: &alert.Pod{Namespace: long, Name: long}, Container: &alert.Container{Name: long},
			Node: &alert.Node{Name: long}, Cluster: &alert.Cluster{Project: long[:30]},
		}
		text := nextSteps(a)
		if len(text) > maxFinding || place.MatchString(text) || !strings.HasPrefix(text, "1. ") {
			t.Errorf("%s: %d bytes:\n%s", rule, len(text), text)
		}
		a.Pod, a.Container = nil, nil
		if text := nextSteps(a); text == "" && slices.Contains(steps.Rules[rule], "session") || strings.Contains(text, "POD") {
			t.Errorf("%s on a host:\n%s", rule, text)
		}
	}
}

// Names that a shell would read as more than a name are not put into commands.
func TestStepsAreSafe(t *testing.T) {
	for _, hostile := range []string{"x; rm -rf /", "$(id)", "`id`", "a\nb", "-o", "{node}", "ä", "x y"} {
		a := &alert.Alert{
			Rule: &alert.Rule{Name: "terminal_shell_in_container"}, Pod: &alert.Pod{Namespace: hostile, Name: hostile},
			Container: &alert.Container{Name: hostile}, Node: &alert.Node{Name: hostile}, Cluster: &alert.Cluster{Project: hostile},
		}
		if text := nextSteps(a); strings.Contains(text, hostile) && hostile != "x y" && hostile != "-o" || !strings.Contains(text, "kubectl -n NAMESPACE get pod POD ") {
			t.Errorf("%q:\n%s", hostile, text)
		}
	}
}

func TestStepsOfOwnRules(t *testing.T) {
	for _, tt := range []struct {
		tags     []string
		severity alert.Severity
		want     string
	}{
		{[]string{"mine", "network"}, alert.Low, "peer"}, {[]string{"container", "network", "escape"}, alert.Low, "keep"},
		{nil, alert.Critical, "keep"}, {[]string{"mine"}, alert.Medium, "keep"},
	} {
		got := stepsOf(&alert.Alert{Rule: &alert.Rule{Name: "mine", Tags: tt.tags}, Severity: tt.severity})
		if len(got) == 0 || got[0] != tt.want {
			t.Errorf("%v %v: %v", tt.tags, tt.severity, got)
		}
	}
}
