package condition

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/field"
)

// Reference is the same condition run by cel-go's interpreter: slow, and right by definition. Tests compare.
func (c *Condition) Reference() (func(*event.Event) (bool, error), error) {
	program, err := c.env.Program(c.ast)
	if err != nil {
		return nil, fmt.Errorf("reference of condition: %w", err)
	}
	return func(ev *event.Event) (bool, error) {
		out, _, err := program.Eval(&activation{c: c, ev: ev})
		if err != nil {
			return false, err
		}
		v, ok := out.Value().(bool)
		if !ok {
			return false, fmt.Errorf("reference of condition: %v is no bool", out)
		}
		return v, nil
	}, nil
}

type activation struct {
	c  *Condition
	ev *event.Event
}

func (a *activation) Parent() interpreter.Activation { return nil }

// ResolveName gives fields, what has() of them is, and lists.
func (a *activation) ResolveName(name string) (any, bool) {
	if list := a.c.all[name]; list != nil {
		v := list.reader(a.c.dynamic)()
		if list.Of == OfInt {
			return v.Ints, true
		}
		return v.Texts, true
	}
	inner, present := strings.CutPrefix(name, "has(")
	if present {
		name = strings.TrimSuffix(inner, ")")
	}
	f, err := field.Lookup(name)
	switch {
	case err != nil:
		return nil, false
	case present:
		return f.Has(a.ev), true
	}
	v, _ := f.Value(a.ev)
	return v, true
}

var _ cel.Activation = (*activation)(nil)
