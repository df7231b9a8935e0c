package falcoimport

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"tiercel.dev/rules"
	"tiercel.dev/rules/source"
)

func (w *writer) lists() {
	for _, l := range w.native.Lists {
		if l.Falco == nil && !w.usesDomains(l.Name) || l.Falco != nil && l.Falco.Position.File != w.file.Name {
			continue
		}
		if l.Falco != nil {
			var from []string
			for _, item := range l.Falco.Items {
				from = append(from, item.Position.File)
			}
			w.item("list", l.Falco.Name, l.Falco.Comments, from)
		}
		w.items++
		switch {
		case l.Domains != nil:
			fmt.Fprintf(&w.out, "  # The addresses that these names resolve to.\n  %s: {domains: [%s]}\n", l.Name, strings.Join(scalars(l.Domains), ", "))
		case l.Ints && len(l.Items) == 0:
			fmt.Fprintf(&w.out, "  %s: {items: [], of: int}\n", l.Name)
		default:
			w.listItems(l)
		}
	}
}

// usesDomains reports whether the file's conditions name a list that no Falco file does.
func (w *writer) usesDomains(name string) bool {
	return slices.ContainsFunc(w.native.Macros, func(m rules.NativeMacro) bool {
		return m.Falco.Position.File == w.file.Name && strings.Contains(m.CEL, name)
	}) || slices.ContainsFunc(w.native.Rules, func(r rules.NativeRule) bool {
		return r.Falco.Position.File == w.file.Name && strings.Contains(r.CEL, name)
	})
}

func (w *writer) listItems(l rules.NativeList) {
	var items []string
	for _, i := range l.Items {
		switch {
		case i.List != "":
			items = append(items, "{list: "+i.List+"}")
		case l.Ints:
			items = append(items, i.Value)
		default:
			items = append(items, scalar(i.Value))
		}
	}
	line := fmt.Sprintf("  %s: [%s]", l.Name, strings.Join(items, ", "))
	if len(line) <= lineWidth {
		fmt.Fprintln(&w.out, line)
		return
	}
	fmt.Fprintf(&w.out, "  %s:\n", l.Name)
	for _, i := range items {
		fmt.Fprintf(&w.out, "    - %s\n", i)
	}
}

func (w *writer) macros() {
	for _, m := range w.native.Macros {
		if m.Falco.Position.File != w.file.Name {
			continue
		}
		w.items++
		w.item("macro", m.Falco.Name, m.Falco.Comments, []string{m.Falco.Condition.At(0).File, m.Falco.Condition.At(max(len(m.Falco.Condition.Text)-1, 0)).File})
		w.condition("  "+m.Name+": ", 4, m.CEL)
	}
}

func (w *writer) allRules() {
	for _, r := range w.native.Rules {
		if r.Falco.Position.File != w.file.Name {
			continue
		}
		w.items++
		w.rules++
		w.item("rule", r.Falco.Name, slices.Concat(r.Falco.Comments, commented(r.Notes)), []string{r.Falco.Condition.At(0).File, r.Falco.Condition.At(max(len(r.Falco.Condition.Text)-1, 0)).File})
		fmt.Fprintf(&w.out, "  - name: %s\n    title: %s\n", r.Name, scalar(r.Falco.Name))
		if d := strings.Join(strings.Fields(r.Falco.Desc), " "); d != "" {
			w.text("    description: ", 6, d)
		}
		w.condition("    condition: ", 6, r.CEL)
		w.text("    output: ", 6, r.Output)
		fmt.Fprintf(&w.out, "    severity: %s\n", r.Rule.Severity)
		if len(r.Rule.Attack) > 0 {
			fmt.Fprintf(&w.out, "    attack: [%s]\n", strings.Join(r.Rule.Attack, ", "))
		}
		if len(r.Rule.Tags) > 0 {
			fmt.Fprintf(&w.out, "    tags: [%s]\n", strings.Join(scalars(tags(r.Rule.Tags)), ", "))
		}
		if !r.Rule.Enabled {
			fmt.Fprintln(&w.out, "    enabled: false")
		}
		fmt.Fprintln(&w.out)
	}
}

// tags are words without blanks and commas.
func tags(of []string) []string {
	out := make([]string, len(of))
	for i, t := range of {
		out[i] = strings.Map(func(r rune) rune {
			if r == ' ' || r == ',' {
				return '_'
			}
			return r
		}, t)
	}
	return out
}

// item writes what stands above an item: its comments, and where else it is defined.
func (w *writer) item(kind, name string, comments, from []string) {
	for _, c := range comments {
		w.comments[c]++
		if c == "" {
			fmt.Fprintln(&w.out)
			continue
		}
		fmt.Fprintf(&w.out, "  %s\n", c)
	}
	var before, changed []string
	for _, f := range w.defined[kind+" "+name] {
		if f != w.file.Name {
			before = append(before, path.Base(f))
		}
	}
	for _, f := range from {
		if f != w.file.Name && f != "" && !slices.Contains(changed, path.Base(f)) {
			changed = append(changed, path.Base(f))
		}
	}
	if len(before) > 0 {
		fmt.Fprintf(&w.out, "  # Defined in %s, too; this is the definition that holds.\n", strings.Join(before, " and "))
	}
	if len(changed) > 0 {
		fmt.Fprintf(&w.out, "  # With what %s changes.\n", strings.Join(changed, " and "))
	}
}

func commented(notes []string) []string {
	var out []string
	for _, n := range notes {
		out = append(out, "# "+n)
	}
	return out
}

// condition writes CEL in one line, or broken at its operators.
func (w *writer) condition(key string, indent int, cel string) {
	if len(key)+len(cel) <= lineWidth && plain(cel) {
		fmt.Fprintf(&w.out, "%s%s\n", key, cel)
		return
	}
	fmt.Fprintf(&w.out, "%s|-\n", key)
	for _, line := range wrap(cel, indent) {
		fmt.Fprintf(&w.out, "%s%s\n", strings.Repeat(" ", indent), line)
	}
}

// text writes a text of one line as it is, in quotes, or folded.
func (w *writer) text(key string, indent int, text string) {
	quoted := scalar(text)
	if len(key)+len(quoted) <= lineWidth || strings.Join(strings.Fields(text), " ") != text {
		fmt.Fprintf(&w.out, "%s%s\n", key, quoted)
		return
	}
	fmt.Fprintf(&w.out, "%s>-\n", key)
	for _, line := range fold(text, lineWidth-indent) {
		fmt.Fprintf(&w.out, "%s%s\n", strings.Repeat(" ", indent), line)
	}
}

// fold breaks text at blanks.
func fold(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// plain reports whether text is read as itself in YAML without quotes, wherever it stands.
func plain(text string) bool {
	if text == "" || text != strings.TrimSpace(text) || strings.ContainsAny(text[:1], "!&*-?:[]{}#|>@`\"'%,=") {
		return false
	}
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return !strings.Contains(text, ": ") && !strings.Contains(text, " #") && !strings.HasSuffix(text, ":")
}

// word reports whether text is words that YAML takes for a text, in a list in brackets, too.
func word(text string) bool {
	if text == "" || text != strings.Join(strings.Fields(text), " ") || strings.ContainsAny(text[:1], "-./(") && !strings.HasPrefix(text, "/") {
		return false
	}
	letters := false
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9' || strings.ContainsRune("_-./ ()", r):
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			letters = letters || !strings.ContainsRune("abcdefxo", r|0x20) // else it may be a number
		default:
			return false
		}
	}
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return false
	}
	return letters
}

// scalar writes a text so that YAML reads it as one.
func scalar(text string) string {
	switch {
	case word(text):
		return text
	case strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == '\ufeff'
	}):
		b, err := json.Marshal(text)
		if err != nil {
			return source.Quote(text)
		}
		return string(b)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func scalars(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = scalar(t)
	}
	return out
}
