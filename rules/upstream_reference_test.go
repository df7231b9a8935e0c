package rules

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"tiercel.dev/internal/event"
)

// constantText finds the constants of conditions in CEL.
var constantText = regexp.MustCompile(`"([^"\\]*)"`)

// A forger makes events of the words that rules look for, so that many nearly match.
type forger struct {
	*rand.Rand
	words, paths, names []string
	addrs               []netip.Addr
	kinds               []event.Kind
}

func newForger(s *Set) *forger {
	g := &forger{Rand: rand.New(rand.NewPCG(7, 11)), words: []string{""}, paths: []string{""}, names: []string{""},
		addrs: []netip.Addr{{}, netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00::1")}}
	add := func(w string) {
		switch {
		case strings.HasPrefix(w, "/"):
			g.paths = append(g.paths, w)
		case len(w) < 16 && !strings.Contains(w, " "):
			g.names = append(g.names, w)
		}
		g.words = append(g.words, w)
	}
	for _, r := range s.Rules() {
		for _, m := range constantText.FindAllStringSubmatch(r.Expanded(), -1) {
			add(m[1])
		}
		for _, l := range r.cond.Lists() {
			for _, text := range l.Values.Texts {
				add(text)
			}
		}
		for k := range r.Kinds().All() {
			g.kinds = append(g.kinds, k)
		}
	}
	return g
}

func one[T any](g *forger, of []T) T { return of[g.IntN(len(of))] }

func (g *forger) path() string {
	p := one(g, g.paths)
	if g.IntN(2) == 0 {
		p += "/" + one(g, g.names)
	}
	return p
}

func (g *forger) process(depth int) *event.Process {
	p := &event.Process{Name: one(g, g.names), Exe: one(g, g.words), ExePath: g.path(), CWD: g.path() + "/", TTY: uint32(g.IntN(2)), VPID: int32(g.IntN(3)),
		VPGID: int32(g.IntN(3)), UID: uint32(g.IntN(2) * 1000), LoginUID: int32(g.IntN(2) - 1), UserName: one(g, g.names), UpperLayer: event.Tri(g.IntN(3)),
		Memfd: g.IntN(4) == 0, Partial: g.IntN(10) == 0, Env: []string{one(g, g.words), one(g, g.words) + "=1"}}
	for range g.IntN(4) {
		p.Args = append(p.Args, one(g, g.words))
	}
	p.ArgsText = strings.Join(p.Args, " ")
	p.CmdLine = strings.TrimSpace(p.Name + " " + p.ArgsText)
	p.Caps = event.Caps{Effective: g.Uint64(), Permitted: g.Uint64()}
	if depth > 0 && g.IntN(8) > 0 {
		p.Parent = g.process(depth - 1)
	}
	return p
}

func (g *forger) container() *event.Container {
	if g.IntN(2) == 0 {
		return event.Host
	}
	c := &event.Container{ID: "3f1b2c4d5e6f", Metadata: event.Metadata(g.IntN(2)), Image: event.Image{Repository: one(g, g.words)}, Privileged: g.IntN(2) == 0}
	for range g.IntN(3) {
		c.Mounts = append(c.Mounts, event.MountPoint{Source: g.path(), Dest: one(g, []string{"<NA>", "/mnt"})})
	}
	if g.IntN(2) == 0 {
		c.Pod = &event.Pod{Name: one(g, g.words), Namespace: one(g, g.words)}
	}
	return c
}

func (g *forger) event() *event.Event {
	end := func() netip.AddrPort {
		return netip.AddrPortFrom(one(g, g.addrs), one(g, []uint16{22, 53, 80, 443, 31000}))
	}
	path := func() event.Path { p := g.path(); return event.Path{Raw: one(g, []string{p, "../" + p}), Name: p} }
	return &event.Event{Kind: one(g, g.kinds), Num: 1, Time: 1e18, Ret: one(g, []int64{0, 1, 3, -2, -115}), Process: g.process(6), Container: g.container(),
		Args: event.Args{Flags: g.Uint64() & 0o3777, Mode: g.Uint32() & 0o7777, Path: path(), NewPath: path(), Request: int64(g.IntN(20)), Cmd: int32(g.IntN(8)),
			UID: [3]int32{int32(g.IntN(2) * 1000)}},
		FD: event.FD{Valid: g.IntN(6) > 0, Num: int32(g.IntN(3) - 1), Type: one(g, []event.FDType{event.FDFile, event.FDFile, event.FDDirectory, event.FDIPv4, event.FDIPv4, event.FDIPv6, event.FDUnix, event.FDUnknown}),
			Path: path(), L4: event.L4(g.IntN(4)), Local: end(), Remote: end(), Asked: end(), Role: event.Role(g.IntN(3)), Connected: g.IntN(2) == 0}}
}

// TestUpstreamAgreesWithReference runs each rule over random events: alone, in the program of all, and by the reference
// interpreter.
func TestUpstreamAgreesWithReference(t *testing.T) {
	set, err := Load(upstream(t), Options{Falco: FalcoOptions{AllMatch: true}})
	if err != nil {
		t.Fatal(err)
	}
	g := newForger(set)
	references := map[*Rule]func(*event.Event) (bool, error){}
	for _, r := range set.Rules() {
		if references[r], err = r.Reference(); err != nil {
			t.Fatal(err)
		}
	}
	fired := map[string]int{}
	for range 1000 {
		ev := g.event()
		inSet := map[*Rule]bool{}
		set.Match(ev, func(r *Rule) { inSet[r] = true })
		for _, r := range set.Rules() {
			got, gotErr := r.Match(ev)
			want, wantErr := references[r](ev)
			if got != want || gotErr != nil || wantErr != nil {
				t.Fatalf("%s on %+v: %v, %v; the reference says %v, %v", r.Name, ev, got, gotErr, want, wantErr)
			}
			if r.Enabled && inSet[r] != want {
				t.Fatalf("%s on %+v: in the set %v; the reference says %v", r.Name, ev, inSet[r], want)
			}
			if scope := r.Filter()[ev.Kind]; want && (scope == event.Off || scope == event.ContainersOnly && !ev.Container.InContainer()) {
				t.Fatalf("%s matches %+v, which its filter holds back", r.Name, ev)
			}
			if want {
				fired[r.Name]++
			}
		}
	}
	if len(fired) < 20 {
		t.Errorf("%d rules match any of the events: %v", len(fired), fired)
	}
	t.Log(len(fired), fired)
}
