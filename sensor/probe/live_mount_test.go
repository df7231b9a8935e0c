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

// Calls that fail show what was asked for.
func TestTreeCalls(t *testing.T) {
	l := all(t)
	t.Chdir(resolved(t, t.TempDir()))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dirfd, err := unix.Open("/", unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dirfd)
	minusOne := ^uintptr(0)
	relative := event.Path{Raw: "absent/../y", Name: here + "/y"}
	below := event.Path{Raw: "absent/z", Name: "/absent/z"}
	for _, test := range []struct {
		kind event.Kind
		args []uintptr
		want event.Args
		path event.Path // of the descriptor
	}{
		{event.Fsopen, []uintptr{text("no-such"), 1}, event.Args{FSType: "no-such", Flags: 1}, event.Path{}},
		{event.Fsconfig, []uintptr{minusOne, 1, text("source"), text("/dev/sda"), 0},
			event.Args{Cmd: 1, Key: "source", Source: "/dev/sda"}, event.Path{}},
		{event.Fsconfig, []uintptr{minusOne, 3, text("upperdir"), text("up"), at(cwd)},
			event.Args{Cmd: 3, Key: "upperdir", Source: "up", NewFD: cwd}, event.Path{}},
		{event.Fsconfig, []uintptr{minusOne, 6, 0, 0, 0}, event.Args{Cmd: 6}, event.Path{}},
		{event.Fsmount, []uintptr{minusOne, 1, 0xf}, event.Args{Flags: 1, Mode: 0xf}, event.Path{}},
		{event.OpenTree, []uintptr{at(dirfd), text(below.Raw), 1}, event.Args{DirFD: int32(dirfd), Flags: 1}, below},
		{event.MoveMount, []uintptr{at(cwd), text(relative.Raw), at(dirfd), text(below.Raw), 0x10},
			event.Args{Path: relative, NewPath: below, DirFD: cwd, NewDirFD: int32(dirfd), Flags: 0x10}, event.Path{}},
		{event.Chroot, []uintptr{text(relative.Raw)}, event.Args{Path: relative, DirFD: cwd}, event.Path{}},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			var errno unix.Errno
			ev := l.expect(t, mine(test.kind, nil), func() { _, errno = call(t, test.kind, test.args...) })
			if errno == 0 || ev.Ret != -int64(errno) {
				t.Errorf("returned %d, want %d", ev.Ret, -int64(errno))
			}
			if ev.Args != test.want {
				t.Errorf("got  %+v\nwant %+v", ev.Args, test.want)
			}
			if ev.FD != (event.FD{Path: test.path}) {
				t.Errorf("descriptor %+v", ev.FD)
			}
		})
	}
}

const ownSource = "tiercel-source"

func init() {
	// stepmount mounts step by step, as no call of mount would: a filesystem of its own, and etc of dir on host.
	children["stepmount"] = func(args []string) error {
		dir := args[0]
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return err
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil && err != unix.EINVAL {
			return err
		}
		fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
		if err != nil {
			return err
		}
		if err := errors.Join(unix.FsconfigSetString(fs, "source", ownSource), unix.FsconfigCreate(fs)); err != nil {
			return err
		}
		mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID)
		if err != nil {
			return err
		}
		if err := unix.MoveMount(mnt, "", unix.AT_FDCWD, filepath.Join(dir, "fs"), unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return err
		}
		tree, err := unix.OpenTree(unix.AT_FDCWD, filepath.Join(dir, "etc"), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return err
		}
		if err := unix.MoveMount(tree, "", unix.AT_FDCWD, filepath.Join(dir, "host"), unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return err
		}
		return errors.Join(unix.Unmount(filepath.Join(dir, "host"), unix.MNT_DETACH), unix.Unmount(filepath.Join(dir, "fs"), unix.MNT_DETACH))
	}
}

// expectAll does something and returns the first event that each of the matches finds.
func (l *listener) expectAll(t *testing.T, do func(), matches ...func(*event.Event) bool) (found []*event.Event) {
	t.Helper()
	if len(matches) == 0 {
		do()
		return nil
	}
	ev := l.expect(t, matches[0], func() { found = l.expectAll(t, do, matches[1:]...) })
	return append([]*event.Event{ev}, found...)
}

// What mount tells in one call, those that mount step by step tell together.
func TestStepMount(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	for _, d := range []string{"etc", "host", "fs"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := child(t, "stepmount", dir)
	of := func(kind event.Kind, more func(*event.Event) bool) func(*event.Event) bool {
		return func(ev *event.Event) bool {
			return cmd.Process != nil && ev.Task.TGID == int32(cmd.Process.Pid) && ev.Kind == kind && more(ev)
		}
	}
	on := func(name string) func(*event.Event) bool {
		return func(ev *event.Event) bool { return ev.Args.NewPath.Name == filepath.Join(dir, name) }
	}
	any := func(*event.Event) bool { return true }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	events := l.expectAll(t, func() {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}, of(event.Fsopen, any), of(event.Fsconfig, func(ev *event.Event) bool { return ev.Args.Key == "source" }), of(event.Fsmount, any),
		of(event.MoveMount, on("fs")), of(event.OpenTree, any), of(event.MoveMount, on("host")), of(event.Umount2, any))
	fsopen, fsconfig, fsmount, move, tree, bind := events[0], events[1], events[2], events[3], events[4], events[5]

	if fsopen.Args.FSType != "tmpfs" || fsopen.Args.Flags != unix.FSOPEN_CLOEXEC || fsopen.Ret < 0 || int64(fsopen.FD.Num) != fsopen.Ret {
		t.Errorf("fsopen: args %+v, descriptor %+v", fsopen.Args, fsopen.FD)
	}
	if want := (event.Args{Cmd: 1, Key: "source", Source: ownSource}); fsconfig.Args != want || fsconfig.FD.Num != fsopen.FD.Num || fsconfig.Ret != 0 {
		t.Errorf("fsconfig: args %+v, descriptor %+v", fsconfig.Args, fsconfig.FD)
	}
	for name, ev := range map[string]*event.Event{"fsmount": fsmount, "move_mount": move} {
		if ev.Args.FSType != "tmpfs" || ev.Args.Source != ownSource || ev.FD.Num != int32(fsmount.Ret) {
			t.Errorf("%s: args %+v, descriptor %+v", name, ev.Args, ev.FD)
		}
	}
	if fsmount.Args.Mode != unix.MOUNT_ATTR_NOSUID || fsmount.Args.Flags != unix.FSMOUNT_CLOEXEC || fsmount.FD.Type != event.FDDirectory {
		t.Errorf("fsmount: args %+v, descriptor %+v", fsmount.Args, fsmount.FD)
	}
	if move.FD.Real != filepath.Join(dir, "fs") || move.Args.Flags != unix.MOVE_MOUNT_F_EMPTY_PATH || move.Args.NewDirFD != cwd || move.FD.Foreign {
		t.Errorf("move_mount: args %+v, descriptor %+v", move.Args, move.FD)
	}
	if tree.FD.Path.Name != filepath.Join(dir, "etc") || int64(tree.FD.Num) != tree.Ret || !strings.HasSuffix(tree.FD.FSPath, "/etc") ||
		tree.Args.Flags != unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC {
		t.Errorf("open_tree: args %+v, descriptor %+v", tree.Args, tree.FD)
	}
	// Where the tree is by now, and what it is a part of.
	if bind.FD.Real != filepath.Join(dir, "host") || bind.FD.FSPath != tree.FD.FSPath || bind.FD.Ino != stat(t, filepath.Join(dir, "etc")).Ino {
		t.Errorf("move_mount of a tree: args %+v, descriptor %+v", bind.Args, bind.FD)
	}
	if um := events[6]; um.Args.Flags != unix.MNT_DETACH || um.Args.Path.Name != filepath.Join(dir, "host") || um.Ret != 0 {
		t.Errorf("umount2: args %+v", um.Args)
	}
}
