package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/source"
)

const falcoSelected = `
- rule: Shell in container
  desc: d
  condition: evt.type = execve and proc.name = bash
  output: shell %proc.name parent=%proc.pname took=%proc.duration
  priority: WARNING
  tags: [container, shell]
- rule: Other
  desc: d
  condition: evt.type = execve and proc.name = sh
  output: "100%%"
  priority: NOTICE
  enabled: false
`

func TestFalcoSelectionAndPriority(t *testing.T) {
	warning := falco.Warning
	for _, tt := range []struct {
		name  string
		opt   FalcoOptions
		want  string // of bash, then of sh
		warns string
	}{
		{"as the file says", FalcoOptions{}, "Shell in container,", ""},
		{"switched by tag and name", FalcoOptions{Select: []falco.Selection{{Tag: "shell"}, {Enable: true, Rule: "Oth*"}}}, ",Other", ""},
		{"below the least priority", FalcoOptions{Select: []falco.Selection{{Enable: true, Rule: "*"}}, Least: &warning}, "Shell in container,", ""},
		{"about no rule", FalcoOptions{Select: []falco.Selection{{Tag: "none", Position: source.Position{File: "falco.yaml", Line: 3, Column: 5}}}},
			"Shell in container,", `falco.yaml:3:5: rules: no rule has the tag "none"`},
	} {
		s := falcoSet(t, tt.opt, falcoSelected)
		got := strings.Join(matches(s, testEvent(t, "evt.type", "execve", "proc.name", "bash")), " ") + "," +
			strings.Join(matches(s, testEvent(t, "evt.type", "execve", "proc.name", "sh")), " ")
		if got != tt.want {
			t.Errorf("%s: %s fire", tt.name, got)
		}
		var warnings []string
		for _, w := range s.Warnings() {
			warnings = append(warnings, w.Error())
		}
		if said := strings.Join(warnings, "\n"); said != tt.warns {
			t.Errorf("%s: warnings %s", tt.name, said)
		}
	}
}

func TestFalcoAppend(t *testing.T) {
	opt := FalcoOptions{
		Select: []falco.Selection{{Enable: true, Rule: "*"}},
		Static: []FalcoField{{Name: "static.site", Text: "50%"}},
		Append: []FalcoAppend{
			{Tags: []string{"shell", "container"}, Suggested: true},
			{Rule: "Other", Output: "by %user.name", Fields: []FalcoField{{Name: "proc.pid"}, {Name: "proc.aname[2]"}, {Name: "who", Text: "%user.name/%proc.name"}}},
			{Source: "k8s_audit", Output: "never"},
			{Tags: []string{"shell", "host"}, Output: "never"},
		},
	}
	s := falcoSet(t, opt, falcoSelected)
	ev := testEvent(t, "evt.type", "execve", "proc.name", "bash", "user.name", "ann", "container.name", "c", "proc.pid", "7", "proc.duration", "5ms")
	r := s.Rule("Shell in container")
	want := "shell bash parent=<NA> took=5ms container_id=0123456789ab container_name=c container_image_repository= container_image_tag= k8s_pod_name=<NA> k8s_ns_name=<NA> static_site=50%"
	if got := r.Output(ev); stripID(got) != stripID(want) {
		t.Errorf("output %q", got)
	}
	fields := r.Fields(ev)
	if d := cmp.Diff([]Field{{"proc.name", "bash"}, {"proc.pname", nil}, {"proc.duration", int64(5_000_000)}}, fields[:3]); d != "" {
		t.Error(d)
	}
	if last := fields[len(fields)-1]; last != (Field{"static.site", "50%"}) {
		t.Errorf("last field %v", last)
	}
	if !r.metadata {
		t.Error("nothing waits for the container's name")
	}
	other := s.Rule("Other")
	if got := other.Output(ev); got != "100% by ann" {
		t.Errorf("output %q", got)
	}
	if d := cmp.Diff([]Field{{"user.name", "ann"}, {"proc.pid", int64(7)}, {"proc.aname[2]", nil}, {"who", "ann/bash"}}, other.Fields(ev)); d != "" {
		t.Error(d)
	}
}

// stripID takes the container's id out, which a test event makes up.
func stripID(s string) string {
	before, after, _ := strings.Cut(s, "container_id=")
	_, after, _ = strings.Cut(after, " ")
	return before + after
}

func TestCheckFalcoOutput(t *testing.T) {
	if err := CheckFalcoOutput("100%% of %proc.name and %5user.name"); err != nil {
		t.Error(err)
	}
	if err := CheckFalcoOutput("%proc.nonsense"); err == nil || !strings.Contains(err.Error(), "proc.nonsense") {
		t.Errorf("%v", err)
	}
}
