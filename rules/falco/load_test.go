package falco

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/rules/source"
)

// load reads files named a.yaml, b.yaml, ….
func load(files ...string) *Ruleset {
	var sources []source.File
	for i, data := range files {
		sources = append(sources, source.File{Name: string(rune('a'+i)) + ".yaml", Data: []byte(data)})
	}
	return Load(sources)
}

// describe writes what was loaded, one line each, and the issues without what UnusedList and UnusedMacro tell.
func describe(r *Ruleset) string {
	var b strings.Builder
	for _, l := range r.Lists {
		fmt.Fprintf(&b, "list %s:", l.Name)
		for _, v := range l.Values {
			if v.Quoted {
				fmt.Fprintf(&b, " %q", v.Text)
			} else {
				b.WriteString(" " + v.Text)
			}
		}
		b.WriteString("\n")
	}
	for _, m := range r.Macros {
		fmt.Fprintf(&b, "macro %s: %s\n", m.Name, m.Condition.Text)
	}
	for _, rule := range r.Rules {
		state := ""
		if !rule.Enabled {
			state = ", off"
		}
		fmt.Fprintf(&b, "rule %s: %s; %s; %s; %s %v%s\n", rule.Name, rule.Condition.Text, rule.Output, rule.Desc, rule.Priority, rule.Tags, state)
	}
	for _, i := range r.Errors {
		fmt.Fprintf(&b, "error %s\n", short(i))
	}
	for _, i := range r.Warnings {
		if i.Code != UnusedList && i.Code != UnusedMacro {
			fmt.Fprintf(&b, "warning %s\n", short(i))
		}
	}
	return b.String()
}

func short(i *Issue) string {
	head, _, _ := strings.Cut(i.Error(), "\n")
	return strings.Replace(head, "LOAD_", "", 1)
}

// expect compares what was loaded with lines.
func expect(t *testing.T, r *Ruleset, want string) {
	t.Helper()
	want = strings.TrimLeft(want, "\n")
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(describe(r), "\n")); diff != "" {
		t.Error(diff)
	}
}

// upstream reads the rule files that Falco ships.
func upstream(t testing.TB) []source.File {
	t.Helper()
	dir := os.Getenv("TIERCEL_FALCO_RULES")
	if dir == "" {
		t.Skip("TIERCEL_FALCO_RULES is not set: it names a folder with the files of falcosecurity/rules, tags falco-rules-5.1.0, falco-incubating-rules-6.0.1, falco-sandbox-rules-6.1.0")
	}
	var files []source.File
	for _, name := range []string{"falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source.File{Name: name, Data: data})
	}
	return files
}

// figures are what a file holds.
type figures struct {
	Rules, Disabled, Macros, Lists, Empty, Nested int
	Priorities                                    map[string]int
}

func count(r *Ruleset) figures {
	f := figures{Rules: len(r.Rules), Macros: len(r.Macros), Lists: len(r.Lists), Priorities: map[string]int{}}
	for _, rule := range r.Rules {
		f.Priorities[rule.Priority.String()]++
		if !rule.Enabled {
			f.Disabled++
		}
	}
	for _, l := range r.Lists {
		if len(l.Items) == 0 {
			f.Empty++
		}
		for _, item := range l.Items {
			if item.List != "" {
				f.Nested++
				break
			}
		}
	}
	return f
}

func TestUpstreamFiles(t *testing.T) {
	files := upstream(t)
	tests := []struct {
		name  string
		files []source.File
		want  figures
	}{
		{"stable", files[:1], figures{25, 0, 87, 49, 7, 0, map[string]int{"Warning": 14, "Notice": 7, "Critical": 3, "Informational": 1}}},
		{"incubating", files[1:2], figures{31, 0, 82, 54, 2, 0, map[string]int{"Notice": 19, "Warning": 7, "Error": 3, "Informational": 2}}},
		{"sandbox", files[2:], figures{37, 12, 183, 60, 4, 0, map[string]int{"Critical": 10, "Error": 9, "Warning": 8, "Notice": 7, "Informational": 3}}},
		{"all", files, figures{93, 12, 315, 118, 11, 0, map[string]int{"Warning": 29, "Notice": 33, "Critical": 13, "Error": 12, "Informational": 6}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Load(tt.files)
			for _, i := range append(r.Errors, r.Warnings...) {
				t.Error(i)
			}
			got := count(r)
			if got.Nested == 0 {
				t.Error("no list in a list")
			}
			got.Nested = 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUpstreamLastDefinitionWins has the three definitions that differ between the files.
func TestUpstreamLastDefinitionWins(t *testing.T) {
	files := upstream(t)
	together, stable, last := Load(files), Load(files[:1]), Load(files[2:])
	for _, name := range []string{"python_package_managers", "falco_containers"} {
		got, own, want := list(t, together, name), list(t, stable, name), list(t, last, name)
		if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if cmp.Equal(texts(own), texts(got)) {
			t.Errorf("%s is the stable file's", name)
		}
	}
}

func list(t *testing.T, r *Ruleset, name string) *List {
	t.Helper()
	for _, l := range r.Lists {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("there is no list %s", name)
	return nil
}

func texts(l *List) []string {
	var texts []string
	for _, v := range l.Values {
		texts = append(texts, v.Text)
	}
	return texts
}
