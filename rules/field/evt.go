package field

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"tiercel.dev/internal/event"
)

// kindSet returns the kinds as a set.
func kindSet(kinds ...event.Kind) (s event.KindSet) {
	for _, k := range kinds {
		s.Add(k)
	}
	return s
}

var (
	openKinds = kindSet(event.Open, event.Openat, event.Openat2, event.OpenByHandleAt)
)

func evtFields() []Field {
	return []Field{
		{Name: "evt.num", Type: Int, Never: true, Doc: "Number of the event, counted by the sensor from 1.",
			IntOf: func(ev *event.Event) (int64, bool) { return int64(ev.Num), true },
			set:   func(b *builder, v string) error { return parse(v, uint64Of, &b.ev.Num) }},
		{Name: "evt.type", Type: Text, Never: true, Facts: FromKind,
			Doc:    "Name of the system call. A successful execveat is \"execve\", as is a failed execve.",
			TextOf: func(ev *event.Event) (string, bool) { return ev.Kind.Type(), true },
			set:    func(*builder, string) error { return nil }}, // read before all others
		{Name: "evt.time", Type: Text, Never: true, Doc: "When the call returned, as RFC 3339 text in UTC with nanoseconds.",
			TextOf: func(ev *event.Event) (string, bool) {
				return time.Unix(0, ev.Time).UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), true
			},
			set: func(b *builder, v string) error {
				t, err := time.Parse(time.RFC3339Nano, v)
				b.ev.Time = t.UnixNano()
				return err
			}},
		{Name: "evt.rawtime", Type: Int, Never: true, Doc: "When the call returned, in nanoseconds since the epoch.",
			IntOf: func(ev *event.Event) (int64, bool) { return ev.Time, true },
			set:   func(b *builder, v string) error { return parse(v, int64Of, &b.ev.Time) }},
		{Name: "evt.cpu", Type: Int, Never: true, Doc: "CPU that the call returned on.",
			IntOf: func(ev *event.Event) (int64, bool) { return int64(ev.CPU), true },
			set:   func(b *builder, v string) error { return parse(v, uint16Of, &b.ev.CPU) }},
		{Name: "evt.count", Type: Int, Never: true, Facts: FromKind, Doc: "Always 1, for whoever adds events up.",
			IntOf: func(*event.Event) (int64, bool) { return 1, true }},
		{Name: "evt.is_wait", Type: Bool, Never: true, Facts: FromKind, Doc: "Always false: calls that wait for others are not seen.",
			BoolOf: func(*event.Event) (bool, bool) { return false, true }},
		{Name: "evt.source", Type: Text, Never: true, Facts: FromKind, Doc: "Always \"syscall\".",
			TextOf: func(*event.Event) (string, bool) { return "syscall", true }},
		{Name: "evt.is_async", Type: Bool, Never: true, Facts: FromKind, Doc: "Always false: all events are system calls.",
			BoolOf: func(*event.Event) (bool, bool) { return false, true }},
		{Name: "evt.hostname", Type: Text, Never: true, Doc: "Name of this machine.",
			TextOf: func(*event.Event) (string, bool) { return hostname(), true }},
		{Name: "syscall.type", Type: Text, Never: true, Facts: FromKind, Doc: "As evt.type: all events are system calls.",
			TextOf: func(ev *event.Event) (string, bool) { return ev.Kind.Type(), true }},
		{Name: "evt.dir", Type: Text, Never: true, Facts: FromKind, Doc: "Always \"<\": events are seen as calls return.",
			TextOf: func(*event.Event) (string, bool) { return "<", true }},
		{Name: "evt.res", Type: Text, Never: true, Doc: "\"SUCCESS\", or the name of the error: \"ENOENT\", \"EINPROGRESS\".",
			TextOf: func(ev *event.Event) (string, bool) {
				if ev.Ret >= 0 {
					return "SUCCESS", true
				}
				return errnoName(-ev.Ret), true
			},
			set: setRes},
		{Name: "evt.rawres", Type: Int, Never: true, Doc: "What the call returned: a descriptor, 0 or another result, or the error as a negative number.",
			IntOf: func(ev *event.Event) (int64, bool) { return ev.Ret, true },
			set: func(b *builder, v string) error {
				b.retSet = true
				return parse(v, int64Of, &b.ev.Ret)
			}},
		{Name: "evt.failed", Type: Bool, Never: true, Doc: "The call returned an error.",
			BoolOf: func(ev *event.Event) (bool, bool) { return ev.Ret < 0, true }},
		{Name: "evt.via", Type: Text, Never: true,
			Doc:    "How the kernel was asked: \"syscall\"; \"compat\" for a 32-bit system call on a 64-bit kernel, and for the start of a 32-bit program; \"io_uring\" for an operation of an io_uring. All three are the same event.",
			TextOf: func(ev *event.Event) (string, bool) { return viaText(ev.Via), true },
			set: func(b *builder, v string) error {
				return parse(v, choice("syscall compat io_uring", event.ViaSyscall, event.ViaCompat, event.ViaIOUring), &b.ev.Via)
			}},
		openBool("evt.is_open_read", openKinds, "The file was opened, or was to be, for reading: open, openat, openat2, open_by_handle_at with O_RDONLY or O_RDWR. False on other events.",
			func(ev *event.Event) bool {
				return openKinds.Has(ev.Kind) && ev.Args.Flags&accessMode != writeOnly
			}),
		openBool("evt.is_open_write", openKinds, "The file was opened, or was to be, for writing: open, openat, openat2, open_by_handle_at with O_WRONLY or O_RDWR. False on other events, creat included.",
			func(ev *event.Event) bool {
				return openKinds.Has(ev.Kind) && ev.Args.Flags&(writeOnly|readWrite) != 0
			}),
		openBool("evt.is_open_exec", openKinds.Union(kindSet(event.Creat)),
			"The call could make a file that may be executed: open, openat, openat2 with O_CREAT or O_TMPFILE, or creat, with any x bit in the mode. False on other events.",
			func(ev *event.Event) bool {
				made := ev.Kind == event.Creat || openKinds.Has(ev.Kind) && ev.Args.Flags&(create|tmpfile) != 0
				return made && ev.Args.Mode&0o111 != 0
			}),
		{Name: "evt.buffer", Type: Text, Kinds: messageKinds, Exact: true, Data: true, Doc: dataDoc,
			TextOf: messageData, set: func(b *builder, v string) error { b.ev.Message.Data = v; return nil }},
		{Name: "evt.args", Type: Text, Never: true, Doc: "All arguments as name=value, parted by blanks. Made anew at each use: for outputs.",
			TextOf: func(ev *event.Event) (string, bool) { return argsText(ev), true }},
	}
}

// hostname is asked for once.
var hostname = sync.OnceValue(func() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
})

// openBool is a field that is false, not missing, on events of other kinds.
func openBool(name string, kinds event.KindSet, doc string, of func(*event.Event) bool) Field {
	return Field{Name: name, Type: Bool, Never: true, Kinds: kinds, Exact: true, Doc: doc,
		BoolOf: func(ev *event.Event) (bool, bool) { return of(ev), true }}
}

func viaText(v event.Via) string {
	switch v {
	case event.ViaCompat:
		return "compat"
	case event.ViaIOUring:
		return "io_uring"
	}
	return "syscall"
}

func setRes(b *builder, v string) error {
	b.retSet = true
	if v == "SUCCESS" {
		return nil
	}
	n, ok := parseErrno(v)
	if !ok {
		return fmt.Errorf("%q is neither SUCCESS nor the name of an error", v)
	}
	b.ev.Ret = -n
	return nil
}

func argsText(ev *event.Event) string {
	var s strings.Builder
	if int(ev.Kind) >= len(params) {
		return ""
	}
	for i, p := range params[ev.Kind] {
		if p.name == data.name {
			continue // shown by rules that name it alone
		}
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(p.name)
		s.WriteByte('=')
		v, ok := p.value(ev)
		if !ok {
			v = "<NA>"
		}
		s.WriteString(v)
	}
	return s.String()
}

func number(n int64) string {
	const small = "0123456789"
	if 0 <= n && n < 10 {
		return small[n : n+1]
	}
	return strconv.FormatInt(n, 10)
}
