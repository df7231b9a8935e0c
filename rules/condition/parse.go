package condition

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"tiercel.dev/rules/field"
)

// parsed is a condition whose names are resolved and whose macros stand in place.
type parsed struct {
	text   string
	ast    *cel.Ast
	info   *ast.SourceInfo
	fields map[string]*field.Field // those with keys
	lists  map[string]bool         // those named
	macros map[string]bool         // those named, themselves and in turn
	size   int                     // nodes
	nextID int64
}

func (c *Compiler) parse(text string) (*parsed, []Issue) {
	if issues := unreadable(text); issues != nil {
		return nil, issues
	}
	tree, issues := c.env.Parse(text)
	if issues.Err() != nil {
		p := &parsed{text: text}
		return nil, p.issuesOf(issues)
	}
	p := &parsed{text: text, ast: tree, info: tree.NativeRep().SourceInfo(), fields: map[string]*field.Field{},
		lists: map[string]bool{}, macros: map[string]bool{}, nextID: ast.MaxID(tree.NativeRep()) + 1}
	e := &expansion{c: c, p: p}
	e.expand(tree.NativeRep().Expr(), nil)
	if len(e.issues) > 0 {
		return nil, e.issues
	}
	return p, nil
}

// unreadable says why a text is not given to the parser.
func unreadable(text string) []Issue {
	switch {
	case strings.TrimSpace(text) == "":
		return []Issue{{Message: "the condition is empty"}}
	case len(text) > MaxText:
		return []Issue{{Message: fmt.Sprintf("the condition has %d bytes, more than %d", len(text), MaxText)}}
	case !utf8.ValidString(text):
		return []Issue{{Message: "the condition is not UTF-8"}}
	}
	if at, deep := tooDeep(text); deep {
		return []Issue{{Offset: at, Message: fmt.Sprintf("nested deeper than %d", maxDepth)}}
	}
	return nil
}

// tooDeep spares the parser, which recurses, texts that are brackets or unary operators and nothing else.
func tooDeep(text string) (offset int, deep bool) {
	depth, run := 0, 0
	offset = -1
	for _, r := range text {
		offset++
		switch r {
		case '(', '[', '{', '?':
			depth++
		case ')', ']', '}':
			depth--
		}
		if r == '!' || r == '-' {
			run++
		} else if r != ' ' {
			run = 0
		}
		if depth > maxDepth || run > maxDepth {
			return offset, true
		}
	}
	return 0, false
}

// at is where in the text a node of the tree starts.
func (p *parsed) at(id int64) int {
	if p.info == nil {
		return 0
	}
	r, ok := p.info.GetOffsetRange(id)
	if !ok {
		return 0
	}
	return int(r.Start)
}

func (p *parsed) issuesOf(issues *cel.Issues) []Issue {
	var out []Issue
	for _, e := range issues.Errors() {
		out = append(out, Issue{Offset: offsetOf(p.text, e.Location), Message: plainly(e.Message)})
		if len(out) == maxIssues {
			break
		}
	}
	return out
}

// maxIssues is how many issues of one condition are told.
const maxIssues = 10

// offsetOf counts characters to a line (from 1) and column (from 0) of text.
func offsetOf(text string, at common.Location) int {
	if at == nil || at.Line() < 1 {
		return 0
	}
	offset := 0
	for range at.Line() - 1 {
		i := strings.IndexByte(text, '\n')
		if i < 0 {
			break
		}
		offset += utf8.RuneCountInString(text[:i+1])
		text = text[i+1:]
	}
	return offset + at.Column()
}

var (
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '([^']*)'$`)
	unexpected = regexp.MustCompile(`^(?:mismatched|extraneous) input ('.*') expecting .*$`)
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'(?: \(in container '[^']*'\))?(?: \(did you mean '([^']*)'\?\))?$`)
)

// plainly says in the words of the language what the checker says in those of its library.
func plainly(message string) string {
	if m := noOverload.FindStringSubmatch(message); m != nil {
		name := m[1]
		if op, ok := operators.FindReverse(name); ok && op != "" {
			name = op
		} else if name == operators.Index {
			name = "[]"
		} else if name == operators.Conditional {
			name = "?:"
		}
		return fmt.Sprintf("%s can't be applied to %s", name, m[2])
	}
	if m := undeclared.FindStringSubmatch(message); m != nil {
		if m[2] != "" {
			return "unknown function " + m[1] + ": did you mean " + m[2] + "?"
		}
		return "unknown function " + m[1]
	}
	message = strings.ReplaceAll(strings.TrimPrefix(message, "Syntax error: "), "\n", " ")
	if m := unexpected.FindStringSubmatch(message); m != nil {
		return "unexpected " + m[1]
	}
	if message == "token recognition error at: '= '" || message == "token recognition error at: '='" {
		return "equality is =="
	}
	return message
}
