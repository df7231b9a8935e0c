package condition

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/rules/field"
)

// A macro is a condition by name. Its tree is expanded once and copied to where it is named.
type macro struct {
	text     string
	p        *parsed
	bad      bool // it has issues, told where it is defined
	visiting bool
}

// DefineMacros makes the names stand for conditions, in one another too. It returns the issues of each.
func (c *Compiler) DefineMacros(texts map[string]string) map[string][]Issue {
	for name, text := range texts {
		c.macros[name] = &macro{text: text}
	}
	issues := map[string][]Issue{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		c.resolve(name, issues)
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		m := c.macros[name]
		if m.p == nil {
			continue
		}
		// Types are told of here and not in each rule that names the macro.
		if _, found := c.finish(m.p); len(found) > 0 {
			issues[name] = append(issues[name], found...)
			m.bad = m.bad || failed(found)
		}
	}
	return issues
}

// resolve expands the macro, after the macros that it names.
func (c *Compiler) resolve(name string, issues map[string][]Issue) {
	m := c.macros[name]
	if m.p != nil || m.bad {
		return
	}
	m.visiting = true
	defer func() { m.visiting = false }()
	for _, used := range c.macrosIn(m.text) {
		if c.macros[used.name].visiting {
			m.bad = true
			issues[name] = append(issues[name], Issue{Offset: used.offset,
				Message: fmt.Sprintf("macro %s is defined by itself: %s", used.name, c.cycle(used.name))})
			return
		}
		c.resolve(used.name, issues)
	}
	p, found := c.parse(m.text)
	m.p, m.bad = p, p == nil
	issues[name] = append(issues[name], found...)
}

// cycle names the macros on the way from name back to itself.
func (c *Compiler) cycle(name string) string {
	var way []string
	for at := name; ; {
		way = append(way, at)
		next := ""
		for _, used := range c.macrosIn(c.macros[at].text) {
			if c.macros[used.name].visiting {
				next = used.name
				break
			}
		}
		if next == "" || slices.Contains(way, next) {
			return strings.Join(append(way, next), " → ")
		}
		at = next
	}
}

type use struct {
	name   string
	offset int
}

// macrosIn finds the macros that a text names.
func (c *Compiler) macrosIn(text string) []use {
	if _, deep := tooDeep(text); deep || len(text) > MaxText || !c.mayName(text) {
		return nil
	}
	tree, issues := c.env.Parse(text)
	if issues.Err() != nil {
		return nil
	}
	p := &parsed{info: tree.NativeRep().SourceInfo()}
	var uses []use
	ast.PreOrderVisit(tree.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && c.macros[e.AsIdent()] != nil {
			uses = append(uses, use{e.AsIdent(), p.at(e.ID())})
		}
	}))
	return uses
}

// mayName reports whether a word of the text is a macro's name: if none is, the text need not be parsed to know its macros.
func (c *Compiler) mayName(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if c.macros[word] != nil {
			return true
		}
	}
	return false
}

// expansion resolves the names of one tree in place.
type expansion struct {
	c      *Compiler
	p      *parsed
	issues []Issue
}

func (x *expansion) issue(id int64, format string, args ...any) {
	if len(x.issues) < maxIssues {
		x.issues = append(x.issues, Issue{Offset: x.p.at(id), Message: fmt.Sprintf(format, args...)})
	}
}

// expand resolves e; bound are the variables of the loops around it.
func (x *expansion) expand(e ast.Expr, bound []string) {
	x.p.size++
	switch e.Kind() {
	case ast.IdentKind:
		x.ident(e, bound)
	case ast.SelectKind:
		x.field(e, bound)
	case ast.CallKind:
		x.call(e, bound)
	case ast.ListKind:
		for _, el := range e.AsList().Elements() {
			x.expand(el, bound)
		}
	case ast.ComprehensionKind:
		x.loop(e.AsComprehension(), e.ID(), bound)
	case ast.MapKind, ast.StructKind:
		x.issue(e.ID(), "maps and messages are not part of the language")
	case ast.LiteralKind:
		switch e.AsLiteral().(type) {
		case types.Bool, types.Int, types.String:
		default:
			x.issue(e.ID(), "%s values are not part of the language", e.AsLiteral().Type().TypeName())
		}
	}
}

func (x *expansion) ident(e ast.Expr, bound []string) {
	name := e.AsIdent()
	switch {
	case slices.Contains(bound, name):
	case x.c.lists[name] != nil:
		x.p.lists[name] = true
	case x.c.macros[name] != nil:
		x.macro(e, name)
	default:
		x.issue(e.ID(), "%s", x.c.unknownName(name))
	}
}

func (c *Compiler) unknownName(name string) string {
	known := append(slices.Collect(maps.Keys(c.lists)), slices.Collect(maps.Keys(c.macros))...)
	if near := field.Nearest(name, known); near != "" {
		return fmt.Sprintf("there is no list or macro %s: did you mean %s?", name, near)
	}
	return fmt.Sprintf("there is no list or macro %s; texts stand in quotes", name)
}

func (x *expansion) macro(e ast.Expr, name string) {
	m := x.c.macros[name]
	if m.p == nil || m.bad {
		// Its issues are told where it is defined.
		e.SetKindCase(x.c.factory.NewLiteral(e.ID(), types.False))
		return
	}
	if x.p.size += m.p.size; x.p.size > maxNodes {
		x.issue(e.ID(), "the condition grows beyond %d parts with macro %s in place", maxNodes, name)
		return
	}
	here, _ := x.p.info.GetOffsetRange(e.ID())
	ids := map[int64]int64{}
	body := x.c.factory.CopyExpr(m.p.ast.NativeRep().Expr())
	body.RenumberIDs(func(id int64) int64 {
		if _, ok := ids[id]; !ok {
			ids[id] = x.p.nextID
			x.p.info.SetOffsetRange(x.p.nextID, here)
			x.p.nextID++
		}
		return ids[id]
	})
	e.SetKindCase(body)
	maps.Copy(x.p.fields, m.p.fields)
	maps.Copy(x.p.lists, m.p.lists)
	maps.Copy(x.p.macros, m.p.macros)
	x.p.macros[name] = true
}

// qualified is the dotted name that e spells, and the node where it starts.
func qualified(e ast.Expr) (name string, start int64, ok bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent(), e.ID(), true
	case ast.SelectKind:
		base, start, ok := qualified(e.AsSelect().Operand())
		return base + "." + e.AsSelect().FieldName(), start, ok && !e.AsSelect().IsTestOnly()
	}
	return "", 0, false
}

// field makes a dotted name one identifier.
func (x *expansion) field(e ast.Expr, bound []string) {
	name, start, ok := qualified(e)
	if !ok {
		x.issue(e.ID(), "only fields have dots")
		return
	}
	if root, _, _ := strings.Cut(name, "."); slices.Contains(bound, root) {
		x.issue(start, "%s is a variable of exists or all and has no parts", root)
		return
	}
	if _, err := field.Lookup(name); err != nil {
		x.issue(start, "%s", err)
		return
	}
	e.SetKindCase(x.c.factory.NewIdent(e.ID(), name))
	x.begin(e.ID(), start)
}

// begin lets what is told of a field point to where its name starts.
func (x *expansion) begin(id, start int64) {
	if r, ok := x.p.info.GetOffsetRange(start); ok {
		x.p.info.SetOffsetRange(id, r)
	}
}

func (x *expansion) call(e ast.Expr, bound []string) {
	call := e.AsCall()
	switch call.FunctionName() {
	case hasCall:
		x.presence(e, call.Args()[0])
		return
	case operators.Index:
		if x.keyed(e, call.Args()) {
			return
		}
	}
	if call.IsMemberFunction() {
		x.expand(call.Target(), bound)
	}
	for _, arg := range call.Args() {
		x.expand(arg, bound)
	}
}

// keyed makes a field and its key one identifier. It is false where brackets stand behind something else: a list.
func (x *expansion) keyed(e ast.Expr, args []ast.Expr) bool {
	name, start, ok := qualified(args[0])
	if !ok || args[0].Kind() != ast.SelectKind {
		return false
	}
	if key, known := field.Known(name); !known || key == field.NoKey {
		return false
	}
	var f *field.Field
	err := errors.New("the key is not a constant")
	if args[1].Kind() == ast.LiteralKind {
		switch k := args[1].AsLiteral().(type) {
		case types.Int:
			f, err = field.WithInt(name, int64(k))
		case types.String:
			f, err = field.WithText(name, string(k))
		}
	}
	if err != nil {
		at := args[1].ID()
		if _, root, ok := qualified(args[1]); ok {
			at = root
		}
		x.issue(at, "%s", err)
		return true
	}
	x.p.fields[f.Name] = f
	e.SetKindCase(x.c.factory.NewIdent(e.ID(), f.Name))
	x.begin(e.ID(), start)
	return true
}

// presence makes has(field) one identifier.
func (x *expansion) presence(e, arg ast.Expr) {
	before := len(x.issues)
	switch {
	case arg.Kind() == ast.SelectKind:
		x.field(arg, nil)
	case arg.Kind() == ast.CallKind && arg.AsCall().FunctionName() == operators.Index && x.keyed(arg, arg.AsCall().Args()):
	default:
		x.issue(arg.ID(), "has takes a field")
	}
	if len(x.issues) > before {
		return
	}
	e.SetKindCase(x.c.factory.NewIdent(e.ID(), presence(arg.AsIdent())))
}

func (x *expansion) loop(l ast.ComprehensionExpr, id int64, bound []string) {
	name := l.IterVar()
	if x.c.lists[name] != nil || x.c.macros[name] != nil || slices.Contains(bound, name) {
		x.issue(id, "the variable %s has the name of a list, a macro or another variable", name)
		return
	}
	x.expand(l.IterRange(), bound)
	x.expand(l.AccuInit(), bound)
	inner := append(slices.Clone(bound), name, l.AccuVar())
	for _, part := range []ast.Expr{l.LoopCondition(), l.LoopStep(), l.Result()} {
		x.expand(part, inner)
	}
}
