package probe

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// The floor is where the programs' helpers, and the accounting of BPF memory to cgroups, all exist. It also makes
// RLIMIT_MEMLOCK irrelevant, which was what counted before 5.11.
const floorMajor, floorMinor = 5, 15

// checkMachine looks for what the programs need, before the kernel refuses them with a bare EPERM.
func checkMachine() error {
	release, err := kernelRelease()
	if err != nil {
		return err
	}
	if err := checkRelease(release); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("%w: %v: mount proc on /proc", ErrUnsupported, err)
	}
	uidMap, _ := os.ReadFile("/proc/self/uid_map")
	if err := checkPrivileges(string(status), string(uidMap)); err != nil {
		return err
	}
	lockdown, _ := os.ReadFile("/sys/kernel/security/lockdown")
	if err := checkLockdown(string(lockdown)); err != nil {
		return err
	}
	return checkTypes("/sys/kernel")
}

func kernelRelease() (string, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", fmt.Errorf("uname: %w", err)
	}
	return unix.ByteSliceToString(name.Release[:]), nil
}

func checkRelease(release string) error {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return nil // a kernel that hides its version may still be new enough
	}
	if major < floorMajor || major == floorMajor && minor < floorMinor {
		return fmt.Errorf("%w: kernel %s is older than %d.%d", ErrUnsupported, release, floorMajor, floorMinor)
	}
	return nil
}

// checkPrivileges reads /proc/self/status and uid_map. CAP_SYS_ADMIN implies the other two, but only CAP_BPF and
// CAP_PERFMON are needed, and only those of the initial user namespace count.
func checkPrivileges(status, uidMap string) error {
	caps, err := strconv.ParseUint(statusField(status, "CapEff"), 16, 64)
	if err != nil {
		return fmt.Errorf("%w: /proc/self/status: CapEff: %v", ErrUnsupported, err)
	}
	var missing []string
	if caps>>unix.CAP_SYS_ADMIN&1 == 0 {
		if caps>>unix.CAP_BPF&1 == 0 {
			missing = append(missing, "CAP_BPF")
		}
		if caps>>unix.CAP_PERFMON&1 == 0 {
			missing = append(missing, "CAP_PERFMON")
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: missing %s: run as root, or add %[2]s to the container's capabilities "+
			"(securityContext.capabilities.add, without the CAP_)", ErrUnsupported, strings.Join(missing, " and "))
	}
	if m := strings.Fields(uidMap); len(m) >= 3 && (m[0] != "0" || m[1] != "0" || m[2] != "4294967295") {
		return fmt.Errorf("%w: this is a user namespace, whose capabilities do not reach BPF: "+
			"run in the host's (hostUsers: true)", ErrUnsupported)
	}
	return nil
}

func statusField(status, name string) string {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func checkLockdown(text string) error {
	if strings.Contains(text, "[confidentiality]") {
		return fmt.Errorf("%w: kernel lockdown is in confidentiality mode, which forbids BPF to read kernel memory: "+
			"boot with lockdown=integrity or none", ErrUnsupported)
	}
	return nil
}

// checkTypes looks for the kernel's description of its own types, by which the programs find fields.
func checkTypes(kernelDir string) error {
	if _, err := os.Stat(kernelDir + "/btf/vmlinux"); err == nil {
		return nil
	}
	if _, err := os.Stat(kernelDir); err != nil {
		return fmt.Errorf("%w: %v: mount sysfs on /sys", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %s/btf/vmlinux is missing: the kernel needs CONFIG_DEBUG_INFO_BTF=y", ErrUnsupported, kernelDir)
}

// tracepointOptions names each tracepoint and the kernel option that brings it.
var tracepointOptions = []struct{ name, option string }{
	{"sys_exit", "CONFIG_FTRACE_SYSCALLS"},
	{"sched_process_exec", "CONFIG_TRACEPOINTS"},
	{"sched_process_fork", "CONFIG_TRACEPOINTS"},
	{"sched_process_exit", "CONFIG_TRACEPOINTS"},
	{"cgroup_attach_task", "CONFIG_CGROUPS and CONFIG_TRACEPOINTS"},
}

func checkTracepoints(kernel *btf.Spec) error {
	for _, t := range tracepointOptions {
		var proto *btf.Typedef
		if err := kernel.TypeByName("btf_trace_"+t.name, &proto); err != nil {
			return fmt.Errorf("%w: the kernel has no tracepoint %s: it needs %s", ErrUnsupported, t.name, t.option)
		}
	}
	return nil
}

// neighbours are fields that the programs read at once: the second must stand right behind the pointer or the 64 bits
// of the first. No kernel has them otherwise; one that had would make for wrong paths without an error.
var neighbours = []struct{ structure, first, second string }{
	{"dentry", "d_parent", "d_name"},
	{"mount", "mnt_parent", "mnt_mountpoint"},
	{"cred", "cap_inheritable", "cap_permitted"},
	{"cred", "cap_permitted", "cap_effective"},
}

func checkLayout(kernel *btf.Spec) error {
	for _, n := range neighbours {
		var s *btf.Struct
		if err := kernel.TypeByName(n.structure, &s); err != nil {
			return fmt.Errorf("%w: kernel's struct %s: %v", ErrUnsupported, n.structure, err)
		}
		first, ok1 := fieldOffset(s.Members, n.first)
		second, ok2 := fieldOffset(s.Members, n.second)
		if !ok1 || !ok2 || second != first+8 {
			return fmt.Errorf("%w: kernel's struct %s does not have %s right behind %s: "+
				"the programs must be adapted to this kernel", ErrUnsupported, n.structure, n.second, n.first)
		}
	}
	return nil
}

// fieldOffset also looks into members without a name.
func fieldOffset(members []btf.Member, name string) (uint32, bool) {
	for _, m := range members {
		if m.Name == name {
			return m.Offset.Bytes(), true
		}
		if m.Name != "" {
			continue
		}
		var inner []btf.Member
		switch t := m.Type.(type) {
		case *btf.Struct:
			inner = t.Members
		case *btf.Union:
			inner = t.Members
		}
		if offset, ok := fieldOffset(inner, name); ok {
			return m.Offset.Bytes() + offset, true
		}
	}
	return 0, false
}

// explainLoad says why bpf(2) refused what checkMachine found nothing against.
func explainLoad(err error) error {
	status, _ := os.ReadFile("/proc/self/status")
	switch {
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%w: no bpf(2): the kernel needs CONFIG_BPF_SYSCALL=y, or a seccomp filter hides it: %v",
			ErrUnsupported, err)
	case errors.Is(err, unix.EPERM) && statusField(string(status), "Seccomp") == "2":
		return fmt.Errorf("%w: bpf(2) is refused although the capabilities are there, and a seccomp filter is in force: "+
			"allow bpf in it, or set seccompProfile: Unconfined: %v", ErrUnsupported, err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		var verifier *ebpf.VerifierError
		if errors.As(err, &verifier) && len(verifier.Log) > 0 {
			return fmt.Errorf("load programs: %+v", verifier)
		}
		return fmt.Errorf("%w: bpf(2) is refused although the capabilities are there: look for a security module's "+
			"message in the kernel log: %v", ErrUnsupported, err)
	}
	var verifier *ebpf.VerifierError
	if errors.As(err, &verifier) {
		return fmt.Errorf("load programs: %+v", verifier)
	}
	return fmt.Errorf("load programs: %w", err)
}
