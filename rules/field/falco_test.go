package field

import (
	"strings"
	"testing"

	"tiercel.dev/internal/event"
)

// catalogueOf has the fields that Falco's own rule files name in conditions and outputs, by the type that their comparisons
// need. fd.net and its like are comparisons of fd.ip and its like; see rules/falco/translate.
var catalogueOf = map[Type]string{
	Text: `container.id container.image.repository container.mount.dest["/"] container.mounts evt.arg.cmd evt.arg.domain evt.arg.fd
		evt.arg.filename evt.arg.flags evt.arg.linkpath evt.arg.mode evt.arg.name evt.arg.newpath evt.arg.oldpath evt.arg.path
		evt.arg.request evt.arg.target evt.arg.uid evt.args evt.buffer evt.res evt.type fd.cip.name fd.directory fd.filename
		fd.l4proto fd.lip.name fd.name fd.nameraw fd.rip.name fd.sip.name fd.sockfamily fd.type fd.typechar group.name k8s.ns.name
		k8s.pod.name proc.aexe[2] proc.aexepath[2] proc.aname[1] proc.aname[2] proc.aname[3] proc.aname[4] proc.aname[5] proc.aname[6]
		proc.aname[7] proc.args proc.cmdline proc.cwd proc.env proc.exe proc.exepath proc.name proc.pcmdline proc.pexe proc.pexepath
		proc.pname proc.sname thread.cap_effective thread.cap_permitted user.loginname user.name`,
	Int: `container.start_ts evt.num evt.rawres fd.lport fd.num fd.rport fd.sport group.gid proc.exe_ino.ctime proc.exe_ino.mtime proc.tty
		proc.vpid user.loginuid user.uid`,
	Bool: `container.privileged evt.is_open_exec evt.is_open_read evt.is_open_write fd.connected fd.name_changed proc.is_exe_from_memfd
		proc.is_exe_upper_layer proc.is_vpgid_leader`,
	Duration: `proc.duration proc.exe_ino.ctime_duration_proc_start`,
	Addr:     `fd.cip fd.rip fd.sip`, Addrs: `fd.ip`, Ints: `fd.port`, Texts: `proc.aname`,
}

// netFields are the rest of the 97.
var netFields = "fd.net fd.cnet fd.snet fd.rnet"

// userRules are fields that Falco's files do not name and those of users often do.
var userRules = map[Type]string{
	Text: `evt.dir proc.exeline proc.aexepath[1] proc.acmdline[1] fs.path.name fs.path.nameraw fs.path.source fs.path.target fd.uid evt.time evt.hostname
		container.name container.image.tag container.image.digest container.type container.ip k8s.pod.uid k8s.pod.label["app"] k8s.pod.ip
		thread.cap_inheritable syscall.type evt.arg[0] proc.env["HOME"] proc.args[0] proc.aargs[1] proc.sid.exe proc.sid.exepath proc.pgid.name
		proc.pgid.exe proc.pgid.exepath evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.source fd.containername
		fd.containerdirectory k8s.pod.sandbox_id k8s.pod.full_sandbox_id thread.nametid`,
	Texts: `proc.aargs proc.acmdline`,
	Int: `proc.cmdnargs proc.cmdlenargs proc.pvpid proc.ppid.ts thread.vtid fd.dev.major fd.dev.minor evt.rawtime.s evt.rawtime.ns
		proc.pidns_init_start_ts proc.apid[1] proc.ppid proc.pid proc.sid proc.vpgid fd.dev fd.ino evt.count evt.rawarg.res`,
	Bool: `proc.is_exe_writable evt.failed evt.is_wait evt.is_async proc.is_sid_leader proc.is_pgid_leader thread.ismain fd.is_server
		proc.is_container_healthcheck proc.is_container_liveness_probe proc.is_container_readiness_probe`,
	Duration: `container.duration proc.ppid.duration proc.exe_ino.ctime_duration_pidns_start`,
}

func TestFalcoFields(t *testing.T) {
	ev := &event.Event{Kind: event.Openat, Process: &event.Process{}, Container: event.Host}
	count := len(strings.Fields(netFields))
	for i, table := range []map[Type]string{catalogueOf, userRules} {
		for want, names := range table {
			for _, name := range strings.Fields(names) {
				if i == 0 {
					count++
				}
				f, err := Lookup(name)
				if err != nil {
					t.Error(err)
					continue
				}
				if f.Type != want {
					t.Errorf("%s is %s, not %s", name, f.Type, want)
				}
				f.Value(ev) // panics without a getter
			}
		}
	}
	if count != 97 {
		t.Errorf("%d fields; Falco's files name 97", count)
	}
}

func TestFsPaths(t *testing.T) {
	for _, c := range []struct {
		ev                   event.Event
		name, source, target string
	}{
		{event.Event{Kind: event.Openat, FD: event.FD{Valid: true, Path: event.Path{Name: "/a"}}}, "/a", "", ""},
		{event.Event{Kind: event.Unlink, Args: event.Args{Path: event.Path{Name: "/a"}}}, "/a", "", ""},
		{event.Event{Kind: event.Renameat2, Args: event.Args{Path: event.Path{Name: "/a"}, NewPath: event.Path{Name: "/b"}}}, "", "/a", "/b"},
		{event.Event{Kind: event.Setuid}, "", "", ""},
	} {
		for field, want := range map[string]string{"fs.path.name": c.name, "fs.path.source": c.source, "fs.path.target": c.target} {
			f, err := Lookup(field)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := f.TextOf(&c.ev); got != want || ok != (want != "") {
				t.Errorf("%s of %s: %q %v", field, c.ev.Kind, got, ok)
			}
		}
	}
}
