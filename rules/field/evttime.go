package field

import (
	"time"

	"tiercel.dev/internal/event"
)

// evtTimeFields are the forms of an event's time besides evt.time. The texts are as Falco writes them.
func evtTimeFields() []Field {
	return []Field{
		evtTime("evt.time.s", "When the call returned, of the day in this machine's time zone: 15:04:05.", func(t time.Time) string { return t.Local().Format(time.TimeOnly) }),
		evtTime("evt.time.iso8601", "When the call returned, in UTC with nanoseconds: 2026-01-02T15:04:05.000000000+0000.", func(t time.Time) string {
			return t.UTC().Format("2006-01-02T15:04:05.000000000-0700")
		}),
		evtTime("evt.datetime", "When the call returned, in this machine's time zone with nanoseconds: 2026-01-02 15:04:05.000000000.", func(t time.Time) string {
			return t.Local().Format("2006-01-02 15:04:05.000000000")
		}),
		evtTime("evt.datetime.s", "When the call returned, in this machine's time zone: 2026-01-02 15:04:05.", func(t time.Time) string { return t.Local().Format(time.DateTime) }),
		{Name: "evt.rawtime.s", Type: Int, Never: true, Doc: "When the call returned, in whole seconds since the epoch.",
			IntOf: func(ev *event.Event) (int64, bool) { return ev.Time / int64(time.Second), true }},
		{Name: "evt.rawtime.ns", Type: Int, Never: true, Doc: "The nanoseconds behind evt.rawtime.s.",
			IntOf: func(ev *event.Event) (int64, bool) { return ev.Time % int64(time.Second), true }},
	}
}

func evtTime(name, doc string, text func(time.Time) string) Field {
	return Field{Name: name, Type: Text, Never: true, Doc: doc + " Made anew at each use: for outputs.",
		TextOf: func(ev *event.Event) (string, bool) { return text(time.Unix(0, ev.Time)), true }}
}
