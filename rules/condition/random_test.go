package condition

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/event/random"
	"tiercel.dev/internal/race"
	"tiercel.dev/rules/field"
)

// A generator makes events and well-typed conditions at random, from few words so that they meet.
type generator struct {
	*rand.Rand
	vars []string // text variables of loops around the place
}

var (
	words, addrs = random.Words, random.Addrs
	numbers      = random.Numbers
	keyed        = []string{`proc.aname[0]`, `proc.aname[1]`, `proc.aname[2]`, `container.label["app"]`, `k8s.pod.label["app"]`, `proc.env["A"]`, `container.mount.dest["/etc/*"]`}
	apids        = []string{`proc.apid[1]`, `proc.apid[5]`}
)

func pick[T any](g *generator, of []T) T { return of[g.IntN(len(of))] }

// byType holds the names of the plain fields of each type.
var byType = func() map[field.Type][]string {
	m := map[field.Type][]string{}
	for _, f := range field.All() {
		m[f.Type] = append(m[f.Type], f.Name)
	}
	return m
}()

func (g *generator) text(depth int) string {
	if depth <= 0 || g.IntN(3) > 0 {
		switch n := g.IntN(10); {
		case n == 0 && len(g.vars) > 0:
			return pick(g, g.vars)
		case n < 3:
			return quoted(pick(g, words))
		case n < 4:
			return pick(g, keyed)
		case n < 5:
			return pick(g, byType[field.Addr])
		case n < 6:
			return "evt.type"
		}
		return pick(g, byType[field.Text])
	}
	switch g.IntN(6) {
	case 0:
		return g.text(depth-1) + pick(g, []string{".lower()", ".basename()", ".dirname()", ".upper()", ".b64()"})
	case 1:
		return fmt.Sprintf("(%s + %s)", g.text(depth-1), g.text(depth-1))
	case 2:
		return fmt.Sprintf("string(%s)", g.num(depth-1))
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", g.bool(depth-1), g.text(depth-1), g.text(depth-1))
	}
	return fmt.Sprintf("%s[%s]", pick(g, []string{"shells", "fd.ip", "servers", `["a", proc.name]`}), g.num(depth-1))
}

func (g *generator) num(depth int) string {
	if depth <= 0 || g.IntN(3) > 0 {
		switch g.IntN(5) {
		case 0:
			return fmt.Sprint(pick(g, numbers))
		case 1:
			return pick(g, apids)
		}
		return pick(g, byType[field.Int])
	}
	switch g.IntN(7) {
	case 0:
		return pick(g, []string{fmt.Sprintf("size(%s)", pick(g, []string{g.text(depth - 1), g.texts(depth - 1), g.ints(depth - 1)})), g.text(depth-1) + ".len()"})
	case 1:
		return fmt.Sprintf("int(%s)", g.text(depth-1))
	case 2:
		return fmt.Sprintf("%s[%s]", pick(g, []string{"ports", "sports", "fd.port", "[1, 2]"}), g.num(depth-1))
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", g.bool(depth-1), g.num(depth-1), g.num(depth-1))
	case 4:
		return fmt.Sprintf("-(%s)", g.num(depth-1))
	}
	return fmt.Sprintf("(%s %s %s)", g.num(depth-1), pick(g, []string{"+", "-", "*", "/", "%"}), g.num(depth-1))
}

func (g *generator) texts(depth int) string {
	switch n := g.IntN(6); {
	case n == 0 && depth > 0:
		var items []string
		for range 1 + g.IntN(4) {
			items = append(items, g.text(depth-1))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case n == 1:
		return pick(g, byType[field.Texts])
	case n == 2:
		return "fd.ip"
	}
	return pick(g, []string{"shells", "dirs", "empty", "servers", `["bash", "sh", "10", "", "/etc/", "host"]`, `["cat"]`})
}

func (g *generator) ints(depth int) string {
	switch n := g.IntN(5); {
	case n == 0 && depth > 0:
		return fmt.Sprintf("[%s, %s]", g.num(depth-1), g.num(depth-1))
	case n == 1:
		return pick(g, byType[field.Ints])
	}
	return pick(g, []string{"ports", "sports", "[0, 1, 2, 22, 443]", "[3]"})
}

func (g *generator) bool(depth int) string {
	if depth <= 0 {
		switch g.IntN(5) {
		case 0:
			f := pick(g, field.All())
			if f.Type == field.None {
				return "has(" + f.KeyExample() + ")"
			}
			return "has(" + f.Name + ")"
		case 1:
			return fmt.Sprintf("evt.type == %q", pick(g, kindNames()))
		case 2:
			return fmt.Sprintf(`container.id %s "host"`, pick(g, []string{"==", "!="}))
		case 3:
			return pick(g, []string{"true", "false", "in_container", "open_write", "shell_root"})
		}
		return pick(g, byType[field.Bool])
	}
	d := depth - 1
	switch g.IntN(14) {
	case 0, 1, 2:
		return fmt.Sprintf("(%s && %s)", g.bool(d), g.bool(d))
	case 3, 4:
		return fmt.Sprintf("(%s || %s)", g.bool(d), g.bool(d))
	case 5:
		return "!(" + g.bool(d) + ")"
	case 6:
		return fmt.Sprintf("(%s ? %s : %s)", g.bool(d), g.bool(d), g.bool(d))
	case 7:
		return fmt.Sprintf("%s %s %s", g.num(d), pick(g, []string{"==", "!=", "<", "<=", ">", ">="}), g.num(d))
	case 8:
		return fmt.Sprintf("%s in %s", g.num(d), g.ints(d))
	case 9:
		return pick(g, []string{
			fmt.Sprintf(`evt.type in [%q, %q]`, pick(g, kindNames()), pick(g, kindNames())),
			pick(g, byType[field.Addr]) + " in servers",
			fmt.Sprintf(`%s %s %q`, pick(g, byType[field.Addr]), pick(g, []string{"==", "!="}), pick(g, addrs)),
			fmt.Sprintf(`%q in fd.ip`, pick(g, addrs)),
			fmt.Sprintf(`inCIDR(%s, %s)`, pick(g, []string{g.text(d), "fd.ip", "servers", "fd.sip"}), pick(g, []string{`"10.0.0.0/8"`, `["10.96.0.0/12", "2001:db8::/32"]`, "servers", `""+proc.name`})),
			fmt.Sprintf(`%s.%s("%s")`, g.text(d), pick(g, []string{"bcontains", "bstartsWith"}), pick(g, []string{"2f", "6261", "ff00"})),
			fmt.Sprintf(`proc.env.%s(%s)`, pick(g, []string{"contains", "icontains"}), quoted(pick(g, words))),
			fmt.Sprintf(`proc.duration %s duration("2s")`, pick(g, []string{"<", ">", "==", ">="})),
		})
	case 10:
		return fmt.Sprintf("%s.%s(%s)", g.text(d), pick(g, []string{"startsWith", "endsWith", "contains", "icontains", "glob", "iglob", "pmatch"}),
			pick(g, []string{g.text(d), g.texts(d)}))
	case 11:
		return fmt.Sprintf("%s.matches(%s)", g.text(d), pick(g, []string{`"^/etc/.*w$"`, `r"[a-c]+"`, `""`}))
	case 12:
		v := fmt.Sprintf("v%d", len(g.vars))
		list := g.texts(d)
		g.vars = append(g.vars, v)
		defer func() { g.vars = g.vars[:len(g.vars)-1] }()
		return fmt.Sprintf("%s.%s(%s, %s)", list, pick(g, []string{"exists", "all", "exists_one"}), v, g.bool(d))
	}
	if g.IntN(2) == 0 {
		return fmt.Sprintf("%s in %s", g.text(d), g.texts(d))
	}
	return fmt.Sprintf("%s %s %s", g.text(d), pick(g, []string{"==", "!=", "<"}), g.text(d))
}

func quoted(s string) string {
	return `"` + strings.NewReplacer("\xff", `ÿ`).Replace(s) + `"`
}

func kindNames() []string {
	var names []string
	for k := range event.AllKinds().All() {
		names = append(names, k.Type())
	}
	return names
}

func (g *generator) event() *event.Event { return random.Event(g.Rand) }

// TestReference compares compiled conditions with cel-go's interpreter, errors included, and checks on the way that
// what a filter holds back does not match.
func TestReference(t *testing.T) {
	c, dynamic := testCompiler(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	rounds := 1500
	if testing.Short() || race.Enabled { // one goroutine; scripts/fuzz compares for longer
		rounds = 200
	}
	var n compared
	for range rounds {
		n.compare(t, c, dynamic, g)
	}
	// Without all of these the test would show nothing.
	if n.compiled < rounds/2 || n.matched == 0 || n.erred == 0 || n.held == 0 {
		t.Errorf("of %d: %+v", rounds, n)
	}
	t.Logf("of %d: %+v", rounds, n)
}

// FuzzReference has the fuzzer decide what conditions and events are made of.
func FuzzReference(f *testing.F) {
	c, dynamic := testCompiler(f)
	for seed := range byte(4) {
		f.Add([]byte(strings.Repeat(string([]byte{seed, 0x7f, 31 * seed, 0xe1}), 40)))
	}
	f.Fuzz(func(t *testing.T, decisions []byte) {
		var n compared
		n.compare(t, c, dynamic, &generator{Rand: random.Tape(decisions)})
	})
}

// compared counts what a comparison came to: conditions compiled; events matched, ended in an error, held back by the filter.
type compared struct{ compiled, matched, erred, held int }

// compare makes one condition and has it and cel-go's interpreter judge events, of which its filter may hold back none that it
// matches.
func (n *compared) compare(t *testing.T, c *Compiler, dynamic *Lists, g *generator) {
	text := g.bool(1 + g.IntN(4))
	cond, issues := c.Compile(text)
	if cond == nil {
		// Random addresses and event types are refused with reason; anything else is a fault of the generator.
		if !strings.Contains(issues[0].Message, "address") && !strings.Contains(issues[0].Message, "event type") {
			t.Fatalf("%s: %v", text, issues)
		}
		return
	}
	n.compiled++
	reference, err := cond.Reference()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	filter := cond.Filter()
	for range 12 {
		ev := g.event()
		if g.IntN(4) == 0 {
			dynamic.SetTexts("servers", []string{pick(g, []string{"10.96.0.1", "2001:DB8::1", "127.0.0.1"}), pick(g, words[:5])})
		}
		got, gotErr := cond.Match(ev)
		want, wantErr := reference(ev)
		if got != want || (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("%q\ngot %v, %v; the reference says %v, %v\nevent %#v\nprocess %#v\ncontainer %#v", text, got, gotErr, want, wantErr, ev, ev.Process, ev.Container)
		}
		holds := heldBack(filter, ev)
		if holds && got {
			t.Fatalf("%s\nmatches an event that its filter %v holds back: %+v", text, filter, ev)
		}
		n.matched, n.erred, n.held = n.matched+b2i(got), n.erred+b2i(gotErr != nil), n.held+b2i(holds)
	}
}

// heldBack reports whether a kernel with this filter would not report the event.
func heldBack(filter event.Filter, ev *event.Event) bool {
	scope := filter[ev.Kind]
	quiet := ev.Kind.IsMessage() && !ev.FD.NameChanged && ev.Message.PassedCount == 0
	return scope.Where() == event.Off || scope.Where() == event.ContainersOnly && !ev.Container.InContainer() || quiet && scope&event.EveryMessage == 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
