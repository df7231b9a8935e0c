package field

import (
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/event"
)

// maxIndex is the highest index of an ancestor: no walk goes further.
const maxIndex = event.MaxAncestors

// A procText reads a text of a process; one of which only the ids are known has none.
type procText func(*event.Process) string

func (of procText) get(p *event.Process) (string, bool) {
	if p == nil {
		return "", false
	}
	s := of(p)
	return s, s != "" || !p.Partial
}

func (of procText) text(ev *event.Event) (string, bool) { return of.get(ev.Process) }

func (of procText) parent(ev *event.Event) (string, bool) {
	if ev.Process == nil {
		return "", false
	}
	return of.get(ev.Process.Parent)
}

// parentContainer: a process that was read from /proc has no cgroup until a record names it.
func parentContainer(ev *event.Event) (string, bool) {
	if ev.Process == nil || ev.Process.Parent == nil || ev.Process.Parent.CgroupID == 0 {
		return "", false
	}
	id := ev.Process.Parent.ContainerID
	if id == "" {
		return event.Host.ID, true
	}
	return id[:min(len(id), 12)], true
}

func procName(p *event.Process) string    { return p.Name }
func procExe(p *event.Process) string     { return p.Exe }
func procExePath(p *event.Process) string { return p.ExePath }
func procCmdLine(p *event.Process) string { return p.CmdLine }

func procFields() []Field {
	return slices.Concat(procOwnFields(), cmdArgFields(), procIDFields(), leaderFields(), parentFields(), threadFields(), procExeFields(), []Field{
		{Name: "proc.pname", Type: Text, Doc: "proc.name of the parent. Missing if the parent is not known.", TextOf: procText(procName).parent,
			set: func(b *builder, v string) error { b.ancestor(1).Name = v; return nil }},
		{Name: "proc.pexe", Type: Text, Doc: "proc.exe of the parent.", TextOf: procText(procExe).parent,
			set: func(b *builder, v string) error { b.ancestor(1).Exe = v; return nil }},
		{Name: "proc.pexepath", Type: Text, Doc: "proc.exepath of the parent.", TextOf: procText(procExePath).parent,
			set: func(b *builder, v string) error { b.ancestor(1).ExePath = v; return nil }},
		{Name: "proc.pcmdline", Type: Text, Doc: "proc.cmdline of the parent.", TextOf: procText(procCmdLine).parent,
			set: func(b *builder, v string) error { b.ancestor(1).CmdLine = v; return nil }},
		{Name: "proc.pcontainer.id", Type: Text, Doc: "container.id of the parent: host outside of containers. Missing if the parent is not known.",
			TextOf: parentContainer,
			set: func(b *builder, v string) error {
				b.ancestor(1).CgroupID = 1
				b.ancestor(1).ContainerID = strings.TrimPrefix(v, event.Host.ID)
				return nil
			}},
		ancestorTexts("proc.aname", "proc.name", procName, func(p *event.Process, v string) { p.Name = v }),
		ancestorTexts("proc.aexe", "proc.exe", procExe, func(p *event.Process, v string) { p.Exe = v }),
		ancestorTexts("proc.aexepath", "proc.exepath", procExePath, func(p *event.Process, v string) { p.ExePath = v }),
		ancestorTexts("proc.acmdline", "proc.cmdline", procCmdLine, func(p *event.Process, v string) { p.CmdLine = v }),
		ancestorPIDs(),
		{Name: "proc.loginshellid", Type: Int, Doc: "Process id of the eldest shell among the process and its ancestors. Missing if there is none.",
			IntOf: func(ev *event.Event) (int64, bool) {
				var pid int64
				found := false
				for p, n := ev.Process, 0; p != nil && n <= event.MaxAncestors; p, n = p.Parent, n+1 {
					if isShell(p.Name) {
						pid, found = int64(p.PID), true
					}
				}
				return pid, found
			}},
		{Name: "proc.duration", Type: Duration, Doc: "How long the process had lived when the event happened. Missing if its start is not known.",
			DurationOf: func(ev *event.Event) (time.Duration, bool) {
				if ev.Process == nil || ev.Process.StartTime == 0 {
					return 0, false
				}
				return time.Duration(ev.Time - ev.Process.StartTime), true
			},
			set: func(b *builder, v string) (err error) { b.duration, err = time.ParseDuration(v); return err }},
		{Name: "proc.pid.ts", Type: Int, Doc: "When the process started, in nanoseconds since the epoch.",
			IntOf: func(ev *event.Event) (int64, bool) {
				if ev.Process == nil {
					return 0, false
				}
				return ev.Process.StartTime, ev.Process.StartTime != 0
			},
			set: func(b *builder, v string) error { return parse(v, int64Of, &b.proc.StartTime) }},
	})
}

func isShell(name string) bool {
	switch name {
	case "sh", "bash", "csh", "ksh", "tcsh", "zsh", "dash", "ash", "fish":
		return true
	}
	return false
}

func procOwnFields() []Field {
	return []Field{
		{Name: "proc.name", Type: Text, Doc: "Name of the process (comm of its main thread), at most 15 bytes.", TextOf: procText(procName).text,
			set: func(b *builder, v string) error { b.proc.Name, b.ev.Task.Comm = v, v; return nil }},
		{Name: "proc.exe", Type: Text, Doc: "The first argument, argv[0]: what the caller says the program is.", TextOf: procText(procExe).text,
			set: func(b *builder, v string) error { b.proc.Exe = v; return nil }},
		{Name: "proc.exepath", Type: Text, Doc: "Path of the executable, resolved by the kernel; memfd:NAME for a memfd.", TextOf: procText(procExePath).text,
			set: func(b *builder, v string) error { b.proc.ExePath = v; return nil }},
		{Name: "proc.cmdline", Type: Text, Doc: "proc.name and proc.args behind a blank.", TextOf: procText(procCmdLine).text,
			set: func(b *builder, v string) error { b.proc.CmdLine = v; return nil }},
		{Name: "proc.exeline", Type: Text, Doc: "proc.exe and proc.args behind a blank. Made anew at each use.",
			TextOf: procText(func(p *event.Process) string {
				if p.ArgsText == "" {
					return p.Exe
				}
				return p.Exe + " " + p.ArgsText
			}).text},
		{Name: "proc.env", Type: Text, Doc: "The environment at exec, NAME=value joined by blanks. Made anew at each use.",
			TextOf: procText(func(p *event.Process) string { return strings.Join(p.Env, " ") }).text,
			PartsOf: func(ev *event.Event) []string {
				if ev.Process == nil {
					return nil
				}
				return ev.Process.Env
			},
			set: func(b *builder, v string) error { b.proc.Env = strings.Fields(v); return nil },
			Key: TextKey, KeyType: Text, KeyDoc: "The value of one variable of the environment at exec.",
			keyed: func(k key) Field {
				prefix := k.text + "="
				return Field{TextOf: func(ev *event.Event) (string, bool) {
					if ev.Process == nil {
						return "", false
					}
					for _, e := range ev.Process.Env {
						if v, ok := strings.CutPrefix(e, prefix); ok {
							return v, true
						}
					}
					return "", false
				}}
			},
			setKey: func(b *builder, k key, v string) error { b.env = append(b.env, k.text+"="+v); return nil }},
		{Name: "proc.cwd", Type: Text, Doc: "Working directory; ends in a slash.",
			TextOf: procText(func(p *event.Process) string { return p.CWD }).text,
			set:    func(b *builder, v string) error { b.proc.CWD = v; return nil }},
		{Name: "proc.sname", Type: Text, Doc: "proc.name of the leader of the session; empty if it is not known.",
			TextOf: procText(func(p *event.Process) string { return p.SessionName }).text,
			set:    func(b *builder, v string) error { b.proc.SessionName = v; return nil }},
	}
}
