package field

import "tiercel.dev/internal/event"

func isMain(ev *event.Event) bool { return ev.Task.TID == ev.Task.TGID }

func threadFields() []Field {
	return []Field{
		{Name: "thread.ismain", Type: Bool, Never: true, Doc: "The thread is the main one of its process.",
			BoolOf: func(ev *event.Event) (bool, bool) { return isMain(ev), true }},
		{Name: "thread.vtid", Type: Int, Doc: "Thread id in the innermost pid namespace. Missing for threads besides the main one.",
			IntOf: func(ev *event.Event) (int64, bool) {
				if ev.Process == nil || !isMain(ev) {
					return 0, false
				}
				return int64(ev.Process.VPID), true
			}},
		{Name: "thread.nametid", Type: Text, Doc: "proc.name and thread.tid, one behind the other. Made anew at each use.",
			TextOf: func(ev *event.Event) (string, bool) {
				name, ok := procText(procName).text(ev)
				if !ok {
					return "", false
				}
				return name + number(int64(ev.Task.TID)), true
			}},
	}
}
