package posture

import (
	"fmt"
	"slices"
)

// A Verdict is what a check came to.
type Verdict string

const (
	Pass    Verdict = "PASS"
	Fail    Verdict = "FAIL"
	Warn    Verdict = "WARN"    // not wrong, and worth a look: it has a severity and counts half
	Managed Verdict = "MANAGED" // Google sets it and keeps it so, as on Autopilot
	NA      Verdict = "N/A"     // the check has no meaning here
	// Unknown is what nobody could find out: a missing permission, an API that did not answer, part of a list. It is never taken
	// for a pass.
	Unknown  Verdict = "UNKNOWN"
	Excepted Verdict = "EXCEPTED" // it fails, and somebody answers for it until a day
)

// Verdicts are all, the worst first.
var Verdicts = []Verdict{Fail, Warn, Unknown, Excepted, Pass, Managed, NA}

// A Severity is how bad it is if a check fails. Info is below what Security Command Center has: it is reported, and no finding.
type Severity uint8

const (
	Info Severity = iota + 1
	Low
	Medium
	High
	Critical
)

var severityNames = []string{"", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("severity %d", uint8(s))
}

// MarshalText writes the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads one of INFO, LOW, MEDIUM, HIGH, CRITICAL, or nothing.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severityNames, string(text))
	if i < 0 {
		return fmt.Errorf("severity %q is none of INFO, LOW, MEDIUM, HIGH, CRITICAL", text)
	}
	*s = Severity(i)
	return nil
}
