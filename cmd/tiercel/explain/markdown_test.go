package explain

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tiercel.dev/rules"
)

// Each page's file of false alarms can be pasted as it is, and does leave something out.
func TestSnippetsLoad(t *testing.T) {
	set := shipped(t)
	all, err := All(set, every)
	if err != nil {
		t.Fatal(err)
	}
	mutes := MutesOf(set.Sources)
	sources := slices.Clip(set.Sources)
	for _, e := range all {
		sources = append(sources, rules.Source{Name: e.Name + ".yaml", Data: []byte(mutes.Snippet(e))})
	}
	muted, err := rules.Load(sources, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if got := muted.Rule(e.Name).Condition(); !strings.Contains(got, `!(proc.exepath == "/opt/EXAMPLE/agent")`) {
			t.Errorf("%s: nothing is left out: %s", e.Name, got)
		}
	}
	e, _ := Of(set, set.Rule("terminal_shell_in_container"))
	if s := mutes.Snippet(e); !strings.Contains(s, "known_terminal_shell: {or: ") || !strings.Contains(s, "# Shells that people are meant to open") {
		t.Errorf("what is made for it is not named:\n%s", s)
	}
}

const hostile = "<script>alert(1)</script> [x](javascript:alert(1)) ``` | **b** \x1b[2J\u202e https://evil.test @all\n# head"

func TestHostileTextStaysText(t *testing.T) {
	quoted := `"<script>alert(1)</script> [x](javascript:alert(1)) ` + "``` | **b** \\u202e" + ` https://evil.test @all"`
	src := rules.Source{Name: "<b>.yaml", Data: []byte("rules:\n  - name: \"../`x` <b>\"\n    title: " + quoted + "\n    description: " + quoted +
		"\n    severity_reason: " + quoted + "\n    condition: evt.type == \"bind\" && proc.name == " + quoted + "\n    output: " + quoted +
		"\n    severity: LOW\n    tags: [\"<i>|`x`\"]\n")}
	tests := rules.Source{Name: "<b>_test.yaml", Data: []byte("cases:\n  - name: " + quoted + "\n    event: {evt.type: bind, proc.name: " + quoted + "}\n    match: [\"../`x` <b>\"]\n")}
	loaded, err := rules.Load([]rules.Source{src}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := All(Set{loaded, []rules.Source{src}, []rules.Source{tests}}, every)
	if err != nil {
		t.Fatal(err)
	}
	if name := all[0].FileName(); regexp.MustCompile(`[^a-z0-9.-]`).MatchString(name) || strings.HasPrefix(name, ".") {
		t.Errorf("file %q", name)
	}
	for _, page := range []string{all[0].Page(MutesOf([]rules.Source{src})), Index(all)} {
		prose := withoutCode(page)
		for _, bad := range []string{"<script", "<b>", "<i>", "x](javascript", "**b**", "https://evil", "@all", "\u202e", "\x1b"} {
			if strings.Contains(prose, bad) {
				t.Errorf("%q stands in the page:\n%s", bad, prose)
			}
		}
	}
	for text, want := range map[string]string{hostile: `\<`, "a  b\n\nc": "a b c"} {
		if got := escape(text); want != `\<` && got != want || strings.ContainsAny(got, "\n\x1b") || strings.Contains(got, "<") {
			t.Errorf("escape(%q) = %q", text, got)
		}
	}
}

// withoutCode takes code out of a page, as renderers do it: a run of backticks ends with the next of the same length.
func withoutCode(page string) string {
	var b strings.Builder
	for page != "" {
		at := strings.IndexByte(page, '`')
		if at < 0 {
			break
		}
		run := len(page[at:]) - len(strings.TrimLeft(page[at:], "`"))
		if at > 0 && page[at-1] == '\\' { // escaped
			b.WriteString(page[:at+1])
			page = page[at+1:]
			continue
		}
		b.WriteString(page[:at])
		rest := page[at+run:]
		end := regexp.MustCompile("(?:^|[^`])(`{" + string(rune('0'+run)) + "})(?:[^`]|$)").FindStringSubmatchIndex(rest)
		if end == nil {
			page = rest
			continue
		}
		page = rest[end[3]:]
	}
	return b.String() + page
}
