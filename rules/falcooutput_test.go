package rules

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestFalcoOutputNames has fields by the names that an output gives them, in its text and among the alert's fields: those who
// read these know Falco's names.
func TestFalcoOutputNames(t *testing.T) {
	zone := time.Local
	time.Local = time.FixedZone("west", -5*60*60)
	t.Cleanup(func() { time.Local = zone })
	s := falcoSet(t, FalcoOptions{}, `
- rule: r
  desc: d
  condition: evt.type = execve
  output: >-
    %evt.time %evt.time.iso8601 %proc.aname[2] %proc.args[1] %proc.env[HOME] %k8s.pod.label.app. %k8s.pod.label[app]
    %k8s.pod.id %k8smeta.ns.name %proc.stdin.type %k8s.ns.label[team] %k8s.ns.label.team %k8s.pod.label.app.kubernetes.io/part-of-%proc.name %5proc.pname|
  priority: NOTICE
`)
	ev := testEvent(t, "evt.type", "execve", "proc.name", "bash", "evt.time", "2026-01-02T03:04:05Z", "proc.aname[1]", "sshd", "proc.aname[2]", "systemd",
		"proc.args", "-c id", `proc.env["HOME"]`, "/root", `k8s.pod.label["app"]`, "web", `k8s.pod.label["app.kubernetes.io/part-of"]`, "till", "k8s.pod.uid", "0d4c", "k8s.ns.name", "shop")
	r := s.Rules()[0]
	want := "22:04:05.000000000 2026-01-02T03:04:05.000000000+0000 systemd id /root web. web 0d4c shop <NA> <NA> <NA> till-bash sshd |"
	if got := r.Output(ev); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	names := []Field{{"evt.time", "22:04:05.000000000"}, {"evt.time.iso8601", "2026-01-02T03:04:05.000000000+0000"}, {"proc.aname[2]", "systemd"},
		{"proc.args[1]", "id"}, {"proc.env[HOME]", "/root"}, {"k8s.pod.label.app", "web"}, {"k8s.pod.label[app]", "web"}, {"k8s.pod.id", "0d4c"},
		{"k8smeta.ns.name", "shop"}, {"proc.stdin.type", nil}, {"k8s.ns.label[team]", nil}, {"k8s.ns.label.team", nil}, {"k8s.pod.label.app.kubernetes.io/part-of", "till"}, {"proc.name", "bash"}, {"proc.pname", "sshd"}}
	if diff := cmp.Diff(names, r.Fields(ev)); diff != "" {
		t.Error(diff)
	}
	if e := s.Environment(); e.All || !cmp.Equal(e.Names, []string{"HOME"}) {
		t.Errorf("of the environment it reads %+v", e)
	}
}
