// Package checks holds the hardening checks that are shipped. Beside each file of them stands one of tests.
package checks

import (
	"embed"
	"sync"

	"tiercel.dev/rules"
	"tiercel.dev/rules/check"
	"tiercel.dev/rules/source"
)

//go:generate go run tiercel.dev/functions/harden/checks/gen -o ../../../docs/hardening-checks.md

//go:embed *.yaml
var files embed.FS

// Files are the shipped files of checks, and the tests files beside them.
func Files() (checks, tests []source.File, err error) { return rules.ReadFS(files, "checks") }

// Set is the shipped checks, compiled once.
var Set = sync.OnceValues(func() (*check.Set, error) { return With() })

// With compiles the shipped checks and those of other files.
func With(more ...source.File) (*check.Set, error) {
	shipped, _, err := Files()
	if err != nil {
		return nil, err
	}
	return check.Load(append(shipped, more...))
}

// Group calls do for the checks of each file, in the order of files.
func Group(set *check.Set, do func(file string, group []*check.Check)) {
	byFile := map[string][]*check.Check{}
	var order []string
	for _, c := range set.Checks() {
		f := c.Position.File
		if byFile[f] == nil {
			order = append(order, f)
		}
		byFile[f] = append(byFile[f], c)
	}
	for _, f := range order {
		do(f, byFile[f])
	}
}
