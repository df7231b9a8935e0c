//go:build race

// Package race tells tests whether the race detector watches them. Under it sync.Pool drops some of what it is given, so
// that nothing can be said of allocations; scripts/test runs those tests without it, too.
package race

// Enabled is true under the race detector.
const Enabled = true
