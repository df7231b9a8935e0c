package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/field"
)

// A Set is the rules loaded together. It is safe for concurrent use, but for OnError, which is set before.
type Set struct {
	// OnError is told of each event on which a rule's condition ended in an error. nil only counts them.
	OnError func(*Rule, error)

	rules    []*Rule
	enabled  []*Rule // in the program's order
	program  *condition.Program
	metadata [event.Kinds]bool
	filter   event.Filter
	hash     string
	warnings Errors
	lists    *Lists
	fills    map[string]condition.Elem // lists that the program fills
	domains  map[string][]string       // see Domains
	// firstFalco says that of the rules of Falco files the first that matches is the only one.
	firstFalco bool
	defined    map[string]Position // lists and macros of native files
}

// finish sorts the enabled rules by the kinds they can match.
func (s *Set) finish() {
	for _, r := range s.rules {
		usesMetadata := func(f *field.Field) bool { return f.Metadata }
		r.metadata = slices.ContainsFunc(r.cond.Fields, usesMetadata) || slices.ContainsFunc(r.shown(), usesMetadata) ||
			slices.ContainsFunc(r.Throttle.Per, usesMetadata)
		r.filter = r.filter.Reading(field.AnyData(r.shown()) || field.AnyData(r.Throttle.Per))
		if !r.Enabled {
			continue
		}
		s.enabled = append(s.enabled, r)
		s.filter = s.filter.Union(r.filter)
		for k := range r.kinds.All() {
			s.metadata[k] = s.metadata[k] || r.metadata
		}
	}
	conditions := make([]*condition.Condition, len(s.enabled))
	for i, r := range s.enabled {
		conditions[i] = r.cond
	}
	if !s.Environment().Empty() {
		s.filter[event.Exec] |= event.Environment
	}
	s.program = condition.NewProgram(conditions)
	s.hash = s.sum()
}

// Match calls fire for each enabled rule that matches ev, in order: native ones, then Falco's, of which the first that
// matches ends it unless the options say otherwise. It allocates nothing for an event that matches nothing, but for fields
// that say so.
func (s *Set) Match(ev *event.Event, fire func(*Rule)) {
	s.program.Match(ev, func(i int, err error) bool {
		r := s.enabled[i]
		if err != nil {
			r.errors.Add(1)
			if s.OnError != nil {
				s.OnError(r, err)
			}
			return true
		}
		fire(r)
		return r.Falco == nil || !s.firstFalco
	})
}

// Filter is what the kernel must report so that every enabled rule sees all that it can match.
func (s *Set) Filter() event.Filter { return s.filter }

// Domains are domain names by the list in [Lists] that rules expect the addresses of these in.
func (s *Set) Domains() map[string][]string { return maps.Clone(s.domains) }

// NeedsMetadata reports whether an enabled rule of the kind reads, in its condition, output or throttle, what the
// container runtime tells: such events are worth holding until it has.
func (s *Set) NeedsMetadata(k event.Kind) bool { return int(k) < len(s.metadata) && s.metadata[k] }

// Rules returns all rules in order, disabled ones too.
func (s *Set) Rules() []*Rule { return slices.Clone(s.rules) }

// Rule returns the rule of that name, nil if there is none.
func (s *Set) Rule(name string) *Rule {
	for _, r := range s.rules {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// Defines reports whether a native file defines a list or a macro of that name.
func (s *Set) Defines(name string) bool {
	_, ok := s.defined[name]
	return ok
}

// Warnings tells of what is allowed in rule files and surely not meant.
func (s *Set) Warnings() Errors { return slices.Clone(s.warnings) }

// Hash is equal for sets that do the same: it is over the enabled rules with their macros and fixed lists in place.
func (s *Set) Hash() string { return s.hash }

func (s *Set) sum() string {
	h := sha256.New()
	out := json.NewEncoder(h)
	used := map[string]*condition.List{}
	for _, r := range s.rules {
		if !r.Enabled {
			continue
		}
		info := r.Info()
		info.Position, info.Condition, info.Events = Position{}, "", nil
		// Info holds text, numbers and maps that JSON sorts: encoding can't fail.
		if err := out.Encode(info); err != nil {
			panic(fmt.Sprintf("rules: hash of rule %s: %v", r.Name, err))
		}
		for name, l := range r.cond.Lists() {
			if r.Falco != nil {
				name = "falco " + name
			}
			used[name] = l
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		l := used[name]
		fmt.Fprintf(h, "%q %d %q %q %d\n", name, l.Of, l.Dynamic, l.Values.Texts, l.Values.Ints)
	}
	return hex.EncodeToString(h.Sum(nil))
}
