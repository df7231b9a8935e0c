package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		err      string
	}{
		{"all well", `{"Action":"pass","Package":"tiercel.dev/a","Test":"TestA"}
{"Action":"pass","Package":"tiercel.dev/a","Elapsed":1}`, []string{"ok    a (1.0s)", "1 passed, 0 failed, 0 skipped"}, ""},
		{"a skip says why", `{"Action":"output","Package":"tiercel.dev/a","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"tiercel.dev/a","Test":"TestA","Output":"    a_test.go:3: needs root\n"}
{"Action":"skip","Package":"tiercel.dev/a","Test":"TestA"}
{"Action":"pass","Package":"tiercel.dev/a","Test":"TestB"}`, []string{"a TestA: a_test.go:3: needs root", "1 passed, 0 failed, 1 skipped"}, ""},
		{"what a later pass ran is no skip", `{"Action":"output","Package":"tiercel.dev/a","Test":"TestA","Output":"    a_test.go:3: not now\n"}
{"Action":"skip","Package":"tiercel.dev/a","Test":"TestA"}
{"Action":"skip","Package":"tiercel.dev/b","Test":"TestA"}
{"Action":"pass","Package":"tiercel.dev/a","Test":"TestA"}`, []string{"skipped, 1:\n  b TestA: no reason given", "1 passed, 0 failed, 1 skipped"}, ""},
		{"a failure says what", `{"Action":"output","Package":"tiercel.dev/a","Test":"TestA","Output":"    got 1\n"}
{"Action":"fail","Package":"tiercel.dev/a","Test":"TestA"}`, []string{"FAIL  a TestA", "got 1"}, "1 failed"},
		{"a package that does not build", `{"ImportPath":"tiercel.dev/a","Action":"build-output","Output":"a.go:1: undefined\n"}
{"Action":"fail","Package":"tiercel.dev/a"}`, []string{"a.go:1: undefined", "0 passed, 1 failed"}, "1 failed"},
		{"a test that never ended says where it was", `{"Action":"output","Package":"tiercel.dev/a","Test":"TestA","Output":"panic: test timed out\n"}
{"Action":"output","Package":"tiercel.dev/ab","Test":"TestB","Output":"of another package\n"}
{"Action":"fail","Package":"tiercel.dev/a"}`, []string{"FAIL  a", "panic: test timed out", "0 passed, 1 failed"}, "1 failed"},
		{"plain text is kept", "go: no such module\n", []string{"go: no such module"}, "no test ran"},
		{"nothing ran", `{"Action":"pass","Package":"tiercel.dev/a"}`, nil, "no test ran"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			err := report(strings.NewReader(test.in), &out)
			if got := errText(err); got != test.err {
				t.Errorf("error %q, want %q", got, test.err)
			}
			for _, w := range test.want {
				if !strings.Contains(out.String(), w) {
					t.Errorf("%q is missing in:\n%s", w, out.String())
				}
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
