package rules

import (
	"testing"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/event"
)

// TestShippedRulesAgreeWithReference runs every shipped rule over the events of all their tests, with the compiled
// conditions and with the reference interpreter, and holds both against what the filter lets pass.
func TestShippedRulesAgreeWithReference(t *testing.T) {
	sources, tests, err := Read("library")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(sources, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var events []*event.Event
	for _, src := range tests {
		var errs Errors
		f := newFile(src, &errs)
		top := f.Root()
		if top == nil {
			t.Fatal(errs)
		}
		tr := trial{set: s, file: f}
		for _, c := range f.Keys(top, "a tests file", "cases")["cases"].Content {
			f.Pairs(c, func(key, value *yaml.Node) {
				if ev, _, ok := tr.event(value); key.Value == "event" && ok {
					events = append(events, ev)
				}
			})
			errs = nil // of keys that hold no event
		}
	}
	matched := 0
	inSet := make([]map[*Rule]bool, len(events))
	for i, ev := range events {
		inSet[i] = map[*Rule]bool{}
		s.Match(ev, func(r *Rule) { inSet[i][r] = true })
	}
	for _, r := range s.Rules() {
		reference, err := r.Reference()
		if err != nil {
			t.Fatal(err)
		}
		for i, ev := range events {
			got, gotErr := r.Match(ev)
			want, wantErr := reference(ev)
			if got != want || (gotErr == nil) != (wantErr == nil) {
				t.Errorf("%s on event %d: got %v, %v; the reference says %v, %v", r.Name, i, got, gotErr, want, wantErr)
			}
			if r.Enabled && inSet[i][r] != want {
				t.Errorf("%s on event %d: it fires: %v; the reference says %v, %v", r.Name, i, inSet[i][r], want, wantErr)
			}
			scope := r.Filter()[ev.Kind]
			if got && (scope == event.Off || scope.Where() == event.ContainersOnly && !ev.Container.InContainer()) {
				t.Errorf("%s matches event %d, which its filter holds back", r.Name, i)
			}
			if got {
				matched++
			}
		}
	}
	if len(events) < len(s.Rules()) || matched < len(s.Rules()) {
		t.Errorf("%d rules, %d events, %d matches", len(s.Rules()), len(events), matched)
	}
}
