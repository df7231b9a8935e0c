package main

import (
	"strings"
	"testing"

	"tiercel.dev/cmd/tiercel/hardened"
	"tiercel.dev/internal/posture"
)

// The last line says whether all is known, all that anybody may see, or not even that.
func TestLastLineOfHarden(t *testing.T) {
	at := posture.Resource{Project: "p", Location: "l", Cluster: "c"}
	for _, tt := range []struct {
		name    string
		results []posture.Result
		want    string
	}{
		{"all", []posture.Result{{Check: "A", Verdict: posture.Pass}}, "1 pass. complete\n"},
		{"withheld", []posture.Result{{Check: "A", Verdict: posture.Unknown, Withheld: true}}, "1 unknown on purpose. complete as far as rights are granted: what is unknown on purpose is no pass\n"},
		{"failed", []posture.Result{{Check: "A", Verdict: posture.Unknown, Withheld: true}, {Check: "B", Verdict: posture.Unknown}}, "1 unknown; 1 unknown on purpose. INCOMPLETE: what is UNKNOWN or not read may be as bad as anything\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := hardenTable(&b, &hardened.Report{Clusters: []*posture.Cluster{{Resource: at, Results: tt.results}}}, posture.Low); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(b.String(), tt.want) {
				t.Errorf("%s", b.String())
			}
		})
	}
}
