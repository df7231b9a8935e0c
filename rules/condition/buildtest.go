package condition

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/internal/event"
)

func (b *building) equal(e, x, y ast.Expr) boolNode {
	switch b.kind(x) {
	case types.StringKind:
		return b.equalTexts(e, x, y)
	case types.IntKind:
		return equalNodes(b.num(x), b.num(y))
	case types.BoolKind:
		return equalNodes(b.boolean(x).node, b.boolean(y).node)
	case types.DurationKind:
		return equalNodes(b.span(x), b.span(y))
	}
	b.issue(e, false, "%s values can't be compared", b.tree.GetType(x.ID()))
	return constant(false)
}

func equalNodes[T comparable](x, y node[T]) boolNode {
	base := join(1, x.basis(), y.basis())
	if y.konst {
		v := y.value
		return leaf(base, func(f *frame) bool { return x.eval(f) == v })
	}
	return leaf(base, func(f *frame) bool { return x.eval(f) == y.eval(f) })
}

func (b *building) equalTexts(e, ex, ey ast.Expr) boolNode {
	x, y := b.text(ex), b.text(ey)
	if x.konst {
		x, y, ex, ey = y, x, ey, ex
	}
	base := join(1, x.basis(), y.basis())
	switch {
	case x.isType && y.konst:
		return typeTest(b.kindsNamed(ey, []string{y.value}, false), base)
	case x.isID && y.konst && y.value == event.Host.ID && b.special != nil && b.special.world.container:
		return constant(false)
	case x.addr != nil && y.konst:
		want := b.address(ey, y.value)
		return leaf(base, func(f *frame) bool { return x.addr(f) == want })
	case x.addr != nil && y.addr != nil:
		return leaf(base, func(f *frame) bool { return x.addr(f) == y.addr(f) })
	}
	n := equalNodes(x.node, y.node)
	if y.konst {
		return b.sieved(e, ex, x, []string{y.value}, whole, n)
	}
	return n
}

// address reads a constant that an address is compared with: in another spelling it would never be equal.
func (b *building) address(e ast.Expr, text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	switch canonical := a.Unmap().String(); {
	case err != nil:
		b.issue(e, false, "%q is no address; for networks write inCIDR(…)", text)
	case canonical != text:
		b.issue(e, false, "addresses are compared in their canonical form: write %q", canonical)
	}
	return a
}

func (b *building) compare(operator string, x, y ast.Expr) boolNode {
	switch b.kind(x) {
	case types.StringKind:
		return ordered(operator, b.text(x).node, b.text(y).node)
	case types.DurationKind:
		return ordered(operator, b.span(x), b.span(y))
	}
	return ordered(operator, b.num(x), b.num(y))
}

func ordered[T cmp.Ordered](operator string, x, y node[T]) boolNode {
	base := join(1, x.basis(), y.basis())
	switch operator {
	case operators.Less:
		return leaf(base, func(f *frame) bool { return x.eval(f) < y.eval(f) })
	case operators.LessEquals:
		return leaf(base, func(f *frame) bool { return x.eval(f) <= y.eval(f) })
	case operators.Greater:
		return leaf(base, func(f *frame) bool { return x.eval(f) > y.eval(f) })
	}
	return leaf(base, func(f *frame) bool { return x.eval(f) >= y.eval(f) })
}

func (b *building) in(e, x, list ast.Expr) boolNode {
	if b.kind(x) == types.StringKind {
		return b.textIn(e, x, list)
	}
	if b.kind(x) != types.IntKind {
		b.issue(x, false, "lists hold texts or numbers, not %s", b.tree.GetType(x.ID()))
		return constant(false)
	}
	n := b.num(x)
	if list.Kind() == ast.ListKind && list.AsList().Size() == 0 {
		return leaf(n.basis(), func(f *frame) bool { n.eval(f); return false })
	}
	l := b.ints(list)
	base := join(2, n.basis(), l.basis())
	if l.values != nil {
		return leaf(base, func(f *frame) bool { return l.values().hasInt(n.eval(f)) })
	}
	return leaf(base, func(f *frame) bool {
		mark := len(f.ints)
		found := slices.Contains(l.eval(f), n.eval(f))
		f.ints = f.ints[:mark]
		return found
	})
}

func (b *building) textIn(e, ex, list ast.Expr) boolNode {
	x, l := b.text(ex), b.texts(list)
	base := join(4, x.basis(), l.basis())
	literal := list.Kind() == ast.ListKind
	switch {
	case x.isType && l.fixed != nil:
		return typeTest(b.kindsNamed(list, l.fixed.Texts, !literal), base)
	case x.addr != nil && l.values != nil:
		if literal && l.konst {
			for i, el := range list.AsList().Elements() {
				b.address(el, l.value[i])
			}
		}
		return leaf(base, func(f *frame) bool { return l.values().hasAddr(x.addr(f)) })
	case l.addrs != nil && (x.konst || x.addr != nil):
		want := x.addr
		if want == nil {
			a := b.address(ex, x.value)
			want = func(*frame) netip.Addr { return a }
		}
		return leaf(base, func(f *frame) bool {
			mark := len(f.addrs)
			found := slices.Contains(l.addrs(f), want(f))
			f.addrs = f.addrs[:mark]
			return found
		})
	case l.konst: // in the literal's own spelling
		return b.sieved(e, ex, x, l.value, whole, leaf(base, func(f *frame) bool { return hasSpelling(l.value, l.fixed, x.eval(f)) }))
	case l.fixed != nil:
		return b.sieved(e, ex, x, l.fixed.Texts, whole, leaf(base, func(f *frame) bool { return l.fixed.hasText(x.eval(f)) }))
	case l.values != nil:
		return leaf(base, func(f *frame) bool { return l.values().hasText(x.eval(f)) })
	}
	return leaf(base, func(f *frame) bool {
		mark := len(f.texts)
		found := slices.Contains(l.eval(f), x.eval(f))
		f.texts = f.texts[:mark]
		return found
	})
}

func hasSpelling(texts []string, fixed *Values, s string) bool {
	if len(texts) <= few || len(fixed.addrs) > 0 {
		return slices.Contains(texts, s)
	}
	return fixed.hasText(s)
}

// textTest is startsWith and its like, of one text or of any of a list.
func (b *building) textTest(e ast.Expr, name string, target, arg ast.Expr) boolNode {
	test, s := textTests[name], b.text(target)
	cost := map[string]int{"startsWith": 2, "endsWith": 2, "contains": 10, "icontains": 30, "glob": 30, "iglob": 40,
		"pmatch": 20, "bcontains": 10, "bstartsWith": 2}[name]
	if plain := bytesTests[name]; plain != "" {
		return b.bytesTest(plain, s, arg, cost)
	}
	if b.kind(arg) == types.StringKind {
		a := b.text(arg)
		base := join(cost, s.basis(), a.basis())
		if a.konst {
			v := a.value
			if isPattern(name) {
				set := newPatternSet(name, []string{v})
				return leaf(base, func(f *frame) bool { return set.any(s.eval(f)) })
			}
			if name == "icontains" {
				finder := newFoldFinder(v)
				test = func(s, _ string) bool { return finder.in(s) }
			}
			if parts := b.partsOf(target); parts != nil && v != "" && !strings.Contains(v, " ") && (name == "contains" || name == "icontains") {
				base.cost = partsCost
				return leaf(base, func(f *frame) bool {
					return slices.ContainsFunc(parts(f.ev), func(part string) bool { return test(part, v) })
				})
			}
			n := leaf(base, func(f *frame) bool { return test(s.eval(f), v) })
			return b.affixTest(e, name, target, s, []string{v}, n)
		}
		return leaf(base, func(f *frame) bool { return test(s.eval(f), a.eval(f)) })
	}
	l := b.texts(arg)
	base := join(cost*3, s.basis(), l.basis())
	switch {
	case isPattern(name) && (l.konst || l.fixed != nil):
		texts := l.value
		if !l.konst {
			texts = l.fixed.Texts
		}
		set := newPatternSet(name, texts)
		return leaf(base, func(f *frame) bool { return set.any(s.eval(f)) })
	case l.konst && (name == "startsWith" || name == "endsWith"):
		set := affixes(l.value, name == "endsWith")
		n := leaf(base, func(f *frame) bool { return set.has(s.eval(f)) })
		return b.affixTest(e, name, target, s, l.value, n)
	case l.values != nil && name == "startsWith":
		n := leaf(base, func(f *frame) bool { return l.values().heads().has(s.eval(f)) })
		return b.affixTest(e, name, target, s, l.fixedTexts(), n)
	case l.values != nil && name == "endsWith":
		n := leaf(base, func(f *frame) bool { return l.values().tails().has(s.eval(f)) })
		return b.affixTest(e, name, target, s, l.fixedTexts(), n)
	}
	return leaf(base, func(f *frame) bool {
		mark := len(f.texts)
		list, v := l.eval(f), s.eval(f)
		f.texts = f.texts[:mark]
		for _, arg := range list {
			if test(v, arg) {
				return true
			}
		}
		return false
	})
}

// bytesTests are the tests of bytes in hexadecimal digits, and what they are tests by.
var bytesTests = map[string]string{"bcontains": "contains", "bstartsWith": "startsWith"}

func (b *building) bytesTest(name string, s textNode, arg ast.Expr, cost int) boolNode {
	test := textTests[name]
	digits, ok := literal(arg)
	want, valid := unhex(digits)
	if !ok || !valid {
		b.issue(arg, false, "bytes are a constant of hexadecimal digits, two for each")
		return constant(false)
	}
	return leaf(join(cost, s.basis()), func(f *frame) bool { return test(s.eval(f), want) })
}

func isPattern(name string) bool { return name == "glob" || name == "pmatch" }

// partsOf are the texts that a field is, joined by blanks: what has no blank is found in one of them or not at all.
func (b *building) partsOf(e ast.Expr) func(*event.Event) []string {
	if e.Kind() != ast.IdentKind {
		return nil
	}
	fl, present := b.fieldOf(e.AsIdent())
	if fl == nil || present {
		return nil
	}
	return fl.PartsOf
}

// affixTest lets a sieve make the test n, if it is one of startsWith or endsWith and the words are known.
func (b *building) affixTest(e ast.Expr, name string, target ast.Expr, s textNode, words []string, n boolNode) boolNode {
	switch {
	case words == nil:
	case name == "startsWith":
		return b.sieved(e, target, s, words, head, n)
	case name == "endsWith":
		return b.sieved(e, target, s, words, tail, n)
	}
	return n
}

func (b *building) matches(target, pattern ast.Expr) boolNode {
	s := b.text(target)
	text, ok := literal(pattern)
	if !ok {
		b.issue(pattern, false, "matches takes a constant")
		return constant(false)
	}
	re, err := b.patterns().compile(text)
	if err != nil {
		b.issue(pattern, false, "%s", err)
		return constant(false)
	}
	cost := 100
	if !strings.HasPrefix(text, "^") {
		cost = 2000 // it is tried at every place of the text
	}
	return leaf(join(cost, s.basis()), func(f *frame) bool { return re.MatchString(s.eval(f)) })
}

// inCIDR of addresses given as one or as a list, and networks likewise.
func (b *building) inCIDR(addrs, networks ast.Expr) boolNode {
	nets, netsBase := b.networks(networks)
	if b.kind(addrs) == types.StringKind {
		a := b.text(addrs)
		read := a.addr
		if read == nil {
			read = func(f *frame) netip.Addr { p, _ := netip.ParseAddr(a.eval(f)); return p }
		}
		return leaf(join(8, a.basis(), netsBase), func(f *frame) bool { return inNets(read(f), nets(f)) })
	}
	l := b.texts(addrs)
	read := l.addrs
	if read == nil {
		read = func(f *frame) []netip.Addr {
			mark, start := len(f.texts), len(f.addrs)
			for _, s := range l.eval(f) {
				a, _ := netip.ParseAddr(s)
				f.addrs = append(f.addrs, a)
			}
			f.texts = f.texts[:mark]
			return f.addrs[start:]
		}
	}
	return leaf(join(10, l.basis(), netsBase), func(f *frame) bool {
		mark := len(f.addrs)
		found := slices.ContainsFunc(read(f), func(a netip.Addr) bool { return inNets(a, nets(f)) })
		f.addrs = f.addrs[:mark]
		return found
	})
}

func (b *building) networks(e ast.Expr) (func(*frame) []netip.Prefix, basis) {
	var n textsNode
	if b.kind(e) == types.StringKind {
		n = b.textsLiteral([]ast.Expr{e})
	} else {
		n = b.texts(e)
	}
	if n.fixed != nil {
		for _, text := range n.fixed.Texts {
			if _, ok := parseNet(text); !ok {
				b.issue(e, false, "%q is no network: write 10.0.0.0/8", text)
			}
		}
	}
	if n.values != nil {
		return func(*frame) []netip.Prefix { return n.values().nets }, n.basis()
	}
	return func(f *frame) []netip.Prefix {
		mark := len(f.texts)
		var nets []netip.Prefix
		for _, text := range n.eval(f) {
			if p, ok := parseNet(text); ok {
				nets = append(nets, p)
			}
		}
		f.texts = f.texts[:mark]
		return nets
	}, n.basis()
}
