package node

import (
	"debug/elf"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"tiercel.dev/internal/acts"
)

// TestCompatActs has a 32-bit program do what rules that know nothing of such programs describe.
func TestCompatActs(t *testing.T) {
	dir := t.TempDir()
	secret, script := filepath.Join(dir, "shadow"), filepath.Join(dir, "script")
	for _, name := range []string{secret, script} {
		write(t, name, nil)
	}
	to := server(t)
	_, port, err := net.SplitHostPort(to)
	if err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(dir, "rules.yaml")
	rule := func(name, condition string) string {
		return fmt.Sprintf("- rule: %s\n  desc: what a 64-bit program would be seen to do\n  condition: %s\n  output: \"%%proc.name %%fd.name\"\n  priority: WARNING\n", name, condition)
	}
	write(t, rules, []byte(rule("read", "evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.typechar='f' and fd.num>=0 and fd.name="+secret)+
		rule("mode", "evt.type in (chmod, fchmodat) and evt.arg.mode contains S_IXUSR and evt.arg.filename="+script)+
		rule("link", "evt.type in (symlink, symlinkat) and evt.arg.target="+secret)+
		rule("connection", `evt.type=connect and fd.typechar=4 and fd.sip="127.0.0.1" and fd.sport=`+port)+
		rule("start", "spawned_process and proc.exepath="+filepath.Join(dir, "actor"))+
		"- macro: spawned_process\n  condition: (evt.type in (execve, execveat))\n"))

	t.Setenv("GOARCH", map[string]string{"amd64": "386", "arm64": "arm"}[runtime.GOARCH])
	actor, err := acts.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	if file, err := elf.Open(actor); err != nil || file.Class != elf.ELFCLASS32 {
		t.Fatalf("not a 32-bit program: %v", err)
	}
	if err := exec.CommandContext(t.Context(), actor).Run(); err != nil {
		t.Skipf("this kernel has no 32-bit programs: %v", err)
	}
	w := startSensor(t, func(c *Config) {
		c.Rules.Library = false
		c.Rules.Paths = []string{rules}
	})
	plan := acts.Plan{acts.Do("open", secret, "r"), acts.Do("chmod", script, "755"), acts.Do("symlink", secret, filepath.Join(dir, "link")),
		acts.Do("connect", "tcp", to)}
	if out, err := exec.CommandContext(t.Context(), actor, plan.String()).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, rule := range []string{"read", "mode", "link", "connection", "start"} {
		w.until("the rule "+rule, func() bool { return len(w.of(rule)) > 0 })
		if p := w.of(rule)[0].GetProcess(); p.GetExePath() != actor {
			t.Errorf("%s: done by %v", rule, p)
		}
	}
	w.end()
}
