package field

import (
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func TestCatalogue(t *testing.T) {
	for _, f := range All() {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") && !strings.HasSuffix(f.Doc, ")") {
			t.Errorf("%s: documentation %q is no sentence", f.Name, f.Doc)
		}
		getters := map[Type]bool{Text: f.TextOf != nil, Int: f.IntOf != nil, Bool: f.BoolOf != nil, Duration: f.DurationOf != nil,
			Addr: f.AddrOf != nil, Texts: f.TextsOf != nil, Ints: f.IntsOf != nil, Addrs: f.AddrsOf != nil}
		for typ, has := range getters {
			if has != (typ == f.Type) {
				t.Errorf("%s of type %v: getter of %v is %v", f.Name, f.Type, typ, has)
			}
		}
		if (f.Key == NoKey) != (f.keyed == nil) || f.Key != NoKey && (f.KeyType == None || f.KeyDoc == "") || f.Type == None && f.Key == NoKey {
			t.Errorf("%s: key %v, type %v, documentation %q", f.Name, f.Key, f.KeyType, f.KeyDoc)
		}
		if !f.Kinds.Minus(event.AllKinds()).Empty() {
			t.Errorf("%s is of kinds that rules do not see", f.Name)
		}
	}
}

// TestAnyEvent reads every field of events that hold nothing or have an unknown kind: captures bring such.
func TestAnyEvent(t *testing.T) {
	for _, ev := range []*event.Event{
		{}, {Kind: 255}, {Kind: event.Exec, Process: &event.Process{Partial: true}, Container: event.Host},
		{Kind: event.Connect, FD: event.FD{Valid: true, Type: event.FDIPv4, Role: event.RoleServer}},
		{Kind: event.Openat, FD: event.FD{Valid: true, Type: 200, RealStatus: 99, L4: 77}, Container: &event.Container{ID: "x"}},
	} {
		for _, f := range All() {
			if f.Type == None {
				continue
			}
			v, ok := f.Value(ev)
			if ok != f.Has(ev) {
				t.Errorf("%s: Value says %v, Has %v", f.Name, ok, !ok)
			}
			if f.Never && !ok {
				t.Errorf("%s is never missing, but is (%v)", f.Name, v)
			}
			if f.Exact && !f.Kinds.Has(ev.Kind) && ok && v != false {
				t.Errorf("%s has the value %v on kind %v, which is none of its", f.Name, v, ev.Kind)
			}
		}
		for _, name := range []string{"proc.aname[3]", `container.label["x"]`, `container.mount.dest["x"]`, "container.mount[0]", `k8s.pod.label["x"]`, `proc.env["x"]`, "proc.apid[64]"} {
			f, err := Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			if v, ok := f.Value(ev); ok {
				t.Errorf("%s: got %v", name, v)
			}
		}
	}
}

func TestLookupErrors(t *testing.T) {
	for name, want := range map[string]error{"proc.nam": ErrUnknown, "": ErrUnknown, "proc": ErrUnknown, "proc.name[1]": ErrKey, "proc.aname[-1]": ErrKey,
		"proc.aname[65]": ErrKey, "proc.aname[1": ErrKey, `proc.aname["x"]`: ErrKey, "container.label": ErrKey, "container.label[1]": ErrKey, "nope[1]": ErrUnknown} {
		if _, err := Lookup(name); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	f, err := Lookup(`container.label["a\"]b"]`)
	if err != nil || f.Name != `container.label["a\"]b"]` {
		t.Errorf("got %v, %v", f, err)
	}
}

// TestMissing holds what is missing, what is empty and what is a text that says so.
func TestMissing(t *testing.T) {
	pending := &event.Container{ID: "3f1b2c4d5e6f", FullID: "3f1b2c4d5e6f00"}
	told := &event.Container{ID: "3f1b2c4d5e6f", Metadata: event.MetadataComplete, Name: "c"}
	exec := func(c *event.Container) *event.Event {
		return &event.Event{Kind: event.Exec, Process: &event.Process{Name: "sh"}, Container: c}
	}
	partial := &event.Event{Kind: event.Exec, Process: &event.Process{Partial: true}, Container: event.Host}
	open := &event.Event{Kind: event.Open, Ret: -2, Process: &event.Process{}, Container: event.Host,
		FD: event.FD{Valid: true, Num: -1, Type: event.FDFile, Path: event.Path{Raw: "x", Name: "/tmp/x"}}}
	const missing = "(missing)"
	for _, tt := range []struct {
		ev    *event.Event
		field string
		want  any
	}{
		{exec(event.Host), "container.id", "host"},
		{exec(event.Host), "container.name", "host"},
		{exec(event.Host), "container.image.repository", ""},
		{exec(event.Host), "container.privileged", false},
		{exec(event.Host), "container.full_id", ""},
		{exec(event.Host), "k8s.ns.name", missing},
		{exec(pending), "container.id", "3f1b2c4d5e6f"},
		{exec(pending), "container.full_id", "3f1b2c4d5e6f00"},
		{exec(pending), "container.image.repository", missing},
		{exec(pending), "container.privileged", missing},
		{exec(told), "container.image.repository", ""},
		{exec(told), "container.privileged", false},
		{exec(told), "k8s.pod.name", missing},
		{exec(event.Host), "user.name", "<NA>"},
		{exec(event.Host), "group.name", "<NA>"},
		{exec(event.Host), "proc.pname", missing},
		{exec(event.Host), "proc.aname", missing},
		{exec(event.Host), "proc.args", ""},
		{exec(event.Host), "proc.duration", missing},
		{exec(event.Host), "proc.is_exe_upper_layer", missing},
		{exec(event.Host), "proc.is_exe_from_memfd", false},
		{exec(event.Host), "fd.name", missing},
		{exec(event.Host), "fd.num", missing},
		{exec(event.Host), "fd.l4proto", missing},
		{exec(event.Host), "evt.is_open_read", false},
		{exec(event.Host), "evt.res", "SUCCESS"},
		{partial, "proc.name", missing},
		{partial, "proc.pid", int64(0)},
		{open, "fd.num", int64(-1)},
		{open, "fd.path", missing},
		{open, "fd.l4proto", "<NA>"},
		{open, "fd.sip", missing},
		{open, "fd.sockfamily", missing},
		{open, "evt.res", "ENOENT"},
		{&event.Event{Kind: event.Connect, Ret: -512}, "evt.res", "ERESTARTSYS"},
		{open, "evt.failed", true},
		{open, "evt.arg.mode", missing},
		{open, "evt.arg.path", missing},
		{open, "fd.filename", "x"},
		{open, "fd.directory", "/tmp"},
	} {
		f, err := Lookup(tt.field)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := f.Value(tt.ev)
		if !ok {
			got = missing
		}
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%s: -got +want %s", tt.field, diff)
		}
	}
}

func TestSockets(t *testing.T) {
	a := netip.MustParseAddrPort
	value := func(ev *event.Event, name string) any {
		f, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		v, ok := f.Value(ev)
		if !ok {
			return nil
		}
		return v
	}
	for _, tt := range []struct {
		name string
		kind event.Kind
		fd   event.FD
		want map[string]any
	}{
		{"connect", event.Connect, event.FD{Valid: true, Type: event.FDIPv4, Role: event.RoleClient, L4: event.L4TCP, Local: a("10.0.0.7:4000"), Remote: a("10.1.0.9:6443"), Asked: a("10.96.0.1:443")},
			map[string]any{"fd.cip": "10.0.0.7", "fd.sip": "10.1.0.9", "fd.sport": int64(6443), "fd.asked_ip": "10.96.0.1", "fd.asked_port": int64(443), "fd.name": "10.0.0.7:4000->10.1.0.9:6443",
				"fd.ip": []string{"10.0.0.7", "10.1.0.9"}, "fd.port": []int64{4000, 6443}, "fd.l4proto": "tcp", "fd.sockfamily": "ip", "fd.typechar": "4", "evt.arg.addr": "10.96.0.1:443"}},
		{"connect under way", event.Connect, event.FD{Valid: true, Type: event.FDIPv4, Role: event.RoleClient, Local: a("10.0.0.7:4000"), Remote: a("0.0.0.0:0"), Asked: a("10.96.0.1:443")},
			map[string]any{"fd.sip": "10.96.0.1", "fd.rip": "10.96.0.1", "fd.sport": int64(443)}},
		{"accept", event.Accept, event.FD{Valid: true, Type: event.FDIPv6, Role: event.RoleServer, Local: a("[2001:db8::1]:22"), Remote: a("[::1]:5000")},
			map[string]any{"fd.cip": "::1", "fd.sip": "2001:db8::1", "fd.lport": int64(22), "fd.rport": int64(5000), "fd.name": "::1:5000->2001:db8::1:22", "fd.typechar": "6"}},
		{"mapped", event.Connect, event.FD{Valid: true, Type: event.FDIPv6, Role: event.RoleClient, Local: a("[::ffff:10.0.0.7]:1"), Remote: a("[::ffff:10.1.0.9]:2")},
			map[string]any{"fd.cip": "10.0.0.7", "fd.sip": "10.1.0.9", "fd.name": "10.0.0.7:1->10.1.0.9:2"}},
		{"listen", event.Listen, event.FD{Valid: true, Type: event.FDIPv4, Role: event.RoleServer, Local: a("0.0.0.0:80")},
			map[string]any{"fd.cip": nil, "fd.sip": "0.0.0.0", "fd.sport": int64(80), "fd.name": "0.0.0.0:80", "fd.ip": []string{"0.0.0.0"}, "fd.rip": nil}},
		{"no role", event.Dup2, event.FD{Valid: true, Type: event.FDIPv4, Local: a("10.0.0.7:1"), Remote: a("10.0.0.8:2")},
			map[string]any{"fd.cip": nil, "fd.sip": nil, "fd.lip": "10.0.0.7", "fd.ip": []string{"10.0.0.7", "10.0.0.8"}}},
		{"unix", event.Connect, event.FD{Valid: true, Type: event.FDUnix, Unix: "/run/x.sock"},
			map[string]any{"fd.name": "/run/x.sock", "fd.sockfamily": "unix", "fd.typechar": "u", "fd.sip": nil, "fd.directory": nil, "evt.arg.addr": "/run/x.sock"}},
	} {
		ev := &event.Event{Kind: tt.kind, FD: tt.fd, Process: &event.Process{}, Container: event.Host}
		for name, want := range tt.want {
			if diff := cmp.Diff(value(ev, name), want); diff != "" {
				t.Errorf("%s: %s: -got +want %s", tt.name, name, diff)
			}
		}
	}
}

func TestSymbols(t *testing.T) {
	amd64, arm64 := openFlags("amd64"), openFlags("arm64")
	for _, tt := range []struct {
		table []bit
		value uint64
		want  string
	}{
		{amd64, 0o200000, "O_DIRECTORY"}, {arm64, 0o40000, "O_DIRECTORY"}, {amd64, 0o20200000, "O_TMPFILE"}, {amd64, 0o4010000, "O_SYNC"},
		{amd64, 0o10000, "O_DSYNC"}, {amd64, 1 << 40, "0x10000000000"}, {permissionBits, 0o4755, "S_ISUID|S_IRUSR|S_IWUSR|S_IXUSR|S_IRGRP|S_IXGRP|S_IROTH|S_IXOTH"}, {permissionBits, 0, "0"},
	} {
		got := named(tt.table, tt.value)
		if got != tt.want {
			t.Errorf("%o: got %s, want %s", tt.value, got, tt.want)
		}
		if back, err := parseBits(tt.table, got); err != nil || back != tt.value {
			t.Errorf("%s: read back as %o, %v", got, back, err)
		}
	}
	if got := openText(0o2001101); got != "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC" {
		t.Errorf("got %s", got)
	}
	// The system's own headers, as x/sys has them for this architecture.
	for name, want := range map[string]uint64{"O_DIRECT": unix.O_DIRECT, "O_DIRECTORY": unix.O_DIRECTORY, "O_NOFOLLOW": unix.O_NOFOLLOW, "O_TMPFILE": unix.O_TMPFILE,
		"O_PATH": unix.O_PATH, "O_NOATIME": unix.O_NOATIME, "O_SYNC": unix.O_SYNC, "O_CLOEXEC": unix.O_CLOEXEC, "O_TRUNC": unix.O_TRUNC, "O_EXCL": unix.O_EXCL} {
		if got, err := parseBits(openFlags(runtime.GOARCH), name); err != nil || got != want {
			t.Errorf("%s: got %o, want %o (%v)", name, got, want, err)
		}
	}
	if ptraceText(unix.PTRACE_ATTACH) != "PTRACE_ATTACH" || ptraceText(unix.PTRACE_SEIZE) != "PTRACE_SEIZE" || ptraceText(unix.PTRACE_TRACEME) != "PTRACE_TRACEME" || ptraceText(12345) != "12345" {
		t.Error("ptrace requests")
	}
	for n, name := range map[uint64]string{unix.BPF_PROG_LOAD: "BPF_PROG_LOAD", unix.BPF_LINK_CREATE: "BPF_LINK_CREATE", unix.BPF_PROG_BIND_MAP: "BPF_PROG_BIND_MAP", 999: "999"} {
		if bpfText(n) != name {
			t.Errorf("bpf %d: got %s", n, bpfText(n))
		}
	}
	if got := capsText(1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_CHECKPOINT_RESTORE | 1<<unix.CAP_CHOWN | 1<<60); got != "CAP_CHOWN CAP_SYS_ADMIN CAP_CHECKPOINT_RESTORE CAP_60" {
		t.Errorf("got %s", got)
	}
	for n, name := range map[uint64]string{unix.MS_BIND: "BIND", unix.MS_RDONLY: "RDONLY", unix.MS_PRIVATE: "PRIVATE", unix.MS_RELATIME: "RELATIME"} {
		if got := named(mountBits, n); got != name {
			t.Errorf("mount %#x: got %s", n, got)
		}
	}
}

// TestBuild checks that what is given comes back and what follows follows.
func TestBuild(t *testing.T) {
	for _, tt := range []struct {
		name  string
		given []Value
		want  map[string]any
	}{
		{"exec", []Value{{Name: "evt.type", Text: "execve"}, {Name: "proc.name", Text: "bash"}, {Name: "proc.args", Text: "-c id"}, {Name: "proc.aname", Texts: []string{"a", "b"}}, {Name: "proc.duration", Text: "3s"}},
			map[string]any{"proc.cmdline": "bash -c id", "proc.aname[2]": "b", "proc.pname": "a", "proc.duration": 3 * time.Second, "user.name": "root", "container.id": "host", "evt.res": "SUCCESS", "evt.type": "execve"}},
		{"failed exec", []Value{{Name: "evt.res", Text: "ENOENT"}, {Name: "evt.type", Text: "execve"}, {Name: "evt.arg.filename", Text: "/x"}},
			map[string]any{"evt.failed": true, "evt.rawres": int64(-2), "evt.arg.filename": "/x"}},
		{"open", []Value{{Name: "evt.type", Text: "open"}, {Name: "fd.name", Text: "/etc/x"}},
			map[string]any{"fd.num": int64(3), "evt.rawres": int64(3), "evt.is_open_read": true, "fd.nameraw": "/etc/x", "fd.typechar": "f", "evt.arg.flags": "O_RDONLY", "evt.arg.name": "/etc/x"}},
		{"failed open", []Value{{Name: "evt.type", Text: "openat"}, {Name: "fd.name", Text: "/etc/x"}, {Name: "evt.res", Text: "EACCES"}, {Name: "evt.arg.flags", Text: "O_RDWR|O_CREAT"}, {Name: "evt.arg.mode", Text: "0755"}},
			map[string]any{"fd.num": int64(-1), "evt.is_open_write": true, "evt.is_open_exec": true, "evt.arg.mode": "0755", "evt.rawarg.mode": int64(0o755)}},
		{"chmod", []Value{{Name: "evt.type", Text: "chmod"}, {Name: "evt.arg.mode", Text: "S_ISUID|S_IXUSR"}, {Name: "evt.arg.filename", Text: "/x"}},
			map[string]any{"evt.rawarg.mode": int64(0o4100), "evt.arg.mode": "S_ISUID|S_IXUSR", "evt.args": "res=0 filename=/x mode=S_ISUID|S_IXUSR"}},
		{"setuid", []Value{{Name: "evt.type", Text: "setuid"}, {Name: "evt.arg.uid", Text: "bob"}}, map[string]any{"evt.arg.uid": "bob", "user.name": "bob"}},
		{"setuid to root", []Value{{Name: "evt.type", Text: "setuid"}, {Name: "evt.arg.uid", Text: "root"}, {Name: "user.uid", Text: "1000"}}, map[string]any{"evt.arg.uid": "root", "user.name": "<NA>"}},
		{"pod", []Value{{Name: "evt.type", Text: "bpf"}, {Name: "k8s.ns.name", Text: "prod"}, {Name: `k8s.pod.label["a"]`, Text: "b"}, {Name: "evt.arg.cmd", Text: "BPF_PROG_LOAD"}},
			map[string]any{"k8s.ns.name": "prod", `k8s.pod.label["a"]`: "b", "container.id": "3f1b2c4d5e6f", "evt.rawarg.cmd": int64(5)}},
		{"io_uring", []Value{{Name: "evt.type", Text: "openat"}, {Name: "evt.via", Text: "io_uring"}}, map[string]any{"evt.via": "io_uring"}},
		{"compat", []Value{{Name: "evt.type", Text: "openat"}, {Name: "evt.via", Text: "compat"}}, map[string]any{"evt.via": "compat"}},
		{"neither", []Value{{Name: "evt.type", Text: "openat"}}, map[string]any{"evt.via": "syscall"}},
		{"host", []Value{{Name: "evt.type", Text: "bpf"}, {Name: "container.id", Text: "host"}}, map[string]any{"container.id": "host"}},
		{"dup", []Value{{Name: "evt.type", Text: "dup2"}, {Name: "evt.rawres", Text: "1"}, {Name: "fd.sip", Text: "10.0.0.1"}, {Name: "fd.cip", Text: "10.0.0.2"}},
			map[string]any{"fd.type": "ipv4", "evt.rawres": int64(1)}},
	} {
		ev, err := Build(tt.given)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for name, want := range tt.want {
			f, err := Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := f.Value(ev)
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("%s: %s: -got +want %s", tt.name, name, diff)
			}
		}
	}
}

// TestNoAllocations: what most conditions read costs none.
func TestNoAllocations(t *testing.T) {
	ev, err := Build([]Value{{Name: "evt.type", Text: "openat"}, {Name: "fd.name", Text: "/etc/x"}, {Name: "evt.arg.flags", Text: "O_RDWR|O_CREAT"},
		{Name: "proc.name", Text: "x"}, {Name: "proc.pname", Text: "y"}, {Name: "k8s.ns.name", Text: "z"}, {Name: "thread.cap_effective", Text: "CAP_SYS_ADMIN"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"evt.type", "evt.res", "fd.name", "fd.directory", "fd.filename", "fd.type", "evt.arg.flags", "evt.arg.mode", "evt.arg.name",
		"proc.name", "proc.cmdline", "proc.pname", "proc.aname[1]", "user.name", "container.id", "container.image.repository", "k8s.ns.name", "thread.cap_effective"} {
		f, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { f.TextOf(ev) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestRenderedTexts: numbers that share a place do not get each other's text.
func TestRenderedTexts(t *testing.T) {
	texts := render(octal)
	for range 2 {
		for n := range uint64(1000) {
			if got := texts.of(n); got != octal(n) {
				t.Fatalf("%o: got %s", n, got)
			}
		}
	}
}

// TestAncestorsInACircle: lost events can make a process its own ancestor.
func TestAncestorsInACircle(t *testing.T) {
	p := &event.Process{Name: "x", PID: 1}
	p.Parent = p
	ev := &event.Event{Kind: event.Exec, Process: p}
	for _, f := range All() {
		if v, _ := f.Value(ev); f.Type == Texts && f.Kinds.Has(ev.Kind) {
			if n := len(v.([]string)); n != event.MaxAncestors {
				t.Errorf("%s: %d values", f.Name, n)
			}
		}
	}
}
