package falco

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelect(t *testing.T) {
	tests := []struct {
		name       string
		selections []Selection
		enabled    []string
		unmatched  []Selection
	}{
		{"nothing", nil, []string{"Write below etc", "Read ssh"}, nil},
		{"by name", []Selection{{Enable: true, Rule: "Write below root"}}, []string{"Write below etc", "Write below root", "Read ssh"}, nil},
		{"by tag", []Selection{{Tag: "filesystem"}}, []string{"Read ssh"}, nil},
		{"in order", []Selection{{Rule: "*"}, {Enable: true, Tag: "filesystem"}, {Rule: "*root"}}, []string{"Write below etc"}, nil},
		{"wildcards", []Selection{{Rule: "W*below*c"}, {Rule: "Read*ssh*"}}, nil, nil},
		{"a wildcard's ends do not overlap", []Selection{{Rule: "Read ssh*ssh"}}, []string{"Write below etc", "Read ssh"}, []Selection{{Rule: "Read ssh*ssh"}}},
		{"about no rule", []Selection{{Rule: "below"}, {Enable: true, Tag: "x"}}, []string{"Write below etc", "Read ssh"},
			[]Selection{{Rule: "below"}, {Enable: true, Tag: "x"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Ruleset{Rules: []*Rule{
				{Name: "Write below etc", Tags: []string{"host", "filesystem"}, Enabled: true},
				{Name: "Write below root", Tags: []string{"filesystem"}},
				{Name: "Read ssh", Tags: []string{"host"}, Enabled: true},
			}}
			unmatched := r.Select(tt.selections)
			var enabled []string
			for _, rule := range r.Rules {
				if rule.Enabled {
					enabled = append(enabled, rule.Name)
				}
			}
			if diff := cmp.Diff(tt.enabled, enabled); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.unmatched, unmatched); diff != "" {
				t.Error(diff)
			}
		})
	}
}
