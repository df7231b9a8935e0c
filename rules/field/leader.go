package field

import (
	"time"

	"tiercel.dev/internal/event"
)

// sessionLeader is the leader of the process's session, or the eldest of its ancestors in that session: most often the
// leader is among them.
func sessionLeader(p *event.Process) *event.Process {
	for n := 0; p != nil && p.PID != p.SID && p.Parent != nil && p.Parent.SID == p.SID && n < event.MaxAncestors; n++ {
		p = p.Parent
	}
	return p
}

// groupLeader is the leader of the process's group, if that is the process or one of its ancestors. The first command of a
// pipeline leads the others and is none of them.
func groupLeader(p *event.Process) *event.Process {
	if p == nil {
		return nil
	}
	leader := p.PGID
	for n := 0; p != nil && p.PID != leader && n < event.MaxAncestors; n++ {
		p = p.Parent
	}
	if p == nil || p.PID != leader {
		return nil
	}
	return p
}

// via reads a text of one that is found from the event's process.
func (of procText) via(find func(*event.Process) *event.Process) func(*event.Event) (string, bool) {
	return func(ev *event.Event) (string, bool) { return of.get(find(ev.Process)) }
}

func leaderFields() []Field {
	fields := []Field{
		procBool("proc.is_sid_leader", "The process leads its session.", func(p *event.Process) (bool, bool) { return p.SID == p.PID, true }, nil),
		procBool("proc.is_pgid_leader", "The process leads its process group: proc.pgid is proc.pid.",
			func(p *event.Process) (bool, bool) { return p.PGID == p.PID, true }, nil),
	}
	type part struct {
		name, doc string
		of        procText
	}
	exe, path := part{"exe", "proc.exe", procExe}, part{"exepath", "proc.exepath", procExePath}
	for _, p := range []part{exe, path} {
		fields = append(fields, Field{Name: "proc.sid." + p.name, Type: Text, TextOf: p.of.via(sessionLeader),
			Doc: p.doc + " of the leader of the session, or of the eldest ancestor in it."})
	}
	for _, p := range []part{{"name", "proc.name", procName}, exe, path} {
		fields = append(fields, Field{Name: "proc.pgid." + p.name, Type: Text, TextOf: p.of.via(groupLeader),
			Doc: p.doc + " of the leader of the process group. Missing if that is neither the process nor an ancestor, as in the middle of a pipeline."})
	}
	return fields
}

// parentFields are facts of the parent, besides its name and command line.
func parentFields() []Field {
	parent := func(ev *event.Event) *event.Process { return ev.Process.Ancestor(1) }
	return []Field{
		{Name: "proc.pvpid", Type: Int, Doc: "proc.vpid of the parent. Missing if the parent is not known.",
			IntOf: func(ev *event.Event) (int64, bool) {
				p := parent(ev)
				if p == nil || p.Partial {
					return 0, false
				}
				return int64(p.VPID), true
			},
			set: func(b *builder, v string) error { return parse(v, int32Of, &b.ancestor(1).VPID) }},
		{Name: "proc.ppid.ts", Type: Int, Doc: "When the parent started, in nanoseconds since the epoch.",
			IntOf: func(ev *event.Event) (int64, bool) {
				p := parent(ev)
				if p == nil {
					return 0, false
				}
				return p.StartTime, p.StartTime != 0
			},
			set: func(b *builder, v string) error { return parse(v, int64Of, &b.ancestor(1).StartTime) }},
		{Name: "proc.ppid.duration", Type: Duration, Doc: "How long the parent had lived when the event happened. Missing if its start is not known.",
			DurationOf: func(ev *event.Event) (time.Duration, bool) {
				p := parent(ev)
				if p == nil || p.StartTime == 0 {
					return 0, false
				}
				return time.Duration(ev.Time - p.StartTime), true
			}},
	}
}
