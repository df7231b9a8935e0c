package field

import "tiercel.dev/internal/event"

// ancestorTexts is a list of all ancestors' values, parent first; with a key, the value n levels up.
func ancestorTexts(name, of string, text func(*event.Process) string, put func(*event.Process, string)) Field {
	return Field{Name: name, Type: Texts, Doc: of + " of every ancestor, parent first.",
		TextsOf: func(ev *event.Event, dst []string) ([]string, bool) {
			if ev.Process == nil {
				return dst, false
			}
			n := len(dst)
			for p := ev.Process.Parent; p != nil && len(dst)-n < event.MaxAncestors; p = p.Parent {
				dst = append(dst, text(p))
			}
			return dst, len(dst) > n
		},
		sets: func(b *builder, vs []string) error {
			for i, v := range vs {
				put(b.ancestor(i+1), v)
			}
			return nil
		},
		Key: IntKey, KeyType: Text, KeyDoc: of + " of the ancestor so many levels up: 0 is the process itself, 1 its parent. Missing if there are fewer.",
		keyed: func(k key) Field {
			return Field{TextOf: func(ev *event.Event) (string, bool) { return procText(text).get(ev.Process.Ancestor(k.num)) }}
		},
		setKey: func(b *builder, k key, v string) error { put(b.ancestor(k.num), v); return nil },
	}
}

func ancestorPIDs() Field {
	return Field{Name: "proc.apid", Type: Ints, Doc: "proc.pid of every ancestor, parent first.",
		IntsOf: func(ev *event.Event, dst []int64) ([]int64, bool) {
			if ev.Process == nil {
				return dst, false
			}
			n := len(dst)
			for p := ev.Process.Parent; p != nil && len(dst)-n < event.MaxAncestors; p = p.Parent {
				dst = append(dst, int64(p.PID))
			}
			return dst, len(dst) > n
		},
		sets: func(b *builder, vs []string) error {
			for i, v := range vs {
				if err := parse(v, int32Of, &b.ancestor(i+1).PID); err != nil {
					return err
				}
			}
			return nil
		},
		Key: IntKey, KeyType: Int, KeyDoc: "proc.pid of the ancestor so many levels up: 0 is the process itself, 1 its parent. Missing if there are fewer.",
		keyed: func(k key) Field {
			return Field{IntOf: func(ev *event.Event) (int64, bool) {
				if p := ev.Process.Ancestor(k.num); p != nil {
					return int64(p.PID), true
				}
				return 0, false
			}}
		},
		setKey: func(b *builder, k key, v string) error { return parse(v, int32Of, &b.ancestor(k.num).PID) },
	}
}
