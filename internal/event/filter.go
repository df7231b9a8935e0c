package event

// A Filter says, for each kind, what the kernel must report at all. It is derived from the rules in force and is a
// necessary condition: what it holds back no rule can match.
type Filter [Kinds]Scope

// A Scope is how much of one kind is wanted.
type Scope uint8

const (
	Off            Scope = iota // no rule names the kind
	ContainersOnly              // every rule of the kind asks for a container
	All
)

// Union wants what either wants.
func (f Filter) Union(o Filter) Filter {
	for k := range f {
		f[k] = max(f[k], o[k])
	}
	return f
}

// Wanted returns the kinds whose scope is not Off.
func (f Filter) Wanted() KindSet {
	var s KindSet
	for k, scope := range f {
		if scope != Off {
			s.Add(Kind(k))
		}
	}
	return s
}

// FilterOf wants all of the given kinds.
func FilterOf(kinds KindSet) Filter {
	var f Filter
	for k := range kinds.All() {
		f[k] = All
	}
	return f
}
