package falcoimport

import "strings"

// lineWidth is what a line of a condition should not exceed.
const lineWidth = 120

// wrap breaks a condition into lines at its && and ||, each of the outermost ones first, and within parentheses where a
// line is still too long.
func wrap(cel string, indent int) []string {
	if indent+len(cel) <= lineWidth {
		return []string{cel}
	}
	for _, operator := range []string{"||", "&&"} {
		terms := split(cel, operator)
		if len(terms) == 1 {
			continue
		}
		var lines []string
		for i, term := range terms {
			more := wrap(term, indent)
			if i < len(terms)-1 {
				more[len(more)-1] += " " + operator
			}
			lines = append(lines, more...)
		}
		return lines
	}
	open := strings.IndexByte(cel, '(')
	if prefix := cel[:max(open, 0)]; strings.Trim(prefix, "!") != "" || open < 0 || closing(cel, open) != len(cel)-1 {
		return []string{cel}
	}
	lines := []string{cel[:open+1]}
	for _, line := range wrap(cel[open+1:len(cel)-1], indent+2) {
		lines = append(lines, "  "+line)
	}
	return append(lines, ")")
}

// split cuts cel at an operator that stands outside of parentheses, brackets and quotes.
func split(cel, operator string) []string {
	var terms []string
	start, depth := 0, 0
	for i := 0; i < len(cel); i++ {
		switch c := cel[i]; {
		case c == '"' || c == '\'':
			i = endQuote(cel, i)
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case depth == 0 && strings.HasPrefix(cel[i:], operator):
			terms = append(terms, strings.TrimSpace(cel[start:i]))
			start, i = i+len(operator), i+len(operator)-1
		}
	}
	return append(terms, strings.TrimSpace(cel[start:]))
}

// closing is the place of the parenthesis that ends the one at open; -1 if there is none.
func closing(cel string, open int) int {
	depth := 0
	for i := open; i < len(cel); i++ {
		switch c := cel[i]; {
		case c == '"' || c == '\'':
			i = endQuote(cel, i)
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// endQuote is the place of the quote that ends the one at start. In r"…" a backslash is one.
func endQuote(cel string, start int) int {
	raw := start > 0 && cel[start-1] == 'r'
	for i := start + 1; i < len(cel); i++ {
		switch {
		case cel[i] == '\\' && !raw:
			i++
		case cel[i] == cel[start]:
			return i
		}
	}
	return len(cel) - 1
}
