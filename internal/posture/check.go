package posture

import "strings"

// A Check is what is said of one wherever its verdicts are shown. What decides it is in package rules/check.
type Check struct {
	ID       string   `json:"id"` // such as NET-CPEXP
	Title    string   `json:"title"`
	Why      string   `json:"why"`
	Severity Severity `json:"severity"` // of a failure, unless the verdict has another
	// Category is the finding's: Security Health Analytics' name where its check is the same.
	Category   string      `json:"category"`
	Benchmarks []Benchmark `json:"benchmarks,omitempty"`
	Link       string      `json:"link,omitempty"`
}

// A Benchmark says where a standard asks for the same.
type Benchmark struct {
	Standard string   `json:"standard"` // "CIS GKE"
	Version  string   `json:"version"`  // "1.9.0"
	IDs      []string `json:"ids"`      // "5.8.3"
}

// A Result is the verdict of one check about one resource.
type Result struct {
	ID       string     `json:"id"` // of [ID]
	Check    string     `json:"check"`
	Resource Resource   `json:"resource"`
	Verdict  Verdict    `json:"verdict"`
	Severity Severity   `json:"severity,omitempty"` // of FAIL, WARN and EXCEPTED
	Evidence []Evidence `json:"evidence,omitempty"`
	// Reason says in a sentence why it is so: for UNKNOWN which call or permission was missing.
	Reason    string     `json:"reason,omitempty"`
	Fix       *Fix       `json:"fix,omitempty"` // of FAIL, WARN and EXCEPTED
	Exception *Exception `json:"exception,omitempty"`
	// Failed says of an UNKNOWN that the check itself could not be evaluated, which is for who wrote it.
	Failed bool `json:"failed,omitempty"`
	// Withheld says of an UNKNOWN that it hangs on nothing but gaps that are: it is no pass, and no failure of the run.
	Withheld bool `json:"withheld,omitempty"`
}

// Evidence is one fact that decided: a field's path in the API's message or object, and its value. No secret is one.
type Evidence struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

func (e Evidence) String() string { return e.Path + " = " + e.Value }

// Facts are all evidence of a result in one text.
func Facts(of []Evidence, between string) string {
	var all []string
	for _, e := range of {
		all = append(all, e.String())
	}
	return strings.Join(all, between)
}

// A Fix is how to put it right.
type Fix struct {
	// Commands are whole lines for a shell, with the resource's names filled in and quoted.
	Commands []string `json:"commands,omitempty"`
	// Text says what to do where no command does it.
	Text       string `json:"text,omitempty"`
	Disruption string `json:"disruption,omitempty"` // one of Disruptions
	Link       string `json:"link,omitempty"`
}

// Disruptions are what fixes may cause.
var Disruptions = []string{"none", "restarts control plane", "recreates nodes", "new pool", "new cluster", "may lock out", "moves workloads"}

// An Exception is a failure that somebody answers for.
type Exception struct {
	Reason string `json:"reason"`
	Owner  string `json:"owner"`
	Until  string `json:"until"` // the last day, YYYY-MM-DD in UTC
}
