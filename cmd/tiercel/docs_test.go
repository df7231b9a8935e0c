package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A block of docs/rules.md: a file, or a command and what it prints.
type block struct{ lang, text string }

func blocks(text string) (out []block) {
	var b *block
	for line := range strings.Lines(text) {
		lang, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && b == nil:
			b = &block{lang: strings.TrimSpace(lang)}
		case fence:
			out = append(out, *b)
			b = nil
		case b != nil:
			b.text += line
		}
	}
	return out
}

// The page on rules says nothing that does not work: its files load and pass their tests, its commands print what stands
// there. With UPDATE set it is given what they print.
func TestRulesPage(t *testing.T) {
	page, err := filepath.Abs("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	files, commands := 0, 0
	for _, b := range blocks(string(text)) {
		switch b.lang {
		case "yaml":
			head, _, _ := strings.Cut(b.text, "\n")
			name, ok := strings.CutPrefix(head, "# ")
			if !ok || !strings.HasSuffix(name, ".yaml") {
				t.Fatalf("the block does not begin with its file's name: %s", b.text)
			}
			if err := os.WriteFile(name, []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
			files++
		case "console":
			commands++
			if got := console(t, b.text); got != b.text && os.Getenv("UPDATE") != "" {
				text = bytes.Replace(text, []byte(b.text), []byte(got), 1)
			} else if diff := cmp.Diff(b.text, got); diff != "" {
				t.Errorf("-page +program\n%s", diff)
			}
		default:
			t.Errorf("a block in %q is not tested", b.lang)
		}
	}
	if files < 5 || commands < 3 {
		t.Errorf("%d files and %d commands found: are the blocks marked?", files, commands)
	}
	for _, name := range []string{"shop.yaml", "override.yaml", "mute.yaml"} {
		if code := run([]string{"rules", "check", name}, t.Output(), t.Output()); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// console runs the command of the first line and returns the block as it should be.
func console(t *testing.T, text string) string {
	head, _, _ := strings.Cut(text, "\n")
	args, ok := strings.CutPrefix(head, "$ tiercel ")
	if !ok {
		t.Fatalf("no command: %s", text)
	}
	var out bytes.Buffer
	run(strings.Fields(args), &out, &out)
	return head + "\n" + out.String()
}

// The README says how many rules are shipped.
func TestReadmeCountsRules(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d rules are shipped", len((&ruleInput{}).names())); !strings.Contains(string(text), want) {
		t.Errorf("the README does not say %q", want)
	}
}
