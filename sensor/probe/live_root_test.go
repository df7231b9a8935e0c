package probe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func init() {
	children["bindmount"] = func(args []string) error {
		dir, name := args[0], args[1]
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return err
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil && err != unix.EINVAL {
			return err
		}
		if err := unix.Mount(filepath.Join(dir, "etc"), filepath.Join(dir, "host"), "", unix.MS_BIND, ""); err != nil {
			return err
		}
		_, err := os.ReadFile(filepath.Join(dir, "host", name))
		// The namespace may outlive the process for a moment, and the test removes dir.
		return errors.Join(err, unix.Unmount(filepath.Join(dir, "host"), 0))
	}
	children["deepmount"] = func(args []string) error {
		dir, name := args[0], args[1]
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return err
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil && err != unix.EINVAL {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			return err
		}
		err := os.WriteFile(filepath.Join(dir, name), nil, 0o644)
		return errors.Join(err, unix.Unmount(dir, 0))
	}
	children["chroot"] = func(args []string) error {
		outside, err := unix.Open(args[0], unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		if err := unix.Chroot(args[1]); err != nil {
			return err
		}
		if err := unix.Chdir("/"); err != nil {
			return err
		}
		for _, dirfd := range []int{outside, cwd} {
			fd, err := unix.Openat(dirfd, args[2], unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			unix.Close(fd)
		}
		return nil
	}
}

// A bind mount hides where a file really is from both other paths.
func TestBindMount(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	for _, d := range []string{"etc", "host"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "etc", "bound"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "host/bound")
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Openat && ev.FD.Path.Name == want },
		func() { run(t, child(t, "bindmount", dir, "bound")) })
	// dir may be on a mount of its own: the filesystem's root is not this system's.
	if f := ev.FD; f.Real != want || !strings.HasSuffix(f.FSPath, "/etc/bound") || f.Foreign {
		t.Errorf("resolved %q, on its filesystem %q", f.Real, f.FSPath)
	}
}

// A filesystem that is mounted too deep for the path in the process's namespace still tells its own.
func TestDeepMount(t *testing.T) {
	l := all(t)
	dir := filepath.Join(resolved(t, t.TempDir()), strings.Repeat("d/", 70))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "hidden")
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Openat && ev.FD.Path.Name == want },
		func() { run(t, child(t, "deepmount", dir, "hidden")) })
	if f := ev.FD; f.RealStatus != event.PathTooDeep || f.FSPath != "/hidden" {
		t.Errorf("resolved %q (%v), on its filesystem %q", f.Real, f.RealStatus, f.FSPath)
	}
}

// A descriptor from outside leads to files that have no path below the process's root. Of those inside, the path on the
// filesystem tells what the root hides.
func TestChroot(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, root} {
		if err := os.WriteFile(filepath.Join(d, "jailed"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("root", link); err != nil {
		t.Fatal(err)
	}
	cmd := child(t, "chroot", dir, link, "jailed")
	var inside, changed *event.Event
	jailed := func(ev *event.Event) bool {
		return ev.Kind == event.Openat && ev.FD.Path.Raw == "jailed" && ev.Task.PPID == int32(os.Getpid())
	}
	outside := l.expect(t, func(ev *event.Event) bool { return jailed(ev) && ev.Args.DirFD >= 0 },
		func() {
			inside = l.expect(t, func(ev *event.Event) bool { return jailed(ev) && ev.Args.DirFD == cwd },
				func() {
					changed = l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Chroot && ev.Args.Path.Name == link },
						func() { run(t, cmd) })
				})
		})
	if f := changed.FD; f.Real != root || f.RealStatus != event.PathResolved || f.Valid || f.Ino != stat(t, root).Ino || changed.Ret != 0 {
		t.Errorf("new root %+v", f)
	}
	if f := outside.FD; !f.Foreign || f.Real != filepath.Join(dir, "jailed") {
		t.Errorf("outside: foreign %v, %q", f.Foreign, f.Real)
	}
	if f := inside.FD; f.Foreign || f.Real != "/jailed" || f.Path.Name != "/jailed" || !strings.HasSuffix(f.FSPath, "/root/jailed") {
		t.Errorf("inside: foreign %v, %q, %q, on its filesystem %q", f.Foreign, f.Real, f.Path.Name, f.FSPath)
	}
}
