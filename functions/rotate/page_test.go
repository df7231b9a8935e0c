package rotate

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	page      = "../../docs/rotation.md"
	tableHead = "| State | What it is | What it waits for | What people do |\n|---|---|---|---|\n"
)

// The page's table says what the command says. With UPDATE set it is written.
func TestPageHasEachState(t *testing.T) {
	var rows strings.Builder
	rows.WriteString(tableHead)
	for _, m := range Meanings {
		fmt.Fprintf(&rows, "| %s | %s | %s | %s |\n", m.State, m.Is, m.Waits, m.PeopleDo)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableHead)
	if !ok {
		t.Fatalf("%s has no table of states", page)
	}
	_, after, _ := strings.Cut(rest, "\n\n")
	want := before + rows.String() + "\n" + after
	if want == string(text) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s does not say what Meanings says: run with UPDATE=1", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The policy in the page is one.
func TestPagesPolicy(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, yaml, _ := strings.Cut(string(text), "```yaml\n")
	yaml, _, _ = strings.Cut(yaml, "```")
	p, err := LoadPolicy("page", []byte(yaml))
	if err != nil || !p.Guided || len(p.Freezes) != 1 || len(p.Clients) != 1 || len(p.NoGo) != 3 {
		t.Errorf("%v: %+v", err, p)
	}
}

func TestEachStateHasAMeaning(t *testing.T) {
	var named []State
	for _, m := range Meanings {
		named = append(named, m.State)
	}
	if !slices.Equal(named, States) {
		t.Errorf("%v", named)
	}
}
