// Package race tells tests whether the race detector watches them. Under it sync.Pool drops some of what it is given, so
// that nothing can be said of allocations, and what one goroutine does takes ten times as long; scripts/test runs such tests
// without it.
package race

import "testing"

// Skip leaves a test to the pass of scripts/test that has no race detector, and says why. It is called in the test's own
// function: scripts/test finds there which tests that pass runs.
func Skip(t testing.TB, why string) {
	t.Helper()
	if Enabled {
		t.Skip("not under the race detector: " + why)
	}
}
