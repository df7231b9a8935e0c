package falco

import (
	"fmt"
	"strings"
)

// Priority is how urgent a rule is, the most urgent first.
type Priority int

const (
	Emergency Priority = iota
	Alert
	Critical
	Error
	Warning
	Notice
	Informational
	Debug
)

var priorities = [...]string{"Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"}

// String is Falco's word, as its alerts have it.
func (p Priority) String() string { return priorities[p] }

// ParsePriority reads a priority in any case; Info is Informational.
func ParsePriority(text string) (Priority, error) {
	if strings.EqualFold(text, "info") {
		return Informational, nil
	}
	for p, name := range priorities {
		if strings.EqualFold(text, name) {
			return Priority(p), nil
		}
	}
	return 0, fmt.Errorf("no priority %q; there are %s", text, strings.Join(priorities[:], ", "))
}
