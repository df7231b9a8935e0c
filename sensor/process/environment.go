package process

import (
	"bytes"
	"sync/atomic"
)

// variables are those of environments that are kept: nil stands for none.
type variables struct{ atomic.Pointer[kept] }

type kept struct {
	all   bool
	names map[string]bool
}

// KeepEnvironment says what is kept of the environments of programs that start from now on: all, or the variables of these
// names. At first nothing is: environments hold secrets. It may be called while the table is in use.
func (t *Table) KeepEnvironment(all bool, names []string) {
	k := &kept{all: all, names: make(map[string]bool, len(names))}
	for _, name := range names {
		k.names[name] = true
	}
	t.text.variables.Store(k)
}

// of appends to into, of an environment's entries that each end in NUL, those that are kept.
func (v *variables) of(env, into []byte) []byte {
	k := v.Load()
	if k == nil {
		return into
	}
	if k.all {
		return append(into, env...)
	}
	for entry := range bytes.SplitAfterSeq(env, []byte{0}) {
		if name, _, found := bytes.Cut(entry, []byte{'='}); found && k.names[string(name)] {
			into = append(into, entry...)
		}
	}
	return into
}
