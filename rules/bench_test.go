package rules

import (
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
)

// benchRules has a rule of each usual shape.
const benchRules = `
lists:
  shells: [ash, bash, csh, ksh, sh, tcsh, zsh, dash]
  sensitive: [/etc/shadow, /etc/sudoers, /etc/pam.conf]
  dirs: [/bin/, /sbin/, /usr/bin/, /usr/sbin/, /boot/]
  api: {from: api, default: [10.96.0.1]}
macros:
  in_container: container.id != "host"
  open_write: evt.type in ["open", "openat", "openat2"] && evt.is_open_write && fd.num >= 0
rules:
  - {name: a, severity: LOW, output: x, condition: evt.type == "execve" && in_container && proc.name in shells && proc.tty != 0}
  - {name: b, severity: LOW, output: x, condition: evt.is_open_read && (fd.name in sensitive || fd.path in sensitive) && !(proc.name in shells)}
  - {name: c, severity: LOW, output: x, condition: 'open_write && (fd.name.startsWith(dirs) || fd.path.startsWith(dirs)) && !(proc.aname.exists(a, a in shells))'}
  - {name: d, severity: LOW, output: x, condition: open_write && fd.name.glob("/home/*/.ssh/*") && evt.arg.flags.contains("O_TRUNC")}
  - {name: e, severity: LOW, output: x, condition: evt.type == "connect" && in_container && (fd.sip in api || fd.asked_ip in api) && fd.sport == 443}
  - {name: f, severity: LOW, output: x, condition: 'evt.type == "connect" && inCIDR(fd.ip, ["10.1.0.0/16"]) && 80 in fd.port'}
  - {name: g, severity: LOW, output: x, condition: 'evt.is_open_write && thread.cap_effective.contains("CAP_SYS_ADMIN") && proc.aname[2] == "systemd" && container.label["app"] == "x"'}
  - {name: h, severity: LOW, output: x, condition: 'evt.is_open_read && proc.cmdline.icontains("passw") && user.name != "root" && proc.duration < duration("5s")'}
`

func benchEvents(t testing.TB) map[string]*event.Event {
	return map[string]*event.Event{
		"open read":  testEvent(t, "evt.type", "openat", "fd.name", "/usr/lib/x86_64-linux-gnu/libc.so.6", "proc.name", "cc1", "proc.pname", "gcc", "proc.duration", "1s"),
		"open write": testEvent(t, "evt.type", "openat", "fd.name", "/home/u/.ssh/known", "evt.arg.flags", "O_RDWR|O_CREAT", "proc.name", "cc1", "proc.aname[3]", "make", "thread.cap_effective", "CAP_SYS_ADMIN", `container.label["app"]`, "y"),
		"exec":       testEvent(t, "evt.type", "execve", "proc.name", "cc1", "container.name", "c"),
		"connect":    testEvent(t, "evt.type", "connect", "fd.sip", "10.0.0.2", "fd.sport", "443", "fd.cip", "2001:db8::1", "container.name", "c"),
		"no rule":    testEvent(t, "evt.type", "bind"),
	}
}

// TestNoAllocations holds the promise of Match for events that match nothing.
func TestNoAllocations(t *testing.T) {
	race.Skip(t, "under it sync.Pool drops some of what it is given")
	s := mustLoad(t, Options{}, benchRules)
	for name, ev := range benchEvents(t) {
		fire := func(r *Rule) { t.Errorf("%s: rule %s matches", name, r.Name) }
		if n := testing.AllocsPerRun(1000, func() { s.Match(ev, fire) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	s := mustLoad(b, Options{}, benchRules)
	fire := func(*Rule) {}
	for name, ev := range benchEvents(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Match(ev, fire)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustLoad(b, Options{}, benchRules)
	}
}
