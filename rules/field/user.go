package field

import "tiercel.dev/internal/event"

func userFields() []Field {
	return []Field{
		procInt("user.uid", "Effective user id.", func(p *event.Process) int64 { return int64(p.UID) }, func(b *builder, v string) error {
			err := parse(v, uint32Of, &b.proc.UID)
			b.uidSet = true
			return err
		}),
		naText("user.name", "Name of user.uid where the process runs; the text \"<NA>\" if it is not known.", func(p *event.Process) *string { return &p.UserName }),
		procInt("user.loginuid", "User id of the login that the process descends from (audit); -1 if there is none.",
			func(p *event.Process) int64 { return int64(p.LoginUID) }, setInt32(func(p *event.Process) *int32 { return &p.LoginUID })),
		naText("user.loginname", "Name of user.loginuid; the text \"<NA>\" if it is not known.", func(p *event.Process) *string { return &p.LoginName }),
		procInt("group.gid", "Effective group id.", func(p *event.Process) int64 { return int64(p.GID) },
			func(b *builder, v string) error { return parse(v, uint32Of, &b.proc.GID) }),
		naText("group.name", "Name of group.gid where the process runs; the text \"<NA>\" if it is not known.", func(p *event.Process) *string { return &p.GroupName }),
	}
}

// naText is a name that is the text <NA> and never missing where it is not known, since rules compare with that.
func naText(name, doc string, at func(*event.Process) *string) Field {
	return Field{Name: name, Type: Text, Never: true, Doc: doc,
		TextOf: func(ev *event.Event) (string, bool) {
			if ev.Process == nil || *at(ev.Process) == "" {
				return "<NA>", true
			}
			return *at(ev.Process), true
		},
		set: func(b *builder, v string) error { *at(b.proc) = v; return nil }}
}
