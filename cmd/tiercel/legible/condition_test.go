package legible

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/rules"
	"tiercel.dev/rules/library"
)

const width = 100

func TestConjuncts(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{`a && b`, []string{"a ", " b"}},
		{`a && (b || c) && !(d && e)`, []string{"a ", " (b || c) ", " !(d && e)"}},
		{`a && b || c`, []string{"a && b || c"}},
		{`a ? b && c : d`, []string{"a ? b && c : d"}},
		{`x == "&& \" ||" && y in ["&&", '||']`, []string{`x == "&& \" ||" `, ` y in ["&&", '||']`}},
		{`f("(") && g`, []string{`f("(") `, " g"}},
		{`"unclosed && a`, []string{`"unclosed && a`}},
		{``, []string{""}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Conjuncts(tt.text)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.text, diff)
		}
	}
}

func TestLayout(t *testing.T) {
	long := func(c string) string { return strings.Repeat(c, 30) }
	tests := []struct {
		name, text string
		want       []string
	}{
		{"fits", "a && b", []string{"  a && b"}},
		{"broken at &&", long("a") + " && " + long("b") + " && " + long("c") + " && d",
			[]string{"  " + long("a") + " &&", "  " + long("b") + " &&", "  " + long("c") + " &&", "  d"}},
		{"brackets inward", long("a") + " && !(" + long("b") + " || " + long("c") + " || " + long("d") + long("e") + ")",
			[]string{"  " + long("a") + " &&", "  !(", "    " + long("b") + " ||", "    " + long("c") + " ||", "    " + long("d") + long("e"), "  )"}},
		{"an && below || is put in brackets", long("a") + " || " + long("b") + " && " + long("c") + long("d") + " && e",
			[]string{"  " + long("a") + " ||", "  (", "    " + long("b") + " &&", "    " + long("c") + long("d") + " &&", "    e", "  )"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Layout(tt.text, "  ", "", width)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
}

// However a condition is laid out, it is still the same one.
func TestLayoutChangesNothing(t *testing.T) {
	set, err := rules.Load(library.Sources(), rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bare := strings.NewReplacer(" ", "", "\n", "", "\t", "", "(", "", ")", "")
	for _, r := range set.Rules() {
		if got := strings.Join(Layout(OneLine(r.Expanded()), "", "", width), "\n"); bare.Replace(got) != bare.Replace(r.Expanded()) {
			t.Errorf("%s:\n%s\nbecame\n%s", r.Name, r.Expanded(), got)
		}
	}
}

func TestFill(t *testing.T) {
	got := Fill(strings.Repeat("word ", 40), "    ", width)
	for line := range strings.Lines(got) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > width || !strings.HasPrefix(line, "    word") {
			t.Errorf("line %q", line)
		}
	}
	if n := strings.Count(got, "word"); n != 40 {
		t.Errorf("%d words of 40", n)
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain ü":          "plain ü",
		"\x1b[2J":          `\x1b[2J`,
		"a\nb\tc":          `a\nb\tc`,
		"\xff\u202egnp.sh": `\xff\u202egnp.sh`,
		"\ufffd":           "\ufffd",
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %s, want %s", text, got, want)
		}
	}
}
