package probe

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func init() {
	children["wait"] = func([]string) error {
		_, err := io.ReadAll(os.Stdin)
		return err
	}
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// lockToCPU runs an open on a thread of that CPU.
func lockToCPU(cpu int, done chan<- error) {
	runtime.LockOSThread()
	var one unix.CPUSet
	one.Set(cpu)
	err := unix.SchedSetaffinity(0, &one)
	if err == nil {
		_, err = os.ReadFile("/dev/null")
	}
	done <- err
}

// cgroupOf picks the line of /proc/PID/cgroup that the kernel side goes by.
func cgroupOf(text string) string {
	controller := cgroupController(text)
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if parts[0] == "0" && controller == "" {
			return parts[2]
		}
		for name := range strings.SplitSeq(parts[1], ",") {
			if name == controller && controller != "" {
				return parts[2]
			}
		}
	}
	return ""
}

// cgroupDir is the directory of this process's cgroup in the hierarchy that the kernel side goes by.
func cgroupDir(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("/sys/fs/cgroup", cgroupController(string(text)), cgroupOf(string(text)))
	if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err != nil {
		t.Skipf("the cgroup hierarchy is not mounted in its usual place: %v", err)
	}
	return dir
}

func init() {
	// overlay runs this program from the lower layer of an overlay, and then from the upper one.
	children["overlay"] = func(args []string) error {
		dir := args[0]
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("tmpfs", dir, "tmpfs", 0, "")); err != nil {
			return err
		}
		var errs []error
		for _, d := range []string{"lower", "upper", "work", "merged"} {
			errs = append(errs, os.Mkdir(filepath.Join(dir, d), 0o755))
		}
		self, err := os.ReadFile("/proc/self/exe")
		errs = append(errs, err, os.WriteFile(filepath.Join(dir, "lower/exe"), self, 0o755))
		if err := errors.Join(errs...); err != nil {
			return err
		}
		merged := filepath.Join(dir, "merged")
		options := "lowerdir=" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work"
		if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
			if err == unix.ENODEV {
				os.Exit(noOverlay)
			}
			return err
		}
		exe := filepath.Join(merged, "exe")
		for _, name := range []string{"from-lower", "from-upper"} {
			cmd := exec.Command(exe)
			cmd.Args = []string{name}
			cmd.Env = []string{"PROBE_TEST_CHILD=nothing"}
			if err := cmd.Run(); err != nil {
				return err
			}
			if err := os.Chmod(exe, 0o700); err != nil { // copies it up
				return err
			}
		}
		return errors.Join(unix.Unmount(merged, 0), unix.Unmount(dir, 0))
	}
}

const noOverlay = 77

func init() {
	// root runs a copy of this program from a mount of its own, then this program after a chroot into a mount of all there is,
	// and after one that goes nowhere.
	children["root"] = func(args []string) error {
		tmp, all := filepath.Join(args[0], "tmp"), filepath.Join(args[0], "all")
		if err := errors.Join(os.Mkdir(tmp, 0o755), os.Mkdir(all, 0o755), unix.Unshare(unix.CLONE_NEWNS),
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("tmpfs", tmp, "tmpfs", 0, ""),
			unix.Mount("/", all, "", unix.MS_BIND|unix.MS_REC, "")); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		program, err := os.ReadFile(self)
		if err := errors.Join(err, os.WriteFile(filepath.Join(tmp, "exe"), program, 0o755)); err != nil {
			return err
		}
		for _, as := range []struct{ name, exe, root string }{{"on-mount", filepath.Join(tmp, "exe"), ""}, {"in-root", self, all}, {"in-top", self, "/"}} {
			cmd := exec.Command(as.exe)
			cmd.Args, cmd.Env, cmd.Dir = []string{as.name}, []string{"PROBE_TEST_CHILD=nothing"}, "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: as.root}
			if err := cmd.Run(); err != nil {
				return err
			}
		}
		return nil
	}
}

// A path says where an executable lies only as far as the root that it begins at.
func TestExecutablesRoot(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	var inRoot, inTop *event.Event
	onMount := l.expect(t, execOf("on-mount"), func() {
		inRoot = l.expect(t, execOf("in-root"), func() {
			inTop = l.expect(t, execOf("in-top"), func() { run(t, child(t, "root", dir)) })
		})
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if x := onMount.Exec; x.ExePath != dir+"/tmp/exe" || x.Chrooted || !x.OtherMount {
		t.Errorf("on a mount: %s, chrooted %v, on another mount %v", x.ExePath, x.Chrooted, x.OtherMount)
	}
	if x := inRoot.Exec; x.ExePath != self || !x.Chrooted {
		t.Errorf("in another root: %s, chrooted %v", x.ExePath, x.Chrooted)
	}
	if x := inTop.Exec; x.ExePath != self || x.Chrooted || x.OtherMount != inRoot.Exec.OtherMount {
		t.Errorf("in the root: %s, chrooted %v, on another mount %v", x.ExePath, x.Chrooted, x.OtherMount)
	}
}

// A file of an overlay that was written since the layers below were made is what containers drop and run.
func TestUpperLayer(t *testing.T) {
	l := all(t)
	var upper *event.Event
	cmd := child(t, "overlay", resolved(t, t.TempDir()))
	lower := l.expect(t, execOf("from-lower"), func() {
		upper = l.expect(t, execOf("from-upper"), func() {
			err := cmd.Run()
			if cmd.ProcessState.ExitCode() == noOverlay {
				t.Skip("this kernel has no overlay filesystem, or has it as a module that is not loaded")
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	})
	if lower.Exec.UpperLayer != event.TriFalse || upper.Exec.UpperLayer != event.TriTrue {
		t.Errorf("lower %v, upper %v", lower.Exec.UpperLayer, upper.Exec.UpperLayer)
	}
}

// Where it is not known how an overlay looks, the answer is not "no".
func TestUpperLayerUnknown(t *testing.T) {
	l := all(t)
	var was uint32
	if err := l.probe.objs.OverlayUpper.Get(&was); err != nil {
		t.Fatal(err)
	}
	if err := l.probe.objs.OverlayUpper.Set(uint32(0)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.probe.objs.OverlayUpper.Set(was); err != nil {
			t.Error(err)
		}
	}()
	cmd := child(t, "overlay", resolved(t, t.TempDir()))
	ev := l.expect(t, execOf("from-upper"), func() {
		err := cmd.Run()
		if cmd.ProcessState.ExitCode() == noOverlay {
			t.Skip("this kernel has no overlay filesystem, or has it as a module that is not loaded")
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if ev.Exec.UpperLayer != event.TriUnknown {
		t.Errorf("upper layer %v", ev.Exec.UpperLayer)
	}
}
