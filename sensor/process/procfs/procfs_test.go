package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// fake makes a /proc with one process of the given files; "exe", "cwd", "root" and "ns/…" are links.
func fake(t *testing.T, pid int, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	addProcess(t, root, pid, files)
	return root
}

func addProcess(t *testing.T, root string, pid int, files map[string]string) {
	t.Helper()
	dir := filepath.Join(root, fmt.Sprint(pid))
	if err := os.MkdirAll(filepath.Join(dir, "ns"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		var err error
		switch {
		case name == "exe", name == "cwd", name == "root", strings.HasPrefix(name, "ns/"):
			err = os.Symlink(text, path)
		default:
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func files() map[string]string {
	return map[string]string{
		"stat": "42 (a) b)" + statTail + "\n", "status": statusText, "loginuid": "4294967295", "sessionid": "3",
		"exe": "/memfd:x (deleted)", "cwd": "/srv (deleted)", "ns/pid": "pid:[4026531836]", "ns/mnt": "mnt:[77]",
		"cmdline": "sh\x00-c\x00\x00", "environ": "A=1\x00",
	}
}

func TestProcess(t *testing.T) {
	proc := New(Config{ProcRoot: fake(t, 42, files())})
	got, err := proc.Process(42)
	if err != nil {
		t.Fatal(err)
	}
	want := Facts{
		PID: 42, PPID: 31963, Start: 143830 * proc.tick, Tick: proc.tick, Name: "a) b", ExePath: "memfd:x", Memfd: true,
		CWD: "/srv", TTY: 34816, SID: 23967, PGID: 31960, VPID: 1, VPGID: 0, UID: 1001, GID: 101, LoginUID: -1, SessionID: 3,
		Caps:  event.Caps{Inheritable: 1, Permitted: 0x1fffeffffff, Effective: 0x400},
		PIDNS: 4026531836, MountNS: 77,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProcessWithManyGroups(t *testing.T) {
	f := files()
	f["status"] = strings.Replace(statusText, "4 24", strings.Repeat("4000000000 ", 65536), 1)
	got, err := New(Config{ProcRoot: fake(t, 42, f)}).Process(42)
	if err != nil || got.VPID != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestProcessKernelThread(t *testing.T) {
	f := files()
	f["stat"] = "42 (kworker)" + strings.Replace(statTail, "4194304", "2129984", 1)
	got, err := New(Config{ProcRoot: fake(t, 42, f)}).Process(42)
	if err != nil || !got.Kernel {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestProcessErrors(t *testing.T) {
	without := func(name string) map[string]string {
		f := files()
		delete(f, name)
		return f
	}
	with := func(name, text string) map[string]string {
		f := files()
		f[name] = text
		return f
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  error
	}{
		{"ended before it is opened", nil, ErrGone},
		{"ended before stat", without("stat"), ErrGone},
		{"ended before status", without("status"), ErrGone},
		{"malformed stat", with("stat", "42 sh"), ErrMalformed},
		{"malformed status", with("status", "Name:\tsh\n"), ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			if tt.files != nil {
				root = fake(t, 42, tt.files)
			}
			if _, err := New(Config{ProcRoot: root}).Process(42); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, name := range []string{"loginuid", "sessionid", "exe", "cwd", "ns/pid"} {
		if _, err := New(Config{ProcRoot: fake(t, 42, without(name))}).Process(42); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestImage(t *testing.T) {
	f := files()
	delete(f, "exe")
	root := fake(t, 42, f)
	exe := filepath.Join(root, "program")
	if err := errors.Join(os.WriteFile(exe, nil, 0o755), os.Symlink(exe, filepath.Join(root, "42/exe"))); err != nil {
		t.Fatal(err)
	}
	start := 143830 * New(Config{}).tick
	got, err := New(Config{ProcRoot: root}).Image(42, start)
	var st unix.Stat_t
	if err := errors.Join(err, unix.Stat(exe, &st)); err != nil {
		t.Fatal(err)
	}
	want := Image{Args: []byte("sh\x00-c\x00"), Ino: st.Ino, Ctime: st.Ctim.Nano(), Mtime: st.Mtim.Nano()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err = New(Config{ProcRoot: root, Environment: true}).Image(42, start)
	if err != nil || string(got.Env) != "A=1\x00" {
		t.Errorf("environment: got %q, %v", got.Env, err)
	}
	if _, err := New(Config{ProcRoot: root}).Image(42, start+1e9); !errors.Is(err, ErrGone) {
		t.Errorf("another process: got %v", err)
	}
}

func TestImageArguments(t *testing.T) {
	many := strings.Repeat("a\x00", 2000)
	for _, tt := range []struct {
		name, cmdline, want string
		truncated           bool
	}{
		{"none", "", "", false},
		{"only padding", "\x00\x00\x00", "", false},
		{"a title without an end", "sshd: alice", "sshd: alice\x00", false},
		{"a title, padded", "nginx: master\x00\x00\x00\x00", "nginx: master\x00", false},
		{"2,000 arguments", many, many, false},
		{"too many", strings.Repeat("b", 9000), strings.Repeat("b", memoryMax) + "\x00", true},
		{"hostile", "a\nb\x00\xff\x1b[2J\x00", "a\nb\x00\xff\x1b[2J\x00", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := files()
			f["cmdline"] = tt.cmdline
			proc := New(Config{ProcRoot: fake(t, 42, f)})
			got, err := proc.Image(42, 143830*proc.tick)
			if err != nil || string(got.Args) != tt.want || got.ArgsTruncated != tt.truncated {
				t.Errorf("got %.100q, %v, %v", got.Args, got.ArgsTruncated, err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	if err := New(Config{ProcRoot: fake(t, 1, map[string]string{"ns/pid": initPIDNS})}).Check(); err != nil {
		t.Error(err)
	}
	err := New(Config{ProcRoot: fake(t, 1, map[string]string{"ns/pid": "pid:[4026532199]"})}).Check()
	if !errors.Is(err, ErrPIDNamespace) || !strings.Contains(err.Error(), "hostPID: true") {
		t.Errorf("got %v", err)
	}
	err = New(Config{ProcRoot: t.TempDir()}).Check()
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "mount") {
		t.Errorf("got %v", err)
	}
}

// container makes processes 1 and 42 with root directories of their own.
func container(t *testing.T) (proc *FS, hostRoot, ctrRoot string) {
	t.Helper()
	hostRoot, ctrRoot = t.TempDir(), t.TempDir()
	for _, dir := range []string{hostRoot, ctrRoot} {
		if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	addProcess(t, root, 1, map[string]string{"root": hostRoot})
	addProcess(t, root, 42, map[string]string{"root": ctrRoot})
	write(t, filepath.Join(hostRoot, "etc/passwd"), "hostuser:x:1000:\nonlyhost:x:1001:\n")
	write(t, filepath.Join(ctrRoot, "etc/passwd"), "alice:x:1000:\n")
	write(t, filepath.Join(hostRoot, "etc/group"), "hostgroup:x:50:\n")
	return New(Config{ProcRoot: root}), hostRoot, ctrRoot
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNames(t *testing.T) {
	proc, host, _ := container(t)
	for _, tt := range []struct {
		name string
		pid  int32
		in   Database
		want Names
		err  error
	}{
		{"the container's", 42, Users, Names{1000: "alice"}, nil},
		{"the host's", 1, Users, Names{1000: "hostuser", 1001: "onlyhost"}, nil},
		{"the container has no such file", 42, Groups, nil, ErrNoName},
		{"the process is gone", 43, Users, nil, ErrGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := proc.Names(tt.pid, tt.in)
			if !cmp.Equal(got, tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	write(t, filepath.Join(host, "etc/passwd"), "renamed:x:1001:\n")
	if got, err := proc.Names(1, Users); got[1001] != "renamed" || err != nil {
		t.Errorf("a changed file: got %v, %v", got, err)
	}
}

// Each of these is what a container may put in the place of its own /etc/passwd.
func TestNameFromHostileFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, passwd, host string) error
		want string
	}{
		{"a link to the host's file", func(t *testing.T, passwd, host string) error {
			return os.Symlink(filepath.Join(host, "etc/secret"), passwd)
		}, ""},
		{"a link upwards", func(t *testing.T, passwd, host string) error {
			return os.Symlink("../../../../../../../../../.."+host+"/etc/secret", passwd)
		}, ""},
		{"a link within the container", func(t *testing.T, passwd, host string) error {
			write(t, filepath.Join(filepath.Dir(passwd), "real"), "bob:x:1000:\n")
			return os.Symlink("/etc/real", passwd)
		}, "bob"},
		{"a link to itself", func(t *testing.T, passwd, _ string) error { return os.Symlink("passwd", passwd) }, ""},
		{"a pipe", func(t *testing.T, passwd, _ string) error { return unix.Mkfifo(passwd, 0o666) }, ""},
		{"a directory", func(t *testing.T, passwd, _ string) error { return os.Mkdir(passwd, 0o755) }, ""},
		{"endless", func(t *testing.T, passwd, _ string) error {
			write(t, passwd, strings.Repeat("x:x:1:\n", databaseMax/7)+"\neve:x:1000:\n")
			return os.Truncate(passwd, 1<<40)
		}, ""},
		{"as many lines as fit", func(t *testing.T, passwd, _ string) error {
			write(t, passwd, strings.Repeat("\n", linesMax)+"eve:x:1000:\n")
			return nil
		}, ""},
		{"no line ends", func(t *testing.T, passwd, _ string) error {
			write(t, passwd, strings.Repeat("eve:x:1000:", 10_000))
			return nil
		}, ""},
		{"unreadable text", func(t *testing.T, passwd, _ string) error {
			write(t, passwd, "\x00\x00\xff\n:::\n\neve\x1b[31m:x:1000\n")
			return nil
		}, "eve\x1b[31m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proc, host, ctr := container(t)
			write(t, filepath.Join(host, "etc/secret"), "stolen:x:1000:\n")
			passwd := filepath.Join(ctr, "etc/passwd")
			if err := errors.Join(os.Remove(passwd), tt.make(t, passwd, host)); err != nil {
				t.Fatal(err)
			}
			got, err := proc.Names(42, Users)
			if got[1000] != tt.want || err != nil && !errors.Is(err, ErrNoName) {
				t.Errorf("got %q, %v, want %q", got[1000], err, tt.want)
			}
		})
	}
}

// To open a pipe is to be its reader, and to open a device may start it.
func TestNameOpensNoPipe(t *testing.T) {
	proc, _, ctr := container(t)
	passwd := filepath.Join(ctr, "etc/passwd")
	if err := errors.Join(os.Remove(passwd), unix.Mkfifo(passwd, 0o666)); err != nil {
		t.Fatal(err)
	}
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, passwd, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	if _, err := proc.Names(42, Users); !errors.Is(err, ErrNoName) {
		t.Fatal(err)
	}
	if n, err := unix.Read(watch, make([]byte, 4096)); err != unix.EAGAIN {
		t.Errorf("it was opened: %d bytes of events, %v", n, err)
	}
}

func TestGoneIsNeverAnother(t *testing.T) {
	root := fake(t, 42, files())
	proc := New(Config{ProcRoot: root})
	d, err := proc.open(42)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	// The number is used again between two reads.
	if err := os.RemoveAll(filepath.Join(root, "42")); err != nil {
		t.Fatal(err)
	}
	addProcess(t, root, 42, files())
	if _, err := d.stat(make([]byte, statMax)); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
}
