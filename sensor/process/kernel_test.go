package process

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/process/procfs"
)

const (
	tick  = int64(10e6)       // ns, of the fake /proc
	epoch = int64(1.7e18)     // ns since the epoch, when the fake machine was booted
	hour  = int64(3600 * 1e9) // ns
	later = int64(1 * 1e6)    // ns from one act to the next
)

// kernel is a machine's processes, as much of them as the table can see: it makes the records, and is the Source.
type kernel struct {
	now   int64
	tasks map[int32]*task
	next  int32
	names map[string]string // "etc/passwd/1000" in a mount namespace: "cgroup/etc/passwd/1000"

	reads  map[int32]int // calls of Process per pid
	asked  int           // calls of Names
	fail   map[int32]error
	stall  map[int32]chan struct{} // Image waits for these
	during func(pid int32)         // runs before an answer of Process
}

// task is one process.
type task struct {
	pid, ppid   int32
	parentStart int64
	start       int64
	execID      uint64
	comm        string
	args        []string
	exe, cwd    string
	uid, gid    uint32
	caps        event.Caps
	cgroup      uint64
	sid         int32
	dead        bool
}

func newKernel() *kernel {
	k := &kernel{
		now: hour, tasks: make(map[int32]*task), next: 100, names: make(map[string]string),
		reads: make(map[int32]int), fail: make(map[int32]error), stall: make(map[int32]chan struct{}),
	}
	k.tasks[1] = &task{
		pid: 1, start: 5e6, execID: 1, comm: "init", args: []string{"/sbin/init"}, exe: "/usr/lib/systemd/systemd",
		cwd: "/", sid: 1, cgroup: 1,
	}
	return k
}

func (k *kernel) record(kind event.Kind, of *task) *event.Event {
	k.now += later
	return &event.Event{
		Kind: kind, Boot: k.now, Time: k.now + epoch,
		Task: event.Task{
			TGID: of.pid, TID: of.pid, PPID: of.ppid, Start: of.start, ParentStart: of.parentStart, ExecID: of.execID,
			CgroupID: of.cgroup, UID: of.uid, GID: of.gid, Caps: of.caps, Comm: of.comm,
		},
	}
}

// does is a record that changes nothing.
func (k *kernel) does(t *task) *event.Event { return k.record(event.Openat, t) }

func (k *kernel) fork(parent *task) (*task, *event.Event) {
	for k.tasks[k.next] != nil {
		k.next++
	}
	pid := k.next
	k.next++
	return k.forkAs(pid, parent)
}

func (k *kernel) forkAs(pid int32, parent *task) (*task, *event.Event) {
	ev := k.record(event.Fork, parent)
	child := *parent
	child.pid, child.ppid, child.start, child.parentStart = pid, parent.pid, k.now, parent.start
	k.tasks[pid] = &child
	ev.Fork = event.ForkFacts{TGID: pid, TID: pid, Start: child.start, VPID: pid, CgroupID: child.cgroup}
	return &child, ev
}

func (k *kernel) thread(of *task, tid int32) *event.Event {
	ev := k.record(event.Fork, of)
	ev.Fork = event.ForkFacts{TGID: of.pid, TID: tid, Start: k.now, VPID: tid, CgroupID: of.cgroup, Thread: true}
	return ev
}

func (k *kernel) exec(t *task, args ...string) *event.Event {
	t.execID++
	t.args, t.exe = args, "/usr/bin/"+args[0]
	t.comm = args[0][:min(15, len(args[0]))]
	ev := k.record(event.Exec, t)
	ev.Exec = event.ExecFacts{
		Args: []byte(strings.Join(args, "\x00") + "\x00"), Filename: args[0], ExePath: t.exe, CWD: t.cwd,
		SID: t.sid, PGID: t.sid, VPID: t.pid, VPGID: t.sid, LoginUID: -1, SessionID: -1,
	}
	return ev
}

// exit ends a process; the kernel gives its children to init once the record is made.
func (k *kernel) exit(t *task) *event.Event {
	ev := k.record(event.Exit, t)
	ev.Exit.GroupDead = true
	t.dead = true
	delete(k.tasks, t.pid)
	for _, c := range k.tasks {
		if c.ppid == t.pid {
			c.ppid, c.parentStart = 1, k.tasks[1].start
		}
	}
	return ev
}

// exitThread ends a thread, not the process.
func (k *kernel) exitThread(of *task, tid int32) *event.Event {
	ev := k.record(event.Exit, of)
	ev.Task.TID = tid
	return ev
}

func (k *kernel) Clock() (int64, int64) { return k.now, k.now + epoch }

func (k *kernel) PIDs() ([]int32, error) {
	var pids []int32
	for pid := range k.tasks {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids, nil
}

func (k *kernel) Process(pid int32) (procfs.Facts, error) {
	k.reads[pid]++
	if k.during != nil {
		k.during(pid)
	}
	t := k.tasks[pid]
	if t == nil {
		return procfs.Facts{}, fmt.Errorf("process %d: %w", pid, procfs.ErrGone)
	}
	if err := k.fail[pid]; err != nil {
		return procfs.Facts{}, err
	}
	return procfs.Facts{
		PID: pid, PPID: t.ppid, Start: t.start - t.start%tick, Tick: tick, Name: t.comm, ExePath: t.exe, CWD: t.cwd,
		SID: t.sid, PGID: t.sid, VPID: pid, VPGID: t.sid, UID: t.uid, GID: t.gid, Caps: t.caps, LoginUID: -1,
		SessionID: -1, PIDNS: 7, MountNS: t.cgroup,
	}, nil
}

func (k *kernel) Image(pid int32, start int64) (procfs.Image, error) {
	if stall := k.stall[pid]; stall != nil {
		<-stall
	}
	t := k.tasks[pid]
	if t == nil || t.start-t.start%tick != start {
		return procfs.Image{}, fmt.Errorf("process %d: %w", pid, procfs.ErrGone)
	}
	return procfs.Image{Args: []byte(strings.Join(t.args, "\x00") + "\x00")}, nil
}

func (k *kernel) Names(pid int32, in procfs.Database) (procfs.Names, error) {
	k.asked++
	t := k.tasks[pid]
	if t == nil {
		return nil, fmt.Errorf("process %d: %w", pid, procfs.ErrGone)
	}
	names := make(procfs.Names)
	for path, name := range k.names {
		if number, ok := strings.CutPrefix(path, fmt.Sprintf("%d/%s/", t.cgroup, in)); ok {
			id, err := strconv.ParseUint(number, 10, 32)
			if err != nil {
				return nil, err
			}
			names[uint32(id)] = name
		}
	}
	return names, nil
}

var errDenied = errors.New("permission denied")

// world is a kernel with a table that has scanned it.
type world struct {
	*kernel
	t     testing.TB
	table *Table
}

func newWorld(t testing.TB, cfg Config) *world {
	w := &world{kernel: newKernel(), t: t}
	cfg.Source = w.kernel
	cfg.ReadTimeout = time.Minute // a busy machine is not a stalled process
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	w.table = New(cfg)
	w.scan()
	w.apply(w.does(w.tasks[1]))
	return w
}

func (w *world) scan() {
	w.t.Helper()
	if err := w.table.Scan(); err != nil {
		w.t.Fatal(err)
	}
}

// apply returns what the table says of the acting process.
func (w *world) apply(ev *event.Event) *event.Process {
	w.t.Helper()
	w.table.Apply(ev)
	if ev.Process == nil {
		w.t.Fatalf("%v of %d: Process is nil", ev.Kind, ev.Task.TGID)
	}
	return ev.Process
}

// sees applies a record of t that changes nothing, and compares all that the table knows of it with the kernel.
func (w *world) sees(t *task) *event.Process {
	w.t.Helper()
	p := w.apply(w.does(t))
	if diff := cmp.Diff(w.want(t), facts(p)); diff != "" {
		w.t.Errorf("process %d (-want +got):\n%s", t.pid, diff)
	}
	return p
}

// known are the facts that both the table and the kernel tell.
type known struct {
	PID, PPID                              int32
	Start, StartTime                       int64
	ExecID                                 uint64
	Name, Exe, ExePath, CmdLine, Text, CWD string
	UID, GID                               uint32
	Caps                                   event.Caps
	CgroupID                               uint64
	SID                                    int32
	Exited, Partial                        bool
	Lineage                                string
}

func facts(p *event.Process) known {
	return known{
		p.PID, p.PPID, p.Start, p.StartTime, p.ExecID, p.Name, p.Exe, p.ExePath, p.CmdLine, p.ArgsText, p.CWD,
		p.UID, p.GID, p.Caps, p.CgroupID, p.SID, p.Exited, p.Partial, lineage(p),
	}
}

func (w *world) want(t *task) known {
	text, cmdLine := strings.Join(t.args[1:], " "), t.comm
	if len(t.args) > 1 {
		cmdLine += " " + text
	}
	return known{
		t.pid, t.ppid, t.start, t.start + epoch, t.execID, t.comm, t.args[0], t.exe, cmdLine, text, directory(t.cwd),
		t.uid, t.gid, t.caps, t.cgroup, t.sid, t.dead, false, w.lineage(t),
	}
}

// lineage is a process and its ancestors as "sh(102) sshd(101) init(1)".
func lineage(p *event.Process) string {
	var chain []string
	for n := 0; n <= event.MaxAncestors && p.Ancestor(n) != nil; n++ {
		chain = append(chain, fmt.Sprintf("%s(%d)", p.Ancestor(n).Name, p.Ancestor(n).PID))
	}
	return strings.Join(chain, " ")
}

func (k *kernel) lineage(t *task) string {
	var chain []string
	for ; t != nil && len(chain) <= event.MaxAncestors; t = k.tasks[t.ppid] {
		chain = append(chain, fmt.Sprintf("%s(%d)", t.comm, t.pid))
	}
	return strings.Join(chain, " ")
}

// live are the numbers of the processes that the table takes for alive.
func (w *world) live() []int32 {
	var pids []int32
	for p := range w.table.All() {
		pids = append(pids, p.PID)
	}
	slices.Sort(pids)
	return pids
}

func (w *world) sameLive() {
	w.t.Helper()
	want, _ := w.PIDs()
	if diff := cmp.Diff(want, w.live()); diff != "" {
		w.t.Errorf("live processes (-want +got):\n%s", diff)
	}
}
