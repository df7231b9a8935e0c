package translate

import (
	"net/netip"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco/syntax"
)

// address is a constant address in the form that events have it.
func (t *translation) address(v syntax.Value) (string, bool) {
	a, err := netip.ParseAddr(v.Text)
	if err != nil {
		t.fail(v.At(), "%s is no address", quoted(v.Text))
		return "", false
	}
	return quoted(a.Unmap().String()), true
}

// network is a constant network.
func (t *translation) network(v syntax.Value) (string, bool) {
	n, err := netip.ParsePrefix(v.Text)
	if err != nil {
		t.fail(v.At(), "%s is no network: write 10.0.0.0/8", quoted(v.Text))
		return "", false
	}
	return quoted(n.String()), true
}

// compareAddress is by = or !=. Of two ends, = means any, and != both.
func (t *translation) compareAddress(e *syntax.Compare, left operand, v syntax.Value) term {
	isNet := left.kind == net || left.kind == nets
	of := t.address
	if isNet {
		of = t.network
	}
	c, ok := of(v)
	if !ok {
		return boolean(e.At(), false)
	}
	var is term
	switch {
	case isNet:
		is = plain(e.At(), "inCIDR("+left.cel+", "+c+")")
	case left.kind == addrs:
		is = related(e.At(), c+" in "+left.cel)
	default:
		return equality(e.At(), e.Op, left, c, e.Op == "!=")
	}
	if e.Op == "=" {
		return is
	}
	return present(not(is), true, left)
}

// compareDomain is with the addresses that names resolve to.
func (t *translation) compareDomain(e *syntax.Compare, left operand) term {
	values, lists := e.Right.Values, ""
	var names []string
	for _, v := range values {
		if items, ok := t.items(v); ok {
			for _, item := range items {
				names = append(names, item.Text)
			}
			if len(values) == 1 {
				lists = v.Text
			}
			continue
		}
		names = append(names, v.Text)
	}
	if len(names) == 0 {
		return boolean(e.At(), false)
	}
	is := related(e.At(), left.cel+" in "+t.names.Addresses(lists, names))
	if e.Op == "!=" {
		return present(not(is), true, left)
	}
	return is
}

// networks is fd.net and its like in a list.
func (t *translation) networks(e *syntax.Compare, left operand, l values) term {
	for _, v := range l.all {
		if _, ok := t.network(v); !ok {
			return boolean(e.At(), false)
		}
	}
	if left.kind == nets && len(l.all) > 1 && !t.opt.AllNets {
		t.warn(int(e.OpPos), warnCondition, "Falco looks at the first network of fd.net in (…) alone, and so does this; fd.snet and fd.cnet look at all")
		l = values{constants: l.all[:1], all: l.all[:1]}
	}
	var terms []term
	for _, name := range l.lists {
		terms = append(terms, plain(e.At(), "inCIDR("+left.cel+", "+t.names.List(name, condition.OfText)+")"))
	}
	var constants []string
	for _, v := range l.constants {
		c, _ := t.network(v)
		constants = append(constants, c)
	}
	switch len(constants) {
	case 0:
	case 1:
		terms = append(terms, plain(e.At(), "inCIDR("+left.cel+", "+constants[0]+")"))
	default:
		terms = append(terms, plain(e.At(), "inCIDR("+left.cel+", "+list(constants)+")"))
	}
	return joined(e.At(), " || ", or, terms)
}
