package node

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/acts"
	"tiercel.dev/internal/containerd"
)

// overrides is what a user of the upstream files adds to them: two of the enabled rules are switched by a list and a macro of
// which the upstream text says that users fill them.
const overrides = `
- list: namespace_scope_network_only_subnet
  items: [shop]
  override: {items: append}
- macro: allowed_containers
  condition: not container.image.repository = registry.test/tools/busybox
  override: {condition: replace}
`

// fence is a rule of the test's own that follows each act, to know that what came before has been seen.
const fence = `
rules:
  - name: fence
    condition: evt.type == "openat" && fd.name.startsWith("/fence-")
    output: "{fd.name}"
    severity: LOW
`

// TestContainerdFalcoRules acts as each enabled rule of falcosecurity/rules describes, and nearly so.
func TestContainerdFalcoRules(t *testing.T) {
	folder := os.Getenv("TIERCEL_FALCO_RULES")
	if folder == "" {
		t.Skip("needs the files of falcosecurity/rules (tags falco-rules-5.1.0, falco-incubating-rules-6.0.1, falco-sandbox-rules-6.1.0): set TIERCEL_FALCO_RULES to their folder")
	}
	nameserver(t, "kubernetes.default.svc.cluster.local", netip.MustParseAddrPort(apiServer).Addr())
	s := newFalcoStage(t, folder)
	for _, file := range falcoRules {
		for _, act := range file {
			t.Run(strings.ReplaceAll(act.rule, "/", " or "), func(t *testing.T) { s.try(t, act) })
		}
	}
	s.watch.end()
}

// A stage is where acts are done: a root on the host, two containers, and a sensor that watches.
type stage struct {
	watch   *watch
	runtime *criTest
	root    string
	pods    map[place]containerd.Pod
	running map[place]string // containers
	acts    int
}

func newFalcoStage(t *testing.T, folder string) *stage {
	actor, err := acts.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range falcoRules {
		for _, act := range file {
			names = append(append(names, act.fires.Names()...), act.near.Names()...)
		}
	}
	s := &stage{root: t.TempDir(), running: map[place]string{}, pods: map[place]containerd.Pod{}}
	s.runtime = startContainerd(t, containerd.Program{From: actor, Folder: acts.Folder, Links: append(names, "tar")})
	s.fillRoot(t, actor, names)
	s.startWatch(t, folder)
	s.startContainers(t)
	return s
}

// startContainers starts those that acts are done in.
func (s *stage) startContainers(t *testing.T) {
	t.Helper()
	s.pods[inPod] = s.runtime.pod("shop", "web-0")
	privileged, err := s.runtime.PrivilegedPod(t.Context(), "shop", "admin-0")
	if err != nil {
		t.Fatal(err)
	}
	s.pods[inPrivileged] = privileged
	for at, pod := range s.pods {
		s.running[at] = s.runtime.container(pod, "app", false, acts.Folder+"/actor", acts.Plan{do("sleep", "1h")}.String())
	}
}

// fillRoot makes what acts on the host need.
func (s *stage) fillRoot(t *testing.T, actor string, names []string) {
	folders := []string{"/etc/cron.d", "/etc/apt", "/root/.ssh", "/usr/bin", "/usr/lib", "/boot", "/tmp", "/dev/shm", "/dev/pts", "/proc", "/var/log", "/var/lib/rpm"}
	if err := acts.Root(s.root, actor, names, folders); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"etc/shadow", "etc/hostname", "var/log/auth.log", "root/.ssh/id_rsa", "tmp/file", "tmp/from", "usr/bin/from",
		"usr/lib/liblzma.so.5.6.1", "usr/lib/liblzma.so.5.6.2", "etc/cron.d/x", "boot/x"} {
		write(t, filepath.Join(s.root, file), nil)
	}
	write(t, filepath.Join(s.root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\nbin:x:2:2::/bin:/bin/false\n"))
	if err := syscall.Mknod(filepath.Join(s.root, "dev/ptmx"), syscall.S_IFCHR|0o666, 5<<8|2); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct{ kind, to string }{{"proc", "proc"}, {"devpts", "dev/pts"}} {
		to := filepath.Join(s.root, m.to)
		if err := syscall.Mount(m.kind, to, m.kind, 0, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(to, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
}

func (s *stage) startWatch(t *testing.T, folder string) {
	dir := t.TempDir()
	own, fences := filepath.Join(dir, "own.yaml"), filepath.Join(dir, "fence.yaml")
	write(t, own, []byte(overrides))
	write(t, fences, []byte(fence))
	s.watch = startSensor(t, func(c *Config) {
		c.Container.Sockets = []string{s.runtime.Socket}
		c.Rules.Library = false
		c.Rules.Falco.AllMatch = true
		c.Rules.Paths = []string{filepath.Join(folder, "falco_rules.yaml"), filepath.Join(folder, "falco-incubating_rules.yaml"),
			filepath.Join(folder, "falco-sandbox_rules.yaml"), own, fences}
	})
}

// try does what the rule is about, which it must fire on, and first what is nearly that.
func (s *stage) try(t *testing.T, a staged) {
	t.Helper()
	nearAt := a.nearAt
	if nearAt == onHost {
		nearAt = a.at
	}
	if fired := s.act(t, nearAt, a.near, a.rule); len(fired) > 0 {
		t.Errorf("fires on the near miss: %s", fired[0].GetOutput())
	}
	if fired := s.act(t, a.at, a.fires, a.rule); len(fired) == 0 {
		t.Errorf("does not fire")
	}
}

// act does what the plan says and returns the alerts of the rule that came of it.
func (s *stage) act(t *testing.T, at place, plan acts.Plan, rule string) []*alert.Alert {
	t.Helper()
	before := len(s.watch.alerts())
	container := s.perform(t, at, plan)
	s.raiseFence(t)
	var fired []*alert.Alert
	for _, a := range s.watch.alerts()[before:] {
		if a.GetRule().GetName() == rule && s.ours(a, container) {
			fired = append(fired, a)
		}
	}
	return fired
}

// perform returns the container that it was done in.
func (s *stage) perform(t *testing.T, at place, plan acts.Plan) string {
	t.Helper()
	s.acts++
	switch at {
	case onHost:
		cmd := exec.Command(acts.Folder + "/actor")
		cmd.Env = []string{acts.Variable + "=" + plan.String()}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: s.root}
		cmd.Dir = "/"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return ""
	case inPod, inPrivileged:
		id, name := s.running[at], "actor"
		if plan[0].Do != nil && plan[0].Do[0] == "as" {
			name, plan = plan[0].Do[1], plan[1:]
		}
		if err := s.runtime.Ctr(t.Context(), "task", "exec", "--exec-id", "act"+strconv.Itoa(s.acts), id, acts.Folder+"/"+name, plan.String()); err != nil {
			t.Fatal(err)
		}
		return id
	}
	pod := s.pods[inPod]
	if at == newPrivileged {
		pod = s.pods[inPrivileged]
	}
	argv := append([]string{acts.Folder + "/" + plan[0].ProcessName()}, plan[0].Run[1:]...)
	return s.runtime.container(pod, "act"+strconv.Itoa(s.acts), at == newTerminal, argv...)
}

// ours tells what an act did from what else goes on on the machine.
func (s *stage) ours(a *alert.Alert, container string) bool {
	if container != "" {
		return a.GetContainer().GetId() == container
	}
	for _, p := range a.GetAncestors() {
		if int(p.GetPid()) == os.Getpid() {
			return true
		}
	}
	return false
}

// raiseFence returns when the sensor has seen all that was done before.
func (s *stage) raiseFence(t *testing.T) {
	t.Helper()
	name := fmt.Sprintf("/fence-%d", s.acts)
	if _, err := os.Open(name); err == nil {
		t.Fatal(name + " exists")
	}
	s.watch.until("the fence behind the act", func() bool {
		for _, a := range s.watch.of("fence") {
			if a.GetOutput() == name {
				return true
			}
		}
		time.Sleep(10 * time.Millisecond)
		return false
	})
}
