package falco

import (
	"slices"
	"strings"

	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/source"
)

// compile parses what was collected, and looks whether the names in it are defined.
func (l *loading) compile() {
	l.compileLists()
	for _, d := range l.macroOrder {
		d.compiled = l.condition(d.item, d.condition)
	}
	for _, d := range l.macroOrder {
		if d.compiled == nil {
			continue
		}
		l.resolve(d.item, d.compiled, func(m *macroDef) bool { return d.sees(m.order) })
		l.set.Macros = append(l.set.Macros, &Macro{Name: d.name, Condition: d.compiled, Position: d.lines.Position(d.node), Comments: d.comments})
	}
	l.loops()
	for _, d := range l.ruleOrder {
		if !d.foreign() {
			l.compileRule(d)
		}
	}
	l.unused()
}

func (l *loading) compileRule(d *ruleDef) {
	j := d.expanded()
	if j == nil {
		return
	}
	c := l.condition(d.item, j)
	if c == nil {
		return
	}
	l.resolve(d.item, c, func(*macroDef) bool { return true })
	r := &Rule{Name: d.name, Desc: d.desc, Condition: c, Output: strings.TrimSpace(d.output.String()), output: d.output,
		Priority: d.priority, Tags: d.tags, Enabled: d.enabled, WarnEventTypes: d.warnTypes, SkipUnknown: d.skipUnknown,
		Position: d.lines.Position(d.node), Comments: d.comments}
	l.set.Rules = append(l.set.Rules, r)
}

// condition parses a condition; nil if it is none.
func (l *loading) condition(it *item, j *source.Join) *Condition {
	e, err := syntax.Parse(j.String())
	if err != nil {
		at := err.(*syntax.Error)
		it.broken = true
		l.set.fail(newIssue(CompileCondition, it.label, j, at.Offset, at.Message))
		return nil
	}
	c := &Condition{Expr: e, Text: j.String(), join: j}
	c.names(e, l)
	return c
}

// newIssue is about an offset in bytes into a text.
func newIssue(code Code, label string, j *source.Join, offset int, message string) *Issue {
	e := j.ErrorAtByte(offset, message)
	return &Issue{Position: e.Position, Code: code, Item: label, Message: message, Text: e.Text}
}

// names collects the names in an expression.
func (c *Condition) names(e syntax.Expr, l *loading) {
	switch e := e.(type) {
	case *syntax.And:
		for _, t := range e.Terms {
			c.names(t, l)
		}
	case *syntax.Or:
		for _, t := range e.Terms {
			c.names(t, l)
		}
	case *syntax.Not:
		c.names(e.Term, l)
	case *syntax.Macro:
		c.macros = append(c.macros, e)
	case *syntax.Compare:
		for _, v := range e.Right.Values {
			if d := l.lists[v.Text]; d != nil && !v.Quoted {
				d.used = true
			}
		}
	}
}

// resolve looks whether the macros are defined where the condition is.
func (l *loading) resolve(it *item, c *Condition, visible func(*macroDef) bool) {
	for _, m := range c.macros {
		d := l.macros[m.Name]
		switch {
		case d == nil:
			l.set.fail(newIssue(Validate, it.label, c.join, m.At(), "there is no macro "+source.Quote(m.Name)+"; the file that defines it stands before this one"))
		case !visible(d):
			l.set.fail(newIssue(Validate, it.label, c.join, m.At(), "macro "+source.Quote(m.Name)+" is defined behind this one, at "+d.lines.Position(d.node).String()+"; a macro uses those before it"))
		default:
			d.used = true
		}
	}
}

// loops tells of macros that lead to themselves.
func (l *loading) loops() {
	done := map[*macroDef]bool{}
	var visit func(d *macroDef, path []string)
	visit = func(d *macroDef, path []string) {
		if done[d] || d.compiled == nil {
			return
		}
		path = append(path, d.name)
		for _, m := range d.compiled.macros {
			next := l.macros[m.Name]
			if i := slices.Index(path, m.Name); i >= 0 {
				loop := strings.Join(append(slices.Clone(path[i:]), m.Name), " → ")
				l.set.fail(newIssue(Validate, d.label, d.compiled.join, m.At(), "the macro leads to itself: "+loop))
			} else if next != nil {
				visit(next, path)
			}
		}
		done[d] = true
	}
	for _, d := range l.macroOrder {
		visit(d, nil)
	}
}

// unused warns of lists and macros that nothing uses.
func (l *loading) unused() {
	for _, d := range l.macroOrder {
		if !d.used {
			d.warn(UnusedMacro, d.node, "no rule and no macro uses it")
		}
	}
	for _, d := range l.listOrder {
		for _, i := range d.wrong {
			if d.used {
				d.broken = true
				l.set.fail(i)
			} else { // Falco looks at lists where conditions name them
				i.Code = ConditionWarning
				l.set.warn(i)
			}
		}
		if !d.used {
			d.warn(UnusedList, d.node, "no rule, macro or list uses it")
		}
	}
}
