package rules

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// An Environment says which variables of processes' environments rules read. They hold secrets: what no rule reads is not to
// be kept.
type Environment struct {
	All   bool     // the whole environment
	Names []string // sorted
}

// Empty reports whether no rule reads any.
func (e Environment) Empty() bool { return !e.All && len(e.Names) == 0 }

// Environment is what the enabled rules read of it, in conditions, outputs and throttles.
func (s *Set) Environment() Environment {
	var e Environment
	names := map[string]bool{}
	for _, r := range s.enabled {
		for _, f := range slices.Concat(r.cond.Fields, r.shown(), r.Throttle.Per) {
			if f.Name == "proc.env" {
				e.All = true
			} else if key, ok := strings.CutPrefix(f.Name, "proc.env["); ok {
				name, _ := strconv.Unquote(strings.TrimSuffix(key, "]")) // a field's name has its key quoted
				names[name] = true
			}
		}
	}
	e.Names = slices.Sorted(maps.Keys(names))
	return e
}
