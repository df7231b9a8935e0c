package rules

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tiercel.dev/internal/event/random"
	"tiercel.dev/internal/race"
	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/source"
)

// falcoMacros are those that generated conditions name.
var falcoMacros = map[string]string{
	"opens":        "evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.num>=0",
	"in_container": "container.id != host or container.image.repository in (nested)",
	"no_parent":    "not proc.pname exists or proc.pname in (systemd)",
	"nothing":      "evt.num=0",
}

// falcoDomains are what domain names resolve to.
var falcoDomains = map[string][]string{"a.example": {"10.96.0.1"}, "b.example": {"2001:db8::1", "10.0.0.7"}, "none.example": nil}

// agree loads conditions out of a tape, and compares what matches events with what Falco says that the conditions mean.
func agree(t *testing.T, g *rand.Rand, conditions, events int) (matched, missed int) {
	t.Helper()
	gen := falcoGenerator{g}
	o := oracle{macros: map[string]syntax.Expr{}, lists: falcoLists}
	file := falcoListItems
	for name, text := range falcoMacros {
		file += fmt.Sprintf("- {macro: %s, condition: %q}\n", name, text)
		o.macros[name] = parseFalco(t, text)
	}
	texts := make([]string, conditions)
	for i := range texts {
		texts[i] = gen.condition(g.IntN(4))
		quoted, err := json.Marshal(texts[i])
		if err != nil {
			t.Fatal(err)
		}
		file += fmt.Sprintf("- {rule: r%d, condition: %s, output: o, desc: d, priority: info}\n", i, quoted)
	}
	lists := NewLists()
	s, err := Load([]source.File{{Name: "falco.yaml", Data: []byte(file)}}, Options{Lists: lists, Falco: FalcoOptions{Exact: true, AllMatch: true}})
	if err != nil {
		t.Fatal(err)
	}
	for list, names := range s.Domains() {
		var addrs []string
		for _, name := range names {
			addrs = append(addrs, falcoDomains[name]...)
		}
		lists.SetTexts(list, addrs)
	}
	s.OnError = func(r *Rule, err error) { t.Errorf("%s\nends in %v", r.Condition(), err) }
	for range events {
		ev := random.Event(g)
		ev.Num++ // they are numbered from 1, and upstream's evt.num=0 means never
		o.ev = ev
		got := map[string]bool{}
		s.Match(ev, func(r *Rule) { got[r.Name] = true })
		for i, text := range texts {
			name := fmt.Sprintf("r%d", i)
			want := o.holds(parseFalco(t, text))
			if got[name] != want {
				t.Fatalf("%s\ngot %v, Falco's meaning is %v\nevent %+v\nfd %+v\nprocess %+v\ncontainer %+v\n%s", text, got[name], want, ev, ev.FD, ev.Process, ev.Container, o.leaves(parseFalco(t, text), text))
			}
			if want {
				matched++
			} else {
				missed++
			}
		}
	}
	return matched, missed
}

func parseFalco(t *testing.T, text string) syntax.Expr {
	t.Helper()
	e, err := syntax.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// leaves shows what the oracle says of each comparison.
func (o *oracle) leaves(e syntax.Expr, text string) string {
	var terms []syntax.Expr
	switch e := e.(type) {
	case *syntax.And:
		terms = e.Terms
	case *syntax.Or:
		terms = e.Terms
	case *syntax.Not:
		terms = []syntax.Expr{e.Term}
	case *syntax.Macro:
		return o.leaves(o.macros[e.Name], falcoMacros[e.Name])
	case *syntax.Compare:
		return fmt.Sprintf("%.60s: %v of %+v\n", text[e.At():], o.holds(e), o.operand(&e.Left))
	}
	var b strings.Builder
	for _, t := range terms {
		b.WriteString(o.leaves(t, text))
	}
	return b.String()
}

func TestFalcoAgrees(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := rand.New(rand.NewPCG(seed, 0))
	rounds := 20
	if testing.Short() || race.Enabled { // one goroutine; scripts/fuzz compares for longer
		rounds = 5
	}
	matched, missed := 0, 0
	for range rounds {
		m, n := agree(t, g, 25, 40)
		matched, missed = matched+m, missed+n
	}
	if matched == 0 || missed == 0 {
		t.Errorf("matched %d, did not match %d", matched, missed)
	}
	t.Logf("matched %d, did not match %d", matched, missed)
}

func FuzzFalcoAgrees(f *testing.F) {
	f.Fuzz(func(t *testing.T, decisions []byte) { agree(t, random.Tape(decisions), 6, 12) })
}
