package check

import (
	"strings"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/source"
)

// render fills in a sentence.
func (sc *scene) render(t *template) string {
	if t == nil {
		return ""
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.value != nil {
			b.WriteString(sc.show(p.value))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// repair fills in a fix. Names come from whoever made the things that have them: they are quoted for the shell, and where a name
// would be taken for a flag, or can't be shown, there is no command.
func (sc *scene) repair(f *fix) *posture.Fix {
	if f == nil {
		return nil
	}
	out := &posture.Fix{Text: sc.render(f.text), Disruption: f.disruption, Link: f.link}
	for _, c := range f.commands {
		line, ok := sc.command(c)
		if !ok {
			out.Commands = nil
			out.Text = strings.TrimSpace(out.Text + " No command is shown: a name in it is no word of a command line.")
			return out
		}
		out.Commands = append(out.Commands, line)
	}
	return out
}

func (sc *scene) command(t *template) (string, bool) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.value == nil {
			b.WriteString(p.text)
			continue
		}
		v := sc.show(p.value)
		starts := b.Len() == 0 || strings.HasSuffix(b.String(), " ")
		if v == "" || starts && strings.HasPrefix(v, "-") || !source.Printable(v) {
			return "", false
		}
		b.WriteString(shellQuote(v))
	}
	return b.String(), true
}

// shellQuote makes one word of a text for a POSIX shell.
func shellQuote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
