package syntax

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"macro", "spawned_process", "spawned_process"},
		{"blanks around", " \t\r\n a \n", "a"},
		{"and binds tighter than or", "a or b and c or d", "(a or (b and c) or d)"},
		{"not binds tighter than and", "not a and b", "(not a and b)"},
		{"parentheses", "(a or b) and c", "((a or b) and c)"},
		{"parentheses around one", "((a))", "a"},
		{"no blanks at parentheses", "(a)and(b)or(not(c))", "((a and b) or not c)"},
		{"and behind or with a parenthesis", "a or(b) and c", "(a or (b and c))"},
		{"not twice", "not not a", "a"},
		{"not thrice", "not not not(a)", "not a"},
		{"not before a parenthesis", "not(a and b) or not  (c)", "(not (a and b) or not c)"},
		{"words that begin like keywords", "nota and orb or android", "((nota and orb) or android)"},
		{"exists", "proc.pname exists and not proc.tty exists", "(proc.pname exists and not proc.tty exists)"},
		{"a field of three parts", "container.image.repository=x", "container.image.repository = x"},
		{"double equals", "proc.name == sh", "proc.name = sh"},
		{"no blanks around =", "proc.name=sh and evt.num!=0", "(proc.name = sh and evt.num != 0)"},
		{"bare key", "proc.aname[2]=sshd", `proc.aname["2"] = sshd`},
		{"bare key with odd characters", "container.mount.dest[/proc*] in (/a)", `container.mount.dest["/proc*"] in (/a)`},
		{"quoted key", `proc.env["A B"] = x or proc.env['"'] = y`, `(proc.env["A B"] = x or proc.env["\""] = y)`},
		{"numbers", "fd.num>=0 and fd.num < 0x1F and proc.duration <= -5000000000 and evt.rawres > 1.5e+3",
			"(fd.num >= 0 and fd.num < 0x1F and proc.duration <= -5000000000 and evt.rawres > 1.5e+3)"},
		{"bare words", "a.b = runc:[0:PARENT] and a.b != /proc/*/environ and a.b glob [ and a.b contains \\",
			`(a.b = runc:[0:PARENT] and a.b != /proc/*/environ and a.b glob [ and a.b contains \)`},
		{"bare words in a list", "a.b in (runc:[1:CHILD], in_heartbeat_r*,-1,443)", "a.b in (runc:[1:CHILD], in_heartbeat_r*, -1, 443)"},
		{"quoted words in a list", `a.b in ("<NA>",'N/A', x)`, `a.b in ("<NA>", "N/A", x)`},
		{"empty list", "a.b in () or a.b intersects(  )", "(a.b in () or a.b intersects ())"},
		{"name of a list", "a.b in shell-binaries and c", "(a.b in shell-binaries and c)"},
		{"no blank behind in", "a.b in(x)", "a.b in (x)"},
		{"line breaks", "a.b\nin\n(x\n,\ny)\nand\na.b\nstartswith\nz", "(a.b in (x, y) and a.b startswith z)"},
		{"escapes", `a.b = "\b\f\n\r\t\\\/\"\x41"`, "a.b = \"\b\f\n\r\t\\\\/\\\"A\""},
		{"the other quote stays", `a.b = 'say "x"' or a.b = "it's"`, `(a.b = "say \"x\"" or a.b = "it's")`},
		{"backslash and blank", `a.b contains "sh \ -c"`, `a.b contains "sh \\-c"`},
		{"trailing blank", `a.b startswith "sh "`, `a.b startswith "sh "`},
		{"empty text", `a.b = ""`, `a.b = ""`},
		{"value of many bytes", "a.b = kühl", "a.b = kühl"},
		{"modifiers", "a.b contains oneof (x, y) and a.b = anyof l and a.b endswith allof(z)",
			"(a.b contains oneof (x, y) and a.b = anyof l and a.b endswith allof (z))"},
		{"modifier as a word", "a.b = oneof and c or (a.b = anyof)", "((a.b = oneof and c) or a.b = anyof)"},
		{"field on the right", "a.b = val(c.d[1]) and a.b >= val( c.d ) and a.b in val(c.d)",
			`(a.b = val(c.d["1"]) and a.b >= val(c.d) and a.b in val(c.d))`},
		{"transformer left", "tolower(proc.name) = bash and len(basename(fd.name)) > 3",
			"(tolower(proc.name) = bash and len(basename(fd.name)) > 3)"},
		{"transformer right", "fd.name endswith basename(proc.exepath)", "fd.name endswith basename(proc.exepath)"},
		{"transformer exists", "b64( evt.arg.data ) exists", "b64(evt.arg.data) exists"},
		{"arguments", `join(",", (proc.name, "x", tolower(a.b), -7)) = y and concat(a.b , "-", c.d) = z and getopt(proc.args, "ab:") exists`,
			`(join(",", (proc.name, "x", tolower(a.b), -7)) = y and concat(a.b, "-", c.d) = z and getopt(proc.args, "ab:") exists)`},
		{"transformer's name as a macro or word", "val and len or a.b = tolower", "((val and len) or a.b = tolower)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := format(e); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	for _, op := range []string{"=", "!=", "glob", "iglob", "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith",
		"regex", "in", "intersects", "pmatch", "<", "<=", ">", ">="} {
		t.Run(op, func(t *testing.T) {
			right := "61"
			if IsListOperator(op) {
				right = "(61)"
			}
			want := "a.b " + op + " " + right
			e, err := Parse(want)
			if err != nil {
				t.Fatal(err)
			}
			if got := format(e); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestPositions(t *testing.T) {
	//       0         1         2         3         4
	text := `  not (a or proc.name in (sh, "b")) and x`
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	compare := &Compare{Pos: 12, Left: Operand{Pos: 12, Field: "proc.name"}, Op: "in", OpPos: 22,
		Right: Right{Pos: 25, IsList: true, Values: []Value{{26, "sh", false}, {30, "b", true}}}}
	want := &And{2, []Expr{
		&Not{2, &Or{7, []Expr{&Macro{7, "a"}, compare}}},
		&Macro{40, "x"},
	}}
	if diff := cmp.Diff(Expr(want), e); diff != "" {
		t.Error(diff)
	}
}

// TestErrors has each error with the place that it names: where | stands in the text.
func TestErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"|", "expected a field with an operator, a macro or (, found the end"},
		{"a |b", `expected and, or or the end, found "b"`},
		{"a and|b", "expected a blank or ( behind and"},
		{"a or |", "expected a field with an operator, a macro or (, found the end"},
		{"a |AND b", `expected and, or or the end, found "AND"`},
		{"a and |and b", `expected a field with an operator, a macro or (, found "and"`},
		{"(|not)", `found "not"`},
		{"(a and b|", "expected and, or or ), found the end"},
		{"a|)", `expected and, or or the end, found ")"`},
		{"|1.b = x", `found "1.b"`},
		{"a.b |like x", `expected an operator, found "like"; there are exists <=`},
		{"a.b |existsx", `expected an operator, found "existsx"`},
		{"a.b|", "expected an operator, found the end"},
		{"a.b = |", "expected a value, found the end"},
		{"a.b = |(x)", "expected one value; a list stands right of in, intersects and pmatch, or behind oneof, anyof and allof"},
		{"a.b = x|=y", `expected and, or or the end, found "="`},
		{"a.b contains|'x'", "expected a blank behind contains"},
		{"a.b > |x", `expected a number, val() or a transformer, found "x"`},
		{"a.b > 5|x", `expected and, or or the end, found "x"`},
		{"a.b in (x|", "expected , or ), found the end"},
		{"a.b in (x, |)", `expected a value, found ")"`},
		{"a.b in |'x'", "expected a list in parentheses or the name of one, found a text in quotes"},
		{"a.b in |", "expected a value, found the end"},
		{"a.b[|] = x", `expected the field's key, in quotes or bare, found "]"`},
		{"a.b[1|", "expected ] behind the field's key, found the end"},
		{"a.b = |'x", "the text's closing ' is missing"},
		{`a.b = 'x|\y'`, `there is no escape "\\y"`},
		{`a.b = 'x|\"'`, `there is no escape "\\\""`},
		{`a.b = 'x|\x4'`, `behind \x come two hexadecimal digits`},
		{`a.b = 'x|\`, "nothing follows the backslash"},
		{"|val(a.b) = x", "val() stands only right of an operator"},
		{"a.b = |val(tolower(c.d))", "val takes a field"},
		{"a.b = |val('x')", "val takes a field"},
		{"|tolower(a.b, c.d) = x", "tolower takes 1 arguments, not 2"},
		{"|concat() = x", "concat takes 1 or more arguments, not 0"},
		{"tolower(|x) = x", "expected a field, a transformer, a number or a text in quotes"},
		{"join(',', (a.b, |(c.d))) = x", "expected a field, a transformer, a number or a text in quotes"},
		{"tolower(a.b |= x", `expected , or ), found "="`},
		{strings.Repeat("(", 1000) + "|(a", "nested deeper than 1000"},
		{strings.Repeat("len(", 1000) + "|len(a.b", "nested deeper than 1000"},
	}
	for _, tt := range tests {
		offset := strings.Index(tt.text, "|")
		text := tt.text[:offset] + tt.text[offset+1:]
		t.Run(text[:min(len(text), 30)], func(t *testing.T) {
			e, err := Parse(text)
			var at *Error
			if !errors.As(err, &at) {
				t.Fatalf("got %v, %v, want an Error", e, err)
			}
			if at.Offset != offset || !strings.Contains(at.Message, tt.want) {
				t.Errorf("got  %v\nwant offset %d: %s", at, offset, tt.want)
			}
		})
	}
}

func TestDepthIsOfNesting(t *testing.T) {
	text := strings.Repeat("(a) and not not ", 2000) + strings.Repeat("(", 1000) + "a" + strings.Repeat(")", 1000)
	if _, err := Parse(text); err != nil {
		t.Error(err)
	}
}

func TestParseOperand(t *testing.T) {
	o, err := ParseOperand(" tolower(proc.aname[2]) ")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := formatOperand(o), `tolower(proc.aname["2"])`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for text, want := range map[string]string{
		"":              "offset 0: expected a field or a transformer, found the end",
		"proc":          `offset 0: expected a field or a transformer, found "proc"`,
		"proc.name = x": `offset 10: nothing may follow the field, and "=" does`,
		"val(a.b)":      "offset 0: val() stands only right of an operator",
	} {
		if o, err := ParseOperand(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, %v, want %s", text, o, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string][2]bool{ // an identifier, a bare word
		"open_write2": {true, true}, "shell-binaries": {false, true}, "2x": {false, true}, "_x": {false, true}, "": {}, "a b": {}, "a,b": {}, "a=": {},
	} {
		if got := [2]bool{IsIdentifier(name), IsBareWord(name)}; got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
	for op, want := range map[string][2]bool{ // an operator, one for lists
		"=": {true, false}, "==": {true, false}, "<=": {true, false}, "in": {true, true}, "pmatch": {true, true}, "contains": {true, false},
		"contains anyof": {true, true}, "in anyof": {}, "< anyof": {}, "exists": {}, "like": {}, "contains ": {}, "": {},
	} {
		if got := [2]bool{IsOperator(op), IsListOperator(op)}; got != want {
			t.Errorf("%q: got %v, want %v", op, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`spawned_process and not (proc.name in (sh, "b a") or tolower(proc.aname[2]) contains anyof l)`)
	f.Add(`fd.num >= 0x1f or join(",", (proc.name, 'x\x41', -7.5e-3)) = val(fd.name) and not(a.b["k"] exists)`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Offset < 0 || at.Offset > len(text) {
				t.Fatalf("%#v", err)
			}
			return
		}
		written := format(e)
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if got := format(again); got != written {
			t.Errorf("got  %s\nwant %s", got, written)
		}
	})
}
