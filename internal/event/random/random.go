// Package random makes events for tests that compare two readings of rules.
package random

import (
	"math/rand/v2"
	"net/netip"

	"tiercel.dev/internal/event"
)

// What events are made of: few values, so that conditions made of them meet events.
var (
	Words   = []string{"", "bash", "sh", "cat", "/etc/shadow", "/etc/", "/usr/bin/bash", "O_RDWR", "host", "3f1b2c4d5e6f", "web", "systemd", "10", "Ünïcode", "\xff", "10.96.0.1", "open", "a*b?["}
	Addrs   = []string{"10.96.0.1", "10.0.0.7", "2001:db8::1", "127.0.0.1"}
	Numbers = []int64{0, 1, -1, 3, 22, 443, 6443, 1 << 62, -1 << 63}
)

func pick[T any](g *rand.Rand, of []T) T { return of[g.IntN(len(of))] }

// Event fills what the sensor may fill, and more at once than it would.
func Event(g *rand.Rand) *event.Event {
	var kinds []event.Kind
	for k := range event.AllKinds().All() {
		kinds = append(kinds, k)
	}
	word := func() string { return pick(g, Words) }
	n32 := func() int32 { return int32(pick(g, Numbers)) }
	end := func() netip.AddrPort {
		if g.IntN(3) == 0 {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(netip.MustParseAddr(pick(g, Addrs)), uint16(pick(g, []int64{22, 443, 6443, 40000})))
	}
	path := func() event.Path { return event.Path{Raw: word(), Name: word()} }
	yes := func() bool { return g.IntN(2) == 0 }
	process := func() *event.Process {
		return &event.Process{PID: n32(), PPID: n32(), Name: word(), Exe: word(), ExePath: word(), ArgsText: word(), CmdLine: word(), Env: []string{"A=" + word(), word()},
			CWD: word(), TTY: uint32(g.IntN(2)), VPID: n32(), VPGID: n32(), UID: uint32(g.IntN(2)), UserName: word(), LoginUID: -1, StartTime: int64(g.IntN(3)) * 1e9,
			UpperLayer: event.Tri(g.IntN(3)), Memfd: yes(), Partial: g.IntN(8) == 0, ExeCtime: int64(g.IntN(2)), Caps: event.Caps{Effective: g.Uint64()}}
	}
	ev := &event.Event{Kind: pick(g, kinds), Num: g.Uint64N(3), Time: 2e9 + int64(g.IntN(3)), Ret: pick(g, []int64{0, 3, -2, -115}), Process: process(), Container: event.Host,
		Args: event.Args{Flags: uint64(g.IntN(1 << 12)), Mode: uint32(g.IntN(1 << 12)), Path: path(), NewPath: path(), Source: word(), FSType: word(), Request: int64(g.IntN(20)), Cmd: int32(g.IntN(50)), UID: [3]int32{n32(), 0, -1}, Entries: [3]int32{n32(), n32(), n32()}, DirFD: -100},
		FD:   event.FD{Valid: g.IntN(4) > 0, Num: n32(), Type: event.FDType(g.IntN(20)), Path: path(), Real: word(), Local: end(), Remote: end(), Asked: end(), Unix: word(), Role: event.Role(g.IntN(3)), Connected: yes(), L4: event.L4(g.IntN(5))}}
	if ev.Kind.IsMessage() {
		ev.FD.NameChanged, ev.Message.Data = yes(), word()
		if (ev.Kind == event.Recvmsg || ev.Kind == event.Recvmmsg) && yes() {
			ev.Message.PassedCount, ev.Message.Passed = 1+g.IntN(2), []event.PassedFD{{Type: event.FDFile, Real: word(), Foreign: yes()}}
		}
	}
	last := ev.Process
	for range g.IntN(4) {
		last.Parent = process()
		last = last.Parent
	}
	if g.IntN(2) == 0 {
		c := &event.Container{ID: "3f1b2c4d5e6f", FullID: "3f1b2c4d5e6f00", Metadata: event.Metadata(g.IntN(2)), Name: word(), Labels: map[string]string{"app": word()}, Privileged: yes(), Mounts: []event.MountPoint{{Source: "/etc/x", Dest: word()}}}
		if yes() {
			c.Pod = &event.Pod{Namespace: word(), Name: word(), Labels: map[string]string{"app": "web"}}
		}
		ev.Container = c
	}
	return ev
}
