package probe

import (
	"context"
	"errors"
	"log/slog"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func objects(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{"bpf_x86_bpfel.o", "bpf_arm64_bpfel.o"} {
		object, err := os.ReadFile(name)
		if err != nil {
			t.Skipf("the objects are not beside the test: %v", err)
		}
		all[name] = object
	}
	return all
}

func mustFailWith(t *testing.T, err error, parts ...string) {
	t.Helper()
	if !errors.Is(err, ErrUnsupported) {
		t.Fatalf("%v is not ErrUnsupported", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

const hostUIDs = "         0          0 4294967295\n"

func TestPrivileges(t *testing.T) {
	const name = "Name:\tsensor\n"
	for _, caps := range []string{"000001ffffffffff", "000000c000000000", "0000000000200000"} {
		if err := checkPrivileges(name+"CapEff:\t"+caps+"\n", hostUIDs); err != nil {
			t.Errorf("%s: %v", caps, err)
		}
	}
	mustFailWith(t, checkPrivileges("CapEff:\t0000000000000000\n", hostUIDs), "missing CAP_BPF and CAP_PERFMON:", "run as root", "securityContext")
	mustFailWith(t, checkPrivileges("CapEff:\t0000008000000000\n", hostUIDs), "missing CAP_PERFMON:")
	mustFailWith(t, checkPrivileges("CapEff:\t0000004000000000\n", hostUIDs), "missing CAP_BPF:")
	mustFailWith(t, checkPrivileges("CapEff:\t000001ffffffffff\n", "0 100000 65536\n"), "user namespace", "hostUsers")
	mustFailWith(t, checkPrivileges("", hostUIDs), "CapEff")
}

func TestKernels(t *testing.T) {
	for _, release := range []string{"5.15.0-rc1", "6.1.0-31-cloud-amd64", "10.0", "unknown"} {
		if err := checkRelease(release); err != nil {
			t.Errorf("%s: %v", release, err)
		}
	}
	for _, release := range []string{"5.10.0", "4.19.123", "5.14.21-150500"} {
		mustFailWith(t, checkRelease(release), release, "older than 5.15")
	}
	mustFailWith(t, checkLockdown("none integrity [confidentiality]\n"), "lockdown", "confidentiality")
	if err := checkLockdown("none [integrity] confidentiality\n"); err != nil {
		t.Error(err)
	}
	sys := t.TempDir()
	mustFailWith(t, checkTypes(sys), "btf/vmlinux is missing", "CONFIG_DEBUG_INFO_BTF")
	mustFailWith(t, checkTypes(filepath.Join(sys, "kernel")), "mount sysfs")
	mustFailWith(t, explainLoad(unix.ENOSYS), "CONFIG_BPF_SYSCALL")
	mustFailWith(t, explainLoad(unix.EPERM), "bpf(2) is refused")
}

func init() {
	children["open"] = func([]string) error {
		p, err := Open(context.Background(), Config{}, slog.New(slog.DiscardHandler))
		if err == nil {
			return p.Close()
		}
		os.Stdout.WriteString(err.Error())
		if !errors.Is(err, ErrUnsupported) {
			return err
		}
		return nil
	}
}

// A process that may not load programs says what it lacks.
func TestOpenUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	exe := filepath.Join(t.TempDir(), "probe.test")
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(exe); dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := child(t, "open")
	cmd.Path = exe
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "missing CAP_BPF and CAP_PERFMON"; !strings.Contains(string(out), want) {
		t.Errorf("%q does not say %q", out, want)
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		field string
		cfg   Config
	}{
		{"", Config{}},
		{"", Config{RingBytes: 1 << 20, Cgroups: 100}},
		{"RingBytes", Config{RingBytes: 3 << 20}},
		{"RingBytes", Config{RingBytes: 4096}},
		{"Cgroups", Config{Cgroups: 1}},
		{"Filter", Config{Filter: event.Filter{event.Openat: 3}}},
	} {
		err := test.cfg.Validate()
		if (err == nil) != (test.field == "") || err != nil && !strings.HasPrefix(err.Error(), "probe.Config."+test.field+":") {
			t.Errorf("%+v: %v", test.cfg, err)
		}
	}
}

func TestRingSize(t *testing.T) {
	for cpus, want := range map[int]uint32{1: 8 << 20, 16: 8 << 20, 17: 16 << 20, 64: 32 << 20, 100: 64 << 20, 5000: 1 << 30} {
		got := defaultRingBytes(cpus)
		if got != want || bits.OnesCount32(got) != 1 {
			t.Errorf("%d CPUs: %d, want %d", cpus, got, want)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	root := t.TempDir()
	write := func(dir, text string) {
		t.Helper()
		dir = filepath.Join(root, dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "memory.max"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("pods/one/sensor", "max\n")
	write("pods/one", "104857600\n")
	write("pods", "209715200\n")
	if got := lowestLimit(root, "/pods/one/sensor", "memory.max"); got != 100<<20 {
		t.Errorf("limit %d", got)
	}
	// What a container sees: its own cgroup is the root, and its path outside does not exist.
	write("", "52428800\n")
	if got := lowestLimit(root, "/kubepods/x", "memory.max"); got != 50<<20 {
		t.Errorf("limit in a container %d", got)
	}
	if got := lowestLimit(t.TempDir(), "/", "memory.max"); got != noLimit {
		t.Errorf("no limit: %d", got)
	}

	memory := Config{}.Memory(4)
	if err := memory.fits(memory.Total()); err != nil {
		t.Error(err)
	}
	err := memory.fits(50 << 20)
	if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "52428800") {
		t.Errorf("50 MiB: %v", err)
	}
	if one, two := (Config{}).Memory(1), (Config{}).Memory(2); two.Scratch != 2*one.Scratch || two.Ring != one.Ring {
		t.Errorf("scratch %d and %d", one.Scratch, two.Scratch)
	}
}

func TestCgroupController(t *testing.T) {
	for text, want := range map[string]string{
		"0::/\n": "",
		"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-2.scope\n":        "",
		"9:name=systemd:/\n8:pids:/\n4:memory:/a\n1:cpu,cpuacct:/\n0::/\n":       "memory",
		"3:cpu,cpuacct:/a\n2:pids:/a\n1:name=systemd:/a\n0::/a\n":                "pids",
		"2:cpu,cpuacct:/a\n1:name=systemd:/a\n":                                  "cpu",
		"1:name=systemd:/system.slice/a.service\n0::/system.slice/a.service\n\n": "",
	} {
		if got := cgroupController(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
