package library

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
	"tiercel.dev/rules"
	"tiercel.dev/rules/field"
)

// A testCase is a case of the shipped tests files, with its event built.
type testCase struct {
	Name  string
	Event yaml.Node
	Match []string
	Lists map[string][]string

	file  string
	event *event.Event
}

func cases(t testing.TB) []testCase {
	t.Helper()
	var all []testCase
	for _, src := range Tests() {
		var doc struct{ Cases []testCase }
		if err := yaml.Unmarshal(src.Data, &doc); err != nil {
			t.Fatalf("%s: %v", src.Name, err)
		}
		for _, c := range doc.Cases {
			var values []field.Value
			for i := 0; i < len(c.Event.Content); i += 2 {
				key, value := c.Event.Content[i], c.Event.Content[i+1]
				v := field.Value{Name: key.Value, Text: value.Value}
				if value.Kind == yaml.SequenceNode {
					if err := value.Decode(&v.Texts); err != nil {
						t.Fatalf("%s: %s: %v", src.Name, c.Name, err)
					}
				}
				values = append(values, v)
			}
			ev, err := field.Build(values)
			if err != nil {
				t.Fatalf("%s: %s: %v", src.Name, c.Name, err)
			}
			c.file, c.event = src.Name, ev
			all = append(all, c)
		}
	}
	return all
}

// matching returns, for each rule that has any, the events of its cases that match.
func matching(t testing.TB) map[string][]testCase {
	byRule := map[string][]testCase{}
	for _, c := range cases(t) {
		for _, name := range c.Match {
			byRule[name] = append(byRule[name], c)
		}
	}
	return byRule
}

// fires reports whether the rule matches the event of the case, whose lists are filled meanwhile.
func fires(t testing.TB, set *rules.Set, lists *rules.Lists, name string, c testCase) bool {
	t.Helper()
	for list, values := range c.Lists {
		lists.SetTexts(list, values)
		defer lists.Reset(list)
	}
	found := false
	set.Match(c.event, func(r *rules.Rule) { found = found || r.Name == name })
	return found
}

// What the shipped files mark as made for overriding does silence the rules that name it.
func TestPlaceholdersSilence(t *testing.T) {
	race.Skip(t, "one goroutine loads all rules again for each placeholder")
	var macros []string
	for _, src := range Sources() {
		for line := range strings.Lines(string(src.Data)) {
			if name, isPlaceholder := strings.CutSuffix(strings.TrimSpace(line), `: "false"`); isPlaceholder {
				macros = append(macros, name)
			}
		}
	}
	if len(macros) < 10 {
		t.Fatalf("found only the placeholders %v", macros)
	}
	byRule := matching(t)
	for _, macro := range macros {
		lists := rules.NewLists()
		over := rules.Source{Name: "over.yaml", Data: []byte("macros:\n  " + macro + `: {override: true, condition: "true"}`)}
		set, err := rules.Load(append(Sources(), over), rules.Options{Lists: lists})
		if err != nil {
			t.Fatal(err)
		}
		silenced := 0
		for name, cases := range byRule {
			quiet := true
			for _, c := range cases {
				quiet = quiet && !fires(t, set, lists, name, c)
			}
			if quiet {
				silenced++
			}
		}
		if silenced == 0 {
			t.Errorf("%s: no rule is silent with it", macro)
		}
	}
}

func TestBuildingImagesAreLeftOut(t *testing.T) {
	over := rules.Source{Name: "over.yaml", Data: []byte("lists:\n  building_images: {append: [registry.example.com/ci]}\n")}
	lists := rules.NewLists()
	set, err := rules.Load(append(Sources(), over), rules.Options{Lists: lists})
	if err != nil {
		t.Fatal(err)
	}
	byRule := matching(t)
	for _, name := range []string{"drop_and_execute_in_container", "package_manager_in_container", "execution_from_temporary_directory_in_container",
		"binary_written", "port_opened_by_dropped_program", "connection_by_dropped_program"} {
		for _, c := range byRule[name] {
			if c.event.Container.ID == event.Host.ID {
				continue
			}
			if c.event.Container.Image.Repository = "registry.example.com/ci"; fires(t, set, lists, name, c) {
				t.Errorf("%s: %s: matches in an image that builds", name, c.Name)
			}
			if c.event.Container.Image.Repository = "registry.example.com/ci/other"; !fires(t, set, lists, name, c) {
				t.Errorf("%s: %s: does not match in another image", name, c.Name)
			}
		}
	}
}
