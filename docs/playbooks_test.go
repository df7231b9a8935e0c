package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// told are the rules that functions tell of by themselves: the names stand in their source, each once.
func told(t *testing.T) []string {
	t.Helper()
	name := regexp.MustCompile(`"(tiercel_(?:sensor|node|cluster|rotation|report|upgrade|scc|fleet|credential)_\w+)"`)
	var names []string
	files, err := filepath.Glob(root + "/functions/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < 15 {
		t.Fatalf("%d rules found: %q", len(names), names)
	}
	return names
}

// policies are the alert policies of infra/alerts.tf, by the name of their page.
func policies(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(root + "/infra/alerts.tf")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "\n  alerts = {\n")
	if !ok {
		t.Fatal("infra/alerts.tf keeps its alerts elsewhere")
	}
	block, _, _ = strings.Cut(block, "\n}\n")
	names := []string{"function-fails"} // of infra/function, for each function
	for _, m := range regexp.MustCompile(`(?m)^    ([a-z_-]+) = \{`).FindAllStringSubmatch(block, -1) {
		names = append(names, m[1])
	}
	if len(names) < 5 {
		t.Fatalf("%d policies found: %q", len(names), names)
	}
	return names
}

// Whoever is woken by something finds its page in docs/playbooks, by its name; and the index there has all of them and no other.
func TestEveryAlertHasAPlaybook(t *testing.T) {
	want := append(told(t), policies(t)...)
	slices.Sort(want)
	files, err := filepath.Glob("playbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile("playbooks/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		page, err := os.ReadFile("playbooks/" + name + ".md")
		if err != nil {
			t.Errorf("%s has no playbook: %v", name, err)
			continue
		}
		if strings.HasPrefix(name, "tiercel_") && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("playbooks/%s.md does not name it", name)
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(page), "# "), "\n")
		if row := "[" + title + "](" + name + ".md)"; !strings.Contains(string(index), row) {
			t.Errorf("playbooks/README.md lacks %s", row)
		}
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if name != "README" && !slices.Contains(want, name) {
			t.Errorf("%s is about no alert that there is", file)
		}
	}
}

// Each rule that is shipped has a page, and its page says what to do next.
func TestEveryRuleSaysWhatToDo(t *testing.T) {
	files, err := filepath.Glob("rules/*.md")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d pages of rules: %v", len(files), err)
	}
	index, err := os.ReadFile("rules/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(file) == "README.md" {
			continue
		}
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, steps, ok := strings.Cut(string(page), "\n## Next steps\n")
		if !ok || !strings.Contains(steps, "\n1. ") {
			t.Errorf("%s does not say what to do next", file)
		}
		if !strings.Contains(string(index), "]("+filepath.Base(file)+")") {
			t.Errorf("rules/README.md lacks %s", file)
		}
	}
}
