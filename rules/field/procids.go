package field

import (
	"time"

	"tiercel.dev/internal/event"
)

func procInt(name, doc string, of func(*event.Process) int64, set func(*builder, string) error) Field {
	return Field{Name: name, Type: Int, Doc: doc, set: set, IntOf: func(ev *event.Event) (int64, bool) {
		if ev.Process == nil {
			return 0, false
		}
		return of(ev.Process), true
	}}
}

func procBool(name, doc string, of func(*event.Process) (bool, bool), set func(*builder, string) error) Field {
	return Field{Name: name, Type: Bool, Doc: doc, set: set, BoolOf: func(ev *event.Event) (bool, bool) {
		if ev.Process == nil {
			return false, false
		}
		return of(ev.Process)
	}}
}

// sinceEpoch is a time of a process that is 0 where it is not known.
func sinceEpoch(name, doc string, at func(*event.Process) *int64) Field {
	return Field{Name: name, Type: Int, Doc: doc,
		IntOf: func(ev *event.Event) (int64, bool) {
			if ev.Process == nil {
				return 0, false
			}
			t := *at(ev.Process)
			return t, t != 0
		},
		set: func(b *builder, v string) error { return parse(v, int64Of, at(b.proc)) }}
}

func setInt32(at func(*event.Process) *int32) func(*builder, string) error {
	return func(b *builder, v string) error { return parse(v, int32Of, at(b.proc)) }
}

func procIDFields() []Field {
	return []Field{
		procInt("proc.pid", "Process id.", func(p *event.Process) int64 { return int64(p.PID) }, func(b *builder, v string) error {
			err := parse(v, int32Of, &b.proc.PID)
			b.ev.Task.TGID = b.proc.PID
			return err
		}),
		procInt("proc.ppid", "Process id of the parent.", func(p *event.Process) int64 { return int64(p.PPID) },
			setInt32(func(p *event.Process) *int32 { return &p.PPID })),
		procInt("proc.vpid", "Process id in the innermost pid namespace: 1 is a container's first process.",
			func(p *event.Process) int64 { return int64(p.VPID) }, setInt32(func(p *event.Process) *int32 { return &p.VPID })),
		procInt("proc.sid", "Session id.", func(p *event.Process) int64 { return int64(p.SID) },
			setInt32(func(p *event.Process) *int32 { return &p.SID })),
		procInt("proc.pgid", "Process group id.", func(p *event.Process) int64 { return int64(p.PGID) },
			setInt32(func(p *event.Process) *int32 { return &p.PGID })),
		procInt("proc.vpgid", "Process group id in the innermost pid namespace.",
			func(p *event.Process) int64 { return int64(p.VPGID) }, setInt32(func(p *event.Process) *int32 { return &p.VPGID })),
		procBool("proc.is_vpgid_leader", "The process leads its process group: proc.vpgid is proc.vpid. A command that a shell starts by hand does.",
			func(p *event.Process) (bool, bool) { return p.VPGID == p.VPID, true }, nil),
		procInt("proc.tty", "Device number of the controlling terminal; 0 without one.", func(p *event.Process) int64 { return int64(p.TTY) },
			func(b *builder, v string) error { return parse(v, uint32Of, &b.proc.TTY) }),
		{Name: "thread.tid", Type: Int, Never: true, Doc: "Thread id.",
			IntOf: func(ev *event.Event) (int64, bool) { return int64(ev.Task.TID), true },
			set:   func(b *builder, v string) error { return parse(v, int32Of, &b.ev.Task.TID) }},
		capField("effective", func(c *event.Caps) *uint64 { return &c.Effective }),
		capField("permitted", func(c *event.Caps) *uint64 { return &c.Permitted }),
		capField("inheritable", func(c *event.Caps) *uint64 { return &c.Inheritable }),
	}
}

func capField(set string, at func(*event.Caps) *uint64) Field {
	texts := render(capsText)
	return Field{Name: "thread.cap_" + set, Type: Text, Doc: "Names of the " + set + " capabilities, parted by blanks: CAP_NET_ADMIN CAP_SYS_ADMIN.",
		TextOf: func(ev *event.Event) (string, bool) {
			if ev.Process == nil {
				return "", false
			}
			return texts.of(*at(&ev.Process.Caps)), true
		},
		set: func(b *builder, v string) (err error) { *at(&b.proc.Caps), err = parseCaps(v); return err }}
}

func procExeFields() []Field {
	return []Field{
		procBool("proc.is_exe_upper_layer", "The executable lies in the upper layer of an overlay: it was written after the container started. Missing where the kernel does not tell.",
			func(p *event.Process) (bool, bool) {
				return p.UpperLayer == event.TriTrue, p.UpperLayer != event.TriUnknown
			},
			func(b *builder, v string) error {
				return parse(v, choice("false true", event.TriFalse, event.TriTrue), &b.proc.UpperLayer)
			}),
		procBool("proc.is_exe_from_memfd", "The executable is a memfd: it has no file.", func(p *event.Process) (bool, bool) { return p.Memfd, true },
			func(b *builder, v string) error { return parse(v, boolOf, &b.proc.Memfd) }),
		procBool("proc.is_exe_writable", "The process may write the file it was executed from.", func(p *event.Process) (bool, bool) { return p.Writable, true },
			func(b *builder, v string) error { return parse(v, boolOf, &b.proc.Writable) }),
		probe("healthcheck", "a health check of Docker's"), probe("liveness_probe", "a liveness probe"), probe("readiness_probe", "a readiness probe"),
		procBool("proc.is_chrooted", "When the program was executed, the process's root was a directory within its mounts, as chroot makes it: paths, proc.exepath among them, say where things lie below that. Not known, and false, of processes from before the sensor.",
			func(p *event.Process) (bool, bool) { return p.Chrooted, true },
			func(b *builder, v string) error { return parse(v, boolOf, &b.proc.Chrooted) }),
		procBool("proc.is_exe_on_other_mount", "The executable lies on another mount than the process's root: on a volume, or on something mounted over its path. Not known, and false, of processes from before the sensor.",
			func(p *event.Process) (bool, bool) { return p.OtherMount, true },
			func(b *builder, v string) error { return parse(v, boolOf, &b.proc.OtherMount) }),
		{Name: "proc.exe_ino", Type: Int, Doc: "Inode number of the executable.",
			IntOf: func(ev *event.Event) (int64, bool) {
				if ev.Process == nil {
					return 0, false
				}
				return int64(ev.Process.ExeIno), ev.Process.ExeIno != 0
			},
			set: func(b *builder, v string) error { return parse(v, uint64Of, &b.proc.ExeIno) }},
		sinceEpoch("proc.pidns_init_start_ts", "When the first process of the pid namespace started, in nanoseconds since the epoch: container.start_ts.",
			func(p *event.Process) *int64 { return &p.PIDNSStart }),
		{Name: "proc.exe_ino.ctime_duration_pidns_start", Type: Duration, Doc: "How long after the first process of the pid namespace started the executable's inode last changed. Missing if it changed before.",
			DurationOf: func(ev *event.Event) (time.Duration, bool) {
				if p := ev.Process; p != nil && p.PIDNSStart != 0 && p.ExeCtime > p.PIDNSStart {
					return time.Duration(p.ExeCtime - p.PIDNSStart), true
				}
				return 0, false
			}},
		sinceEpoch("proc.exe_ino.ctime", "When the executable's inode last changed, in nanoseconds since the epoch.",
			func(p *event.Process) *int64 { return &p.ExeCtime }),
		sinceEpoch("proc.exe_ino.mtime", "When the executable was last written, in nanoseconds since the epoch.",
			func(p *event.Process) *int64 { return &p.ExeMtime }),
		{Name: "proc.exe_ino.ctime_duration_proc_start", Type: Duration, Doc: "How long before the process started its executable's inode last changed.",
			DurationOf: func(ev *event.Event) (time.Duration, bool) {
				if p := ev.Process; p != nil && p.StartTime != 0 && p.ExeCtime != 0 {
					return time.Duration(p.StartTime - p.ExeCtime), true
				}
				return 0, false
			}},
	}
}

// probe is a field that never holds: neither the kernel nor the runtime tells why a process was started in a container.
func probe(name, what string) Field {
	return Field{Name: "proc.is_container_" + name, Type: Bool, Never: true, Facts: FromKind,
		Doc:    "The process is " + what + ". Always false: a container runtime that is asked by CRI does not tell.",
		BoolOf: func(*event.Event) (bool, bool) { return false, true }}
}
