package check

import (
	"os/exec"
	"strings"
	"testing"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

const shows = `
each: pool
verdicts: [{fail: otherwise, because: x}]
fix:
  commands: ["printf '%s\\n' --pool={pool.name} {pool.name}"]
  disruption: none
`

func fixOf(t *testing.T, name string) *posture.Fix {
	t.Helper()
	s := load(t, strings.Replace(head, "    fix: {text: do it, disruption: none}\n", "", 1)+"    "+strings.ReplaceAll(strings.TrimSpace(shows), "\n", "\n    ")+"\n")
	return one(t, s, GKE(testCluster, &pb.Cluster{NodePools: []*pb.NodePool{{Name: name}}})).Fix
}

// Names are words of a command line, whatever is in them: a shell runs the line, and gives them back.
func TestNamesAreWords(t *testing.T) {
	for _, name := range []string{"pool", "a b", "$(id)", "`id`", "a;id", "it's", `"`, `\`, "a|b>c", "*", "~", "ä", "{x}", "!!", "#"} {
		fix := fixOf(t, name)
		if len(fix.Commands) != 1 {
			t.Errorf("%q: %+v", name, fix)
			continue
		}
		out, err := exec.Command("sh", "-c", fix.Commands[0]).Output()
		if want := "--pool=" + name + "\n" + name + "\n"; err != nil || string(out) != want {
			t.Errorf("%s gives %q, %v", fix.Commands[0], out, err)
		}
	}
}

// A name that a command would take for a flag, or that has what nobody sees, is in no command.
func TestNamesThatAreNoWords(t *testing.T) {
	for _, name := range []string{"--all", "-A", "a\nid", "a\x1b[2J", "\u202e"} {
		if fix := fixOf(t, name); len(fix.Commands) > 0 || !strings.Contains(fix.Text, "No command is shown") {
			t.Errorf("%q: %+v", name, fix)
		}
	}
}
