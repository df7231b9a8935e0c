package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/sensor/falcoconfig"
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
	if files, commands := tryPage(t, "../../docs/rules.md"); files < 5 || commands < 3 {
		t.Errorf("%d files and %d commands found: are the blocks marked?", files, commands)
	}
	for _, name := range []string{"shop.yaml", "override.yaml", "mute.yaml"} {
		if code := run([]string{"rules", "check", name}, t.Output(), t.Output()); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
	}
}

// The page on moving over from Falco does not, either.
func TestFalcoPage(t *testing.T) {
	if files, commands := tryPage(t, "../../docs/falco.md"); files < 2 || commands < 3 {
		t.Errorf("%d files and %d commands found: are the blocks marked?", files, commands)
	}
	cfg, err := falcoconfig.Read("falco.yaml", os.Getenv)
	if err != nil || len(cfg.Warnings) != 0 || cfg.Metrics != "0.0.0.0:8765" {
		t.Errorf("falco.yaml: %v, %+v", err, cfg)
	}
}

// tryPage tries what stands in a page, in a folder of its own, and counts the files and commands.
func tryPage(t *testing.T, path string) (files, commands int) {
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	compare := func(want, got string) {
		if got != want && os.Getenv("UPDATE") != "" {
			text = bytes.Replace(text, []byte(want), []byte(got), 1)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-page +program\n%s", diff)
		}
	}
	for _, b := range blocks(string(text)) {
		lang, written, _ := strings.Cut(b.lang, " ")
		switch {
		case written != "": // by a command
			got, err := os.ReadFile(written)
			if err != nil {
				t.Error(err)
			}
			compare(b.text, string(got))
		case lang == "yaml":
			head, _, _ := strings.Cut(b.text, "\n")
			name, ok := strings.CutPrefix(head, "# ")
			if !ok || !strings.HasSuffix(name, ".yaml") {
				t.Fatalf("the block does not begin with its file's name: %s", b.text)
			}
			if err := os.WriteFile(name, []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
			files++
		case lang == "console":
			commands++
			compare(b.text, console(t, b.text))
		default:
			t.Errorf("a block in %q is not tested", b.lang)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files, commands
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
