package alerting

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
)

var testSensor = Sensor{ID: "n1", Version: "v1", RuleSet: "5f2d",
	Node:    &alert.Node{Name: "n1", Kernel: "6.12", Architecture: "amd64"},
	Cluster: &alert.Cluster{Project: "p", Location: "l", Name: "c"}}

var testRule = Rule{Name: "r", Title: "R", Description: "d", Severity: alert.High, Tags: []string{"t"}, Attack: []string{"T1059.004"},
	Priority: "Error", Source: "syscall"}

// shell is an event of a container in a pod whose parent is on the host.
func shell() *event.Event {
	id := strings.Repeat("ab", 32)
	return &event.Event{
		Kind: event.Exec, Num: 5, Time: 1767323045000000006,
		Process: &event.Process{PID: 42, PPID: 7, Start: 9, StartTime: 1767323045000000000, Name: "bash", Exe: "-bash", ExePath: "/usr/bin/bash",
			Args: []string{"-i", "\xff"}, CmdLine: "bash -i \xff", CWD: "/", TTY: 34816, UID: 1000, UserName: "<NA>", GID: 100, GroupName: "users",
			LoginUID: -1, LoginName: "<NA>", SID: 42, SessionName: "bash", VPID: 3, Caps: event.Caps{Effective: 0xa80425fb, Permitted: 1 << 40},
			UpperLayer: event.TriTrue, Memfd: true, Writable: true, ExeMtime: 1767323000000000000, Redacted: 2, ContainerID: id,
			Parent: &event.Process{PID: 7, Name: "runc", Env: []string{"A=b"}, ArgsTruncated: true, Partial: true, Repaired: true, UpperLayer: event.TriFalse, Redacted: 1}},
		Container: &event.Container{ID: id[:12], FullID: id, Metadata: event.MetadataComplete, Runtime: "containerd", Name: "app", Privileged: true,
			Image:  event.Image{Repository: "gcr.io/x/y", Tag: "v7", Digest: "sha256:d", ID: "sha256:i"},
			Labels: map[string]string{"b": "2", "a": "1"}, CreatedAt: 1767320000000000000,
			Pod: &event.Pod{Name: "app-1", Namespace: "web", UID: "u", IP: "10.1.2.3", Labels: map[string]string{"app": "app"},
				WorkloadKind: "Deployment", WorkloadName: "app"}},
	}
}

func TestAlert(t *testing.T) {
	got := New(testSensor, Match{Event: shell(), Rule: testRule, Output: "a shell",
		Fields:   []Field{{"proc.name", "bash"}, {"proc.tty", int64(34816)}, {"fd.name", nil}, {"x", []string{"a", "b"}}, {"y", true}},
		Identity: []Field{{"proc.name", "bash"}}, ObservedAt: 1767323045001000000})
	want := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "n1", SensorVersion: "v1", Severity: alert.High,
		Time: "2026-01-02T03:04:05.000000006Z", ObservedTime: "2026-01-02T03:04:05.001000000Z",
		Rule: &alert.Rule{Name: "r", Title: "R", Description: "d", Tags: []string{"t"}, Attack: []string{"T1059.004"}, SetHash: "5f2d",
			Priority: "Error", Source: "syscall"},
		Output: "a shell", Redacted: 3,
		Fields: []*alert.Field{{Name: "proc.name", Type: alert.Alert_Field_TEXT, Text: "bash"}, {Name: "proc.tty", Type: alert.Alert_Field_NUMBER, Number: 34816},
			{Name: "fd.name"}, {Name: "x", Type: alert.Alert_Field_LIST, List: []string{"a", "b"}}, {Name: "y", Type: alert.Alert_Field_FLAG, Flag: true}},
		Event: &alert.Event{Type: "execve", Num: 5},
		Process: &alert.Process{Pid: 42, ParentPid: 7, StartTime: "2026-01-02T03:04:05.000000000Z", Name: "bash", Exe: "-bash", ExePath: "/usr/bin/bash",
			Args: []string{"-i", "\ufffd"}, CommandLine: "bash -i \ufffd", Cwd: "/", Tty: 34816, UserId: 1000, GroupId: 100, GroupName: "users",
			LoginUserId: -1, SessionId: 42, SessionLeader: "bash", NamespacePid: 3,
			CapabilitiesEffective: "00000000a80425fb", CapabilitiesPermitted: "0000010000000000",
			ExeUpperLayer: true, ExeMemfd: true, ExeWritable: true, ExeModifiedTime: "2026-01-02T03:03:20.000000000Z", Redacted: 2},
		Ancestors: []*alert.Process{{Pid: 7, Name: "runc", Env: []string{"A=b"}, ArgsTruncated: true, Partial: true, Repaired: true, Redacted: 1}},
		Container: &alert.Container{Id: strings.Repeat("ab", 32), Name: "app", Runtime: "containerd", ImageRepository: "gcr.io/x/y", ImageTag: "v7",
			ImageDigest: "sha256:d", ImageId: "sha256:i", Privileged: true, CreatedTime: "2026-01-02T02:13:20.000000000Z",
			Labels: []*alert.Label{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}},
		Pod: &alert.Pod{Namespace: "web", Name: "app-1", Uid: "u", Ip: "10.1.2.3", WorkloadKind: "Deployment", WorkloadName: "app",
			Labels: []*alert.Label{{Key: "app", Value: "app"}}},
		Node: testSensor.Node, Cluster: testSensor.Cluster,
	}
	want.Identity = alert.Identity(want, alert.NewField("proc.name", "bash"))
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	got.BootId, got.Seq = "b", 1
	got.AlertId = alert.ID(got.SensorId, got.BootId, got.Seq)
	if err := alert.Validate(got); err != nil {
		t.Errorf("a receiver would not take it: %v", err)
	}
}

func TestAncestorInAnotherContainer(t *testing.T) {
	ev := shell()
	ev.Process.Parent.ContainerID = "other"
	a := New(testSensor, Match{Event: ev})
	if a.Process.ContainerId != "" || a.Ancestors[0].ContainerId != "other" {
		t.Errorf("containers %q and %q", a.Process.ContainerId, a.Ancestors[0].ContainerId)
	}
}

// A rule that throttles by container still finds the same thing in each replica of a workload.
func TestIdentityOfReplicas(t *testing.T) {
	of := func(containerID, path string) string {
		ev := shell()
		ev.Container.FullID, ev.Container.Pod.Name = containerID, "app-"+containerID
		return New(testSensor, Match{Event: ev, Rule: testRule, Identity: []Field{{"container.id", containerID}, {"k8s.pod.name", containerID}, {"fd.name", path}}}).Identity
	}
	if of("aa", "/x") != of("bb", "/x") {
		t.Error("two replicas are two things")
	}
	if of("aa", "/x") == of("aa", "/y") {
		t.Error("two files are one thing")
	}
}

func TestHost(t *testing.T) {
	ev := shell()
	ev.Container = event.Host
	a := New(testSensor, Match{Event: ev})
	if a.Container != nil || a.Pod != nil {
		t.Errorf("the host is a container: %v", a.Container)
	}
	if a = New(testSensor, Match{Event: &event.Event{Kind: event.Open}}); a.Container != nil || a.Process != nil {
		t.Errorf("an event without process and container has %v and %v", a.Process, a.Container)
	}
}

func TestIncompleteContainer(t *testing.T) {
	ev := shell()
	ev.Container = &event.Container{ID: "ab", FullID: "abab"}
	if a := New(testSensor, Match{Event: ev}); !a.Container.Incomplete || a.Container.Id != "abab" || a.Pod != nil {
		t.Errorf("got %v, %v", a.Container, a.Pod)
	}
}

func TestLineageIsBounded(t *testing.T) {
	ev := shell()
	for p, i := ev.Process, int32(0); i < 40; p, i = p.Parent, i+1 {
		p.Parent = &event.Process{PID: 100 + i}
	}
	a := New(testSensor, Match{Event: ev})
	if n := len(a.Ancestors); n != alert.MaxAncestors || a.Ancestors[n-1].Pid != 115 || len(a.Truncated) != 0 {
		t.Errorf("%d ancestors, cut %q", n, a.Truncated)
	}
	loop := &event.Process{PID: 1}
	loop.Parent = loop
	if a := New(testSensor, Match{Event: &event.Event{Kind: event.Open, Process: loop}}); len(a.Ancestors) != alert.MaxAncestors {
		t.Errorf("%d ancestors of a cycle", len(a.Ancestors))
	}
}

// Outputs read an alert in goroutines of their own, while the next is made of the same event, rule and sensor.
func TestAlertsShareNothing(t *testing.T) {
	ev := shell()
	m := Match{Event: ev, Rule: testRule, Fields: []Field{{"x", []string{"\xff"}}}, Identity: []Field{{"x", []string{"\xff"}}}}
	first := New(testSensor, m)
	want := proto.CloneOf(first)
	second := New(testSensor, m)
	second.Process.Args[0], second.Rule.Tags[0], second.Rule.Attack[0] = "changed", "changed", "changed"
	second.Node.Name, second.Cluster.Name, second.Fields[0].List[0] = "changed", "changed", "changed"
	second.Ancestors[0].Env[0] = "changed"
	if d := cmp.Diff(want, first, protocmp.Transform()); d != "" {
		t.Errorf("the first alert changed: %s", d)
	}
	if ev.Process.Args[1] != "\xff" || testSensor.Node.Name != "n1" || testRule.Tags[0] != "t" || m.Fields[0].Value.([]string)[0] != "\xff" {
		t.Error("what the alert was made of changed")
	}
}

func TestReplayIsEqual(t *testing.T) {
	m := Match{Event: shell(), Rule: testRule, Output: "o"}
	a, errA := alert.JSON(New(testSensor, m))
	m.Event = shell()
	b, errB := alert.JSON(New(testSensor, m))
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("%v, %v:\n%s\n%s", errA, errB, a, b)
	}
	if strings.Contains(string(a), "observed_time") {
		t.Error("an alert without an observer's clock has an observed time")
	}
}

func TestFiles(t *testing.T) {
	path, other := event.Path{Raw: "x", Name: "/d/x"}, event.Path{Raw: "y", Name: "/d/y"}
	file := event.FD{Valid: true, Num: 3, Type: event.FDFile, Path: path, Real: "/r/x", Dev: 8<<20 | 1, Ino: 77}
	bound := file
	bound.FSPath, bound.Foreign = "/volumes/x", true
	opened := func(op alert.Operation) []*alert.File {
		return []*alert.File{{Path: "/d/x", RawPath: "x", RealPath: "/r/x", Operation: op, Inode: 77, Device: "8:1"}}
	}
	asked := func(op alert.Operation) []*alert.File {
		return []*alert.File{{Path: "/d/x", RawPath: "x", Operation: op}}
	}
	tests := []struct {
		name string
		ev   event.Event
		want []*alert.File
	}{
		{"read", event.Event{Kind: event.Openat, FD: file}, opened(alert.Alert_File_READ)},
		{"write", event.Event{Kind: event.Open, FD: file, Args: event.Args{Flags: 0o1101}}, opened(alert.Alert_File_WRITE)},
		{"read and write", event.Event{Kind: event.Openat2, FD: file, Args: event.Args{Flags: 0o2}}, opened(alert.Alert_File_WRITE)},
		{"path only", event.Event{Kind: event.Openat, FD: file, Args: event.Args{Flags: pathOnly}}, opened(alert.Alert_File_OPEN)},
		{"creat", event.Event{Kind: event.Creat, FD: file}, opened(alert.Alert_File_WRITE)},
		{"failed open", event.Event{Kind: event.Openat, Ret: -2, FD: event.FD{Valid: true, Num: -1, Path: path}}, asked(alert.Alert_File_READ)},
		{"behind a bind mount", event.Event{Kind: event.Openat, FD: bound}, []*alert.File{{Path: "/d/x", RawPath: "x", RealPath: "/r/x",
			FsPath: "/volumes/x", Foreign: true, Operation: alert.Alert_File_READ, Inode: 77, Device: "8:1"}}},
		{"fchmod", event.Event{Kind: event.Fchmod, FD: file}, opened(alert.Alert_File_CHANGE_MODE)},
		{"chmod", event.Event{Kind: event.Fchmodat, Args: event.Args{Path: path}}, asked(alert.Alert_File_CHANGE_MODE)},
		{"unlink", event.Event{Kind: event.Unlinkat, Args: event.Args{Path: path}}, asked(alert.Alert_File_DELETE)},
		{"below a descriptor", event.Event{Kind: event.Mkdirat, Args: event.Args{Path: path, DirFD: 3},
			FD: event.FD{Valid: true, Num: 3, Type: event.FDDirectory, Real: "/d"}}, asked(alert.Alert_File_CREATE)},
		{"rmdir", event.Event{Kind: event.Rmdir, Args: event.Args{Path: path}}, asked(alert.Alert_File_DELETE)},
		{"truncate", event.Event{Kind: event.Truncate, Args: event.Args{Path: path}}, asked(alert.Alert_File_WRITE)},
		{"umount", event.Event{Kind: event.Umount2, Args: event.Args{Path: path}}, asked(alert.Alert_File_UNMOUNT)},
		{"chroot", event.Event{Kind: event.Chroot, Args: event.Args{Path: path}, FD: event.FD{Type: event.FDDirectory, Real: "/r/x", Dev: 8<<20 | 1, Ino: 77}},
			opened(alert.Alert_File_OPERATION_UNSPECIFIED)},
		{"failed chroot", event.Event{Kind: event.Chroot, Ret: -2, Args: event.Args{Path: path}}, asked(alert.Alert_File_OPERATION_UNSPECIFIED)},
		{"move_mount", event.Event{Kind: event.MoveMount, Args: event.Args{NewPath: path}, FD: event.FD{Valid: true, Num: 3, Type: event.FDDirectory, Real: "/r/x", Dev: 8<<20 | 1, Ino: 77}},
			opened(alert.Alert_File_MOUNT)},
		{"by handle", event.Event{Kind: event.OpenByHandleAt, FD: event.FD{Valid: true, Num: 3, Type: event.FDFile, Real: "/r/x"}},
			[]*alert.File{{RealPath: "/r/x", Operation: alert.Alert_File_READ}}},
		{"ftruncate", event.Event{Kind: event.Ftruncate, FD: file}, opened(alert.Alert_File_WRITE)},
		{"symlink", event.Event{Kind: event.Symlink, Args: event.Args{Path: path, NewPath: other}}, []*alert.File{
			{Path: "/d/x", RawPath: "x", Operation: alert.Alert_File_LINK}, {Path: "/d/y", RawPath: "y", Operation: alert.Alert_File_LINK}}},
		{"mount", event.Event{Kind: event.Mount, Args: event.Args{Path: path}}, asked(alert.Alert_File_MOUNT)},
		{"failed execve", event.Event{Kind: event.Execve, Ret: -2, Args: event.Args{Path: path}}, asked(alert.Alert_File_EXECUTE)},
		{"module", event.Event{Kind: event.FinitModule, FD: file}, opened(alert.Alert_File_OPERATION_UNSPECIFIED)},
		{"rename", event.Event{Kind: event.Renameat2, Args: event.Args{Path: path, NewPath: other}}, []*alert.File{
			{Path: "/d/x", RawPath: "x", Operation: alert.Alert_File_RENAME}, {Path: "/d/y", RawPath: "y", Operation: alert.Alert_File_RENAME}}},
		{"exec", event.Event{Kind: event.Exec}, nil},
		{"connect", event.Event{Kind: event.Connect, FD: event.FD{Valid: true, Type: event.FDUnix, Unix: "/run/x"}}, nil},
		{"passed", event.Event{Kind: event.Recvmsg, FD: event.FD{Valid: true, Type: event.FDUnix}, Message: event.Message{PassedCount: 2, Passed: []event.PassedFD{
			{Num: 5, Type: event.FDFile, Real: "/r/x", Foreign: true, Dev: 8<<20 | 1, Ino: 77}, {Num: 6, Type: event.FDOther, Real: "socket:[4]"}}}},
			[]*alert.File{{RealPath: "/r/x", Foreign: true, Inode: 77, Device: "8:1"}}},
		{"a descriptor that is not valid", event.Event{Kind: event.Dup, FD: event.FD{Path: path}}, nil},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, files(&tt.ev), protocmp.Transform()); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestConnection(t *testing.T) {
	at := netip.MustParseAddrPort
	tests := []struct {
		name string
		fd   event.FD
		want *alert.Connection
	}{
		{"client", event.FD{Valid: true, Type: event.FDIPv4, L4: event.L4TCP, Role: event.RoleClient, Local: at("10.0.0.9:41000"), Remote: at("10.1.0.1:6443"), Asked: at("10.96.0.1:443")},
			&alert.Connection{Protocol: "tcp", LocalIp: "10.0.0.9", LocalPort: 41000, RemoteIp: "10.1.0.1", RemotePort: 6443, AskedIp: "10.96.0.1", AskedPort: 443, Role: alert.Alert_Connection_CLIENT}},
		{"server over IPv6", event.FD{Valid: true, Type: event.FDIPv6, L4: event.L4UDP, Role: event.RoleServer, Local: at("[::1]:53"), Remote: at("[::ffff:10.0.0.7]:9")},
			&alert.Connection{Protocol: "udp", LocalIp: "::1", LocalPort: 53, RemoteIp: "10.0.0.7", RemotePort: 9, Role: alert.Alert_Connection_SERVER}},
		{"unix", event.FD{Valid: true, Type: event.FDUnix, Unix: "@abstract"}, &alert.Connection{Protocol: "unix", UnixPath: "@abstract"}},
		{"datagram", event.FD{Valid: true, Type: event.FDIPv4, L4: event.L4UDP, Role: event.RoleClient, NameChanged: true, Local: at("0.0.0.0:41000"), Remote: at("10.0.0.10:53"), Asked: at("10.0.0.10:53")},
			&alert.Connection{Protocol: "udp", LocalIp: "0.0.0.0", LocalPort: 41000, RemoteIp: "10.0.0.10", RemotePort: 53, AskedIp: "10.0.0.10", AskedPort: 53, Role: alert.Alert_Connection_CLIENT}},
		{"a file", event.FD{Valid: true, Type: event.FDFile}, nil},
		{"none", event.FD{Type: event.FDIPv4}, nil},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, connection(&tt.fd), protocmp.Transform()); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// Names with line feeds and escapes, 4 KiB paths, 2,000 arguments.
func TestHostileEvent(t *testing.T) {
	ev := shell()
	ev.Process.Args = nil
	for i := range 2000 {
		ev.Process.Args = append(ev.Process.Args, fmt.Sprintf("\x1b[%d\xff\n", i)+strings.Repeat("\x01", 300))
	}
	ev.Args.Path = event.Path{Raw: strings.Repeat("\xff", 4095), Name: "/" + strings.Repeat("é", 4000)}
	a := New(testSensor, Match{Event: ev, Rule: testRule, Output: strings.Repeat("\x00", 1<<20)})
	for _, e := range []alert.Encoding{alert.EncodingJSON, alert.EncodingBinary} {
		b, err := alert.Marshal(a, e)
		if err != nil || len(b) > alert.MaxSize {
			t.Errorf("%s: %d bytes, %v", e, len(b), err)
		}
	}
	if !a.Process.ArgsTruncated || len(a.Truncated) == 0 {
		t.Errorf("cut %q, and the process does not say so", a.Truncated)
	}
}
