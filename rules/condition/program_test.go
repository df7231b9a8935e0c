package condition

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
)

// what a program says of each of its conditions.
func (p *Program) verdicts(n int, ev *event.Event) (is []bool, errs []error) {
	is, errs = make([]bool, n), make([]error, n)
	p.Match(ev, func(i int, err error) bool {
		is[i], errs[i] = err == nil, err
		return true
	})
	return is, errs
}

// conditions makes a set of conditions that have parts in common, and ask the same texts in many ways.
func (g *generator) conditions() []string {
	var parts []string
	for range 4 {
		parts = append(parts, g.bool(1+g.IntN(3)))
	}
	texts := []string{pick(g, []string{"fd.name", "fd.path", "proc.name"}), g.text(1), "proc.exepath.basename()"}
	for range 10 {
		words := []string{quoted(pick(g, words)), `""`, `"/e"`, `"sh"`}
		parts = append(parts, fmt.Sprintf("%s%s", pick(g, texts), pick(g, []string{
			" == " + pick(g, words), " != " + pick(g, words), " in shells", " in dirs", " in servers", fmt.Sprintf(" in [%s]", strings.Join(words, ", ")),
			".startsWith(dirs)", ".endsWith(shells)", fmt.Sprintf(".startsWith(%s)", pick(g, words)), fmt.Sprintf(".endsWith(%s)", pick(g, words)),
			fmt.Sprintf(".startsWith([%s])", strings.Join(words, ", ")), ".startsWith(servers)", ".contains(\"a\")", ".glob(\"*a*\")", ".endsWith(empty)"})))
	}
	parts = append(parts, "in_container", "open_write", "!evt.failed", "1 / proc.tty == 1", "proc.aname.exists(a, a in shells && proc.tty == 0)")
	var all []string
	for range 3 + g.IntN(8) {
		text := pick(g, parts)
		for range g.IntN(6) {
			text = fmt.Sprintf(pick(g, []string{"(%s && %s)", "(%s || %s)", "%s && %s", "(%s || !(%s))", "(%s && !(%s))"}), text, pick(g, parts))
		}
		if g.IntN(3) == 0 {
			text = pick(g, []string{"evt.failed", "evt.is_open_read"}) + " && " + text
		}
		all = append(all, text)
	}
	return all
}

// TestProgramReference compares programs with cel-go's interpreter over each condition alone, errors included: for
// kinds and places that decide parts, with parts kept from one condition to the next, and not from event to event.
func TestProgramReference(t *testing.T) {
	c, dynamic := testCompiler(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	rounds := 60
	if testing.Short() || race.Enabled { // one goroutine; scripts/fuzz compares for longer
		rounds = 20
	}
	matched, erred, kept, sieved, guarded := 0, 0, 0, 0, 0
	for range rounds {
		var conditions []*Condition
		var references []func(*event.Event) (bool, error)
		for _, text := range g.conditions() {
			if cond, _ := c.Compile(text); cond != nil {
				reference, err := cond.Reference()
				if err != nil {
					t.Fatal(err)
				}
				conditions, references = append(conditions, cond), append(references, reference)
			}
		}
		p := NewProgram(conditions)
		for k := range p.tables {
			for place := range p.tables[k] {
				tb := &p.tables[k][place]
				kept, sieved, guarded = kept+tb.slots, sieved+tb.sieves, guarded+len(tb.guards)
			}
		}
		for range 150 {
			ev := g.event()
			switch g.IntN(20) {
			case 0:
				ev.Container = nil
			case 1: // neither the host's own nor a container's
				ev.Container = &event.Container{ID: event.Host.ID, Name: pick(g, words), Metadata: event.Metadata(g.IntN(2))}
			}
			if g.IntN(4) == 0 {
				dynamic.SetTexts("servers", []string{pick(g, []string{"10.96.0.1", "127.0.0.1"}), pick(g, words[:5])})
			}
			is, errs := p.verdicts(len(conditions), ev)
			for i, reference := range references {
				want, wantErr := reference(ev)
				if conditions[i].Filter()[ev.Kind] == event.Off {
					wantErr = nil // it is not tried
				}
				if is[i] != want || (errs[i] == nil) != (wantErr == nil) {
					t.Fatalf("%q\ngot %v, %v; the reference says %v, %v\nevent %#v\nprocess %#v\ncontainer %#v", conditions[i].Text, is[i], errs[i],
						want, wantErr, ev, ev.Process, ev.Container)
				}
				matched, erred = matched+b2i(want), erred+b2i(wantErr != nil)
			}
		}
	}
	t.Logf("matched %d, errors %d, kept %d, sieves %d, guards %d", matched, erred, kept, sieved, guarded)
	// Without all of these the test would show nothing.
	if matched == 0 || erred == 0 || kept == 0 || sieved == 0 || guarded == 0 {
		t.Error("something was never tried")
	}
}

// TestProgramOrder holds conditions in their order, and stops where it is told to.
func TestProgramOrder(t *testing.T) {
	c, _ := testCompiler(t)
	var conditions []*Condition
	for _, text := range []string{`proc.tty == 0 && proc.name == "bash"`, `evt.type == "bind"`, `1 / proc.tty == 1`, `proc.tty == 0 && is_root`, `true`} {
		conditions = append(conditions, compile(t, c, text))
	}
	p := NewProgram(conditions)
	ev := build(t, "evt.type", "execve", "proc.name", "bash", "proc.tty", "0")
	for _, tt := range []struct {
		last int
		want string
	}{{99, "[0 2 3 4]"}, {2, "[0 2]"}, {0, "[0]"}} {
		var got []int
		p.Match(ev, func(i int, err error) bool {
			if (err != nil) != (i == 2) {
				t.Errorf("condition %d: %v", i, err)
			}
			got = append(got, i)
			return i < tt.last
		})
		if fmt.Sprint(got) != tt.want {
			t.Errorf("got %v, want %s", got, tt.want)
		}
	}
}

// TestProgramFolds checks that a condition is not tried where the kind or the place decides against it.
func TestProgramFolds(t *testing.T) {
	c, _ := testCompiler(t)
	for _, tt := range []struct {
		text      string
		kind      event.Kind
		host, out bool
	}{
		{`evt.type == "openat" && proc.tty == 0`, event.Openat, true, true},
		{`evt.type == "openat" && proc.tty == 0`, event.Open, true, false},
		{`in_container && evt.type == "openat"`, event.Openat, true, false},
		{`in_container && evt.type == "openat"`, event.Openat, false, true},
		{`!in_container && evt.type == "openat"`, event.Openat, false, false},
		{`!in_container && evt.type == "openat"`, event.Openat, true, true},
		{`evt.type == "openat" && k8s.ns.name == "x" || evt.type == "bind"`, event.Openat, true, false},
		{`evt.type == "openat" && k8s.ns.name == "x" || evt.type == "bind"`, event.Bind, true, true},
		{`has(evt.arg.newpath)`, event.Openat, true, false},
		{`evt.type == "bind" && 1 / proc.tty == 0`, event.Openat, true, false},
		{`in_container ? proc.tty == 0 : 1 / proc.tty == 0`, event.Openat, true, true},
	} {
		p := NewProgram([]*Condition{compile(t, c, tt.text)})
		place := inContainer
		if tt.host {
			place = onHost
		}
		if got := len(p.tables[tt.kind][place].entries) == 1; got != tt.out {
			t.Errorf("%s: %s, on the host %v: tried is %v", tt.text, tt.kind, tt.host, got)
		}
	}
}

// TestProgramAsksOnce counts how often what two conditions share is evaluated.
func TestProgramAsksOnce(t *testing.T) {
	c, _ := testCompiler(t)
	a := compile(t, c, `evt.type == "bind" && !(proc.args.contains("a") || proc.tty > 5) && proc.tty == 1`)
	b := compile(t, c, `evt.type == "bind" && !(proc.args.contains("a") || proc.tty > 5) && proc.name == "x"`)
	p := NewProgram([]*Condition{a, b})
	tb := &p.tables[event.Bind][onHost]
	if tb.slots != 1 {
		t.Errorf("%d parts are kept, want the one they share", tb.slots)
	}
	if alone := NewProgram([]*Condition{a}); alone.tables[event.Bind][onHost].slots != 0 {
		t.Error("a part that stands once is kept")
	}
}

// TestSieveHoldsMany gives a text more tests than a sieve has bits.
func TestSieveHoldsMany(t *testing.T) {
	c, _ := testCompiler(t)
	var conditions []*Condition
	for i := range 3 * maxTests {
		conditions = append(conditions, compile(t, c, fmt.Sprintf(`evt.type == "execve" && (proc.name == "n%d" || proc.name.startsWith("p%d-"))`, i, i)))
	}
	p := NewProgram(conditions)
	if n := p.tables[event.Exec][onHost].sieves; n != 6 {
		t.Errorf("%d sieves", n)
	}
	for name, want := range map[string]int{"n0": 0, "n63": 63, "n64": 64, "n100": 100, "n300": 300, "p600-": 600, "p7-x": 7, "p7": -1, "n": -1, "": -1} {
		got := -1
		p.Match(build(t, "evt.type", "execve", "proc.name", name), func(i int, _ error) bool { got = i; return true })
		if got != want {
			t.Errorf("%q: condition %d matches, want %d", name, got, want)
		}
	}
}

func TestSpecialDoesNotReadSocketNames(t *testing.T) {
	c, _ := testCompiler(t)
	var conditions []*Condition
	for _, path := range []string{"/run/a", "/run/b", "/run/c", "/run/d"} {
		conditions = append(conditions, compile(t, c, `evt.type == "connect" && fd.name == "`+path+`" && fd.typechar == "u"`))
	}
	p := NewProgram(conditions)
	ev := build(t, "evt.type", "connect", "fd.sip", "10.0.0.1", "fd.sport", "80")
	if n := testing.AllocsPerRun(100, func() { p.Match(ev, func(int, error) bool { t.Error("matches"); return true }) }); n > 0 && !race.Enabled {
		t.Errorf("%v allocations: the name of an internet socket is made", n)
	}
}

// TestProgramAllocatesNothing takes kinds in turn whose tables need different room.
func TestProgramAllocatesNothing(t *testing.T) {
	race.Skip(t, "under it sync.Pool drops some of what it is given")
	c, _ := testCompiler(t)
	var conditions []*Condition
	for i := range 8 {
		for _, text := range []string{ // what is kept, and what is sieved
			`evt.type == "bind" && (proc.args.contains("a%d") || proc.cwd.contains("b")) && proc.tty == %[1]d`,
			`evt.type == "bind" && !(proc.args.contains("a%d") || proc.cwd.contains("b")) && proc.tty == 7`,
			`evt.type == "bpf" && proc.name == "%d" && proc.cwd.startsWith("/%[1]d") && proc.exepath == "%[1]d"`,
		} {
			conditions = append(conditions, compile(t, c, fmt.Sprintf(text, i)))
		}
	}
	p := NewProgram(conditions)
	bind, bpf := &p.tables[event.Bind][onHost], &p.tables[event.Bpf][onHost]
	if bind.slots <= bpf.slots || bind.sieves >= bpf.sieves {
		t.Fatalf("bind keeps %d and has %d sieves, bpf %d and %d", bind.slots, bind.sieves, bpf.slots, bpf.sieves)
	}
	events := []*event.Event{build(t, "evt.type", "bind", "proc.cwd", "/"), build(t, "evt.type", "bpf", "proc.cwd", "/")}
	if n := testing.AllocsPerRun(100, func() {
		for _, ev := range events {
			p.Match(ev, func(int, error) bool { return true })
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzTrie(f *testing.F) {
	f.Add("/etc/ /etc/shadow  /e", "/etc/shadow")
	f.Add("a ab abc", "ab")
	f.Fuzz(func(t *testing.T, list, s string) {
		words := strings.Split(list, " ")
		for at, w := range words[:min(len(words), 70)] {
			for _, how := range []fit{whole, head, tail} {
				sv := &sieve{}
				for i, other := range words[:min(len(words), 70)] {
					sv.add([]string{other}, fit(uint(how)+uint(b2i(i != at)))%3)
				}
				sv.finish()
				sv.read = func(*frame) string { return s }
				found := sv.sift(&frame{sifted: make([]sifted, 1)})
				want := map[fit]bool{whole: s == w, head: strings.HasPrefix(s, w), tail: strings.HasSuffix(s, w)}[how]
				b := bit(at)
				if got := found.meets(&b); got != want {
					t.Fatalf("%q among %q in %q, %d: %v", w, words, s, how, got)
				}
			}
		}
	})
}
