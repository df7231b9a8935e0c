package condition

import (
	"math/bits"
	"regexp"
	"runtime"
	"sync"

	"tiercel.dev/internal/event"
)

// A Program is many conditions, compiled together for each kind of event, on the host and in containers: those that can
// match it are tried, and what they have in common is evaluated once an event. It is safe for concurrent use.
type Program struct {
	conditions []*Condition
	tables     [event.Kinds][places]table
}

const (
	onHost = iota
	inContainer
	places
)

type table struct {
	entries       []entry
	guards        []func(*frame) bool
	slots, sieves int
}

// An entry is one condition: all of its guards && eval.
type entry struct {
	index  int    // of the condition
	guards uint64 // bits of its guards, which other entries have too
	eval   func(*frame) bool
}

// NewProgram compiles conditions together, whichever compilers made them.
func NewProgram(conditions []*Condition) *Program {
	p := &Program{conditions: conditions}
	kinds := make(chan event.Kind)
	var beside sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		beside.Go(func() { p.compile(kinds) })
	}
	for kind := range event.AllKinds().All() {
		kinds <- kind
	}
	close(kinds)
	beside.Wait()
	return p
}

// compile makes the tables of kinds. It only reads what the compilers of the conditions know.
func (p *Program) compile(kinds <-chan event.Kind) {
	exprs, patterns := newInterner(), patterns{}
	ids := make([]map[int64]int, len(p.conditions))
	for i := range ids {
		ids[i] = map[int64]int{}
	}
	for kind := range kinds {
		for place := range p.tables[kind] {
			s := newSpecial(world{kind: kind, host: place == onHost, container: place == inContainer}, exprs, patterns)
			p.tables[kind][place] = s.table(p.conditions, ids)
		}
	}
}

// table compiles the conditions that can match; ids are the numbers of their expressions, as far as they are known.
func (s *special) table(conditions []*Condition, ids []map[int64]int) table {
	builds := map[int]*building{}
	for i, c := range conditions {
		if c.filter[s.world.kind] != event.Off {
			builds[i] = &building{c: c.compiler, tree: c.ast.NativeRep(), p: c.parsed, special: s, ids: ids[i]}
			builds[i].count(builds[i].tree.Expr())
		}
	}
	var roots []root
	for i := range conditions {
		if b := builds[i]; b != nil {
			if n := b.boolean(b.tree.Expr()); !n.konst || n.value {
				roots = append(roots, root{i, n})
			}
		}
	}
	t := table{slots: s.slots, sieves: len(s.sieves)}
	t.guard(roots)
	for _, sv := range s.sieves {
		sv.finish()
	}
	return t
}

type root struct {
	index int
	node  boolNode
}

// maxGuards is how many bits there are for them.
const maxGuards = 64

// guard makes entries of conditions. A cheap side of their && that several have is a guard of these.
func (t *table) guard(roots []root) {
	shared, at := map[int]int{}, map[int]int{}
	for _, r := range roots {
		for _, side := range r.node.sides {
			shared[side.id]++
		}
	}
	for _, r := range roots {
		e := entry{index: r.index, eval: r.node.eval}
		var rest []boolNode
		for _, side := range r.node.sides {
			g, ok := at[side.id]
			if guards := !r.node.or && side.isGuard(shared); guards && !ok && len(t.guards) < maxGuards {
				g, ok = len(t.guards), true
				at[side.id] = g
				t.guards = append(t.guards, side.eval)
			} else if !guards {
				ok = false
			}
			if ok {
				e.guards |= 1 << g
			} else {
				rest = append(rest, side)
			}
		}
		if e.guards != 0 {
			e.eval = logical(rest, false).eval
		}
		t.entries = append(t.entries, e)
	}
}

// isGuard reports whether others have the side too, and it is as cheap as reading a field.
func (n boolNode) isGuard(shared map[int]int) bool {
	return n.total && n.id != 0 && n.cost <= plainCost && shared[n.id] > 1
}

// Match calls report, in order, for each condition that is true of ev or ends in an error, by its index; report returns
// whether to go on. Errors are those of [Condition.Match].
func (p *Program) Match(ev *event.Event, report func(index int, err error) bool) {
	if int(ev.Kind) >= len(p.tables) {
		return
	}
	t := &p.tables[ev.Kind][inContainer]
	switch {
	case ev.Container == event.Host:
		t = &p.tables[ev.Kind][onHost]
	case ev.Container == nil || !ev.Container.InContainer():
		p.matchEach(ev, report)
		return
	}
	if len(t.entries) == 0 {
		return
	}
	f := newFrame(ev)
	f.prepare(t.slots, t.sieves)
	t.match(f, report)
	f.release()
}

// matchEach is for events that are neither the host's, as the sensor marks it, nor a container's.
func (p *Program) matchEach(ev *event.Event, report func(index int, err error) bool) {
	for i, c := range p.conditions {
		if c.filter[ev.Kind] == event.Off {
			continue
		}
		if is, err := c.Match(ev); (is || err != nil) && !report(i, err) {
			return
		}
	}
}

func (t *table) match(f *frame, report func(index int, err error) bool) {
	var asked, hold uint64 // of the guards
	for i := range t.entries {
		e := &t.entries[i]
		need := e.guards &^ hold
		for need != 0 && need&asked == 0 {
			guard := bits.TrailingZeros64(need)
			bit := uint64(1) << guard
			if asked |= bit; t.guards[guard](f) {
				hold |= bit
				need &^= bit
			}
		}
		if need != 0 {
			continue
		}
		is := e.eval(f)
		if (is || f.err != nil) && !report(e.index, f.take()) {
			return
		}
	}
}

// patterns are regular expressions by their text.
type patterns map[string]*regexp.Regexp

func (p patterns) compile(text string) (*regexp.Regexp, error) {
	if re := p[text]; re != nil {
		return re, nil
	}
	re, err := regexp.Compile(text)
	if err == nil && p != nil {
		p[text] = re
	}
	return re, err
}
