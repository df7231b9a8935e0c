package probe

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

// Rules that were written for Falco see what a process does by an io_uring instead, since it is the same event.
func TestRingNoEvasion(t *testing.T) {
	secret := resolved(t, t.TempDir()) + "/shadow"
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, to := listening(t)
	_, resolver := bound(t, netip.MustParseAddr("127.0.0.1"))
	set, err := rules.Load([]rules.Source{{Name: "falco.yaml", Data: fmt.Appendf(nil, `
- macro: open_read
  condition: (evt.type in (open,openat,openat2) and evt.is_open_read=true and fd.typechar='f' and fd.num>=0)
- rule: Read sensitive file untrusted
  desc: d
  condition: open_read and fd.name = %q
  output: read %%fd.name
  priority: WARNING
- rule: Outbound connection
  desc: d
  condition: evt.type = connect and (evt.rawres >= 0 or evt.res = EINPROGRESS) and fd.typechar = 4 and fd.sip = "127.0.0.1" and fd.sport = %d
  output: connect %%fd.name
  priority: NOTICE
- rule: Outbound UDP
  desc: d
  condition: evt.type in (sendto, sendmsg) and evt.dir = < and fd.name_changed = true and fd.l4proto = udp and fd.typechar = 4 and fd.sport = %d
  output: udp %%fd.name
  priority: NOTICE
- rule: Delete
  desc: d
  condition: evt.type in (unlink, unlinkat) and evt.arg.name = %[1]q
  output: deleted
  priority: NOTICE
`, secret, to.Port(), resolver.Port())}}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := filtered(t, set.Filter())
	r := newRing(t, 0)
	skipped := openRequest(cwd, secret, unix.O_RDONLY, 0)
	skipped.flags = flagSkipCQE
	client := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	question := letter{to: resolver, texts: []string{"hello"}}
	datagram := func(opcode, flags uint8) sqe {
		s := question.request(opcode, socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0))
		s.flags = flags
		return s
	}
	own := func(ev *event.Event) bool { // not what another test did, of which the decoder tells a second later
		return ev.FD.Path.Raw == secret || ev.Args.Path.Raw == secret || ev.FD.Remote == to || ev.FD.Remote == resolver
	}
	for _, test := range []struct {
		rule string
		kind event.Kind
		sqe  sqe
	}{
		{"Read sensitive file untrusted", event.Openat, openRequest(cwd, secret, unix.O_RDONLY, 0)},
		{"Read sensitive file untrusted", event.Openat, skipped},
		{"Outbound connection", event.Connect, connectRequest(client, to)},
		{"Outbound UDP", event.Sendmsg, datagram(opSendmsg, 0)},
		{"Outbound UDP", event.Sendmsg, datagram(opSendmsg, flagSkipCQE)},
		{"Outbound UDP", event.Sendto, datagram(opSend, flagAsync)},
		{"Delete", event.Unlinkat, sqe{opcode: opUnlinkat, fd: cwd, addr: uint64(text(secret))}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			ev := l.expect(t, viaRing(test.kind, own), func() {
				r.push(test.sqe)
				r.wait(uint32(1 - test.sqe.flags>>6))
				r.reap()
			})
			ev.Process, ev.Container = &event.Process{Name: "evader"}, event.Host
			var fired []string
			set.Match(ev, func(rule *rules.Rule) { fired = append(fired, rule.Name) })
			if !slices.Contains(fired, test.rule) {
				t.Errorf("fired %q, not %q; %+v", fired, test.rule, ev)
			}
		})
	}
}
