package field

import "tiercel.dev/internal/event"

var passedKinds = kindSet(event.Recvmsg, event.Recvmmsg)

// passedFields tell of descriptors that another process gave to this one over a unix socket (SCM_RIGHTS): what it may
// open is for the other to say, and no open of its own is seen.
func passedFields() []Field {
	fields := []Field{
		passedTexts("fd.passed", "What came with the message: paths of files as fd.path has them, and names such as socket:[4711] or memfd:name. The first 16 at most, see fd.passed_count. Missing if nothing came.",
			func(p *event.PassedFD) *string { return &p.Real }),
		{Name: "fd.passed_types", Type: Texts, Doc: "fd.type of each descriptor in fd.passed; a socket's is other.",
			TextsOf: func(ev *event.Event, dst []string) ([]string, bool) {
				for i := range ev.Message.Passed {
					dst = append(dst, typeOf(ev.Message.Passed[i].Type).name)
				}
				return dst, len(ev.Message.Passed) > 0
			},
			sets: func(b *builder, vs []string) error {
				for i, v := range vs {
					if err := setType(v, &b.passed(i).Type, func(t fdType) string { return t.name }); err != nil {
						return err
					}
				}
				return nil
			}},
		{Name: "fd.passed_count", Type: Int, Doc: "How many descriptors came with the message.",
			IntOf: func(ev *event.Event) (int64, bool) { return int64(ev.Message.PassedCount), passedKinds.Has(ev.Kind) },
			set:   func(b *builder, v string) error { return parse(v, int64Of, &b.passedCount) }},
		{Name: "fd.passed_foreign", Type: Bool, Doc: "A path in fd.passed starts at a root that is not the process's: a file or directory of the host in a container, or of another container. Missing if nothing came.",
			BoolOf: func(ev *event.Event) (bool, bool) {
				for i := range ev.Message.Passed {
					if ev.Message.Passed[i].Foreign {
						return true, true
					}
				}
				return false, len(ev.Message.Passed) > 0
			},
			set: func(b *builder, v string) error { return parse(v, boolOf, &b.passed(0).Foreign) }},
	}
	for i := range fields {
		fields[i].Kinds, fields[i].Exact, fields[i].Facts = passedKinds, true, FromNews
	}
	return fields
}

func passedTexts(name, doc string, at func(*event.PassedFD) *string) Field {
	return Field{Name: name, Type: Texts, Doc: doc,
		TextsOf: func(ev *event.Event, dst []string) ([]string, bool) {
			for i := range ev.Message.Passed {
				dst = append(dst, *at(&ev.Message.Passed[i]))
			}
			return dst, len(ev.Message.Passed) > 0
		},
		sets: func(b *builder, vs []string) error {
			for i, v := range vs {
				*at(b.passed(i)) = v
			}
			return nil
		}}
}

// passed is the nth descriptor that came, made with those before it.
func (b *builder) passed(n int) *event.PassedFD {
	m := &b.ev.Message
	for len(m.Passed) <= n {
		m.Passed = append(m.Passed, event.PassedFD{Num: int32(5 + len(m.Passed)), Type: event.FDFile})
	}
	return &m.Passed[n]
}
