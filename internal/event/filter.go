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

	// where is the mask of these; what follows are flags.
	where Scope = 3
	// EveryMessage wants, of a kind that [Kind.IsMessage], also those that neither change the socket's other end nor
	// bring descriptors.
	EveryMessage Scope = 4
	// Data wants the first bytes of a message.
	Data Scope = 8
	// Environment wants, of [Exec], the environment of the new image.
	Environment Scope = 16
)

// Where is the scope without its flags.
func (s Scope) Where() Scope { return s & where }

// Union wants what either wants.
func (f Filter) Union(o Filter) Filter {
	for k := range f {
		f[k] = max(f[k].Where(), o[k].Where()) | (f[k]|o[k])&^where
	}
	return f
}

// Reading also wants, if data is read, that of the messages wanted.
func (f Filter) Reading(data bool) Filter {
	for k := range f {
		if data && Kind(k).IsMessage() && f[k] != Off {
			f[k] |= Data
		}
	}
	return f
}

// Wanted returns the kinds whose scope is not Off, its flags aside.
func (f Filter) Wanted() KindSet {
	var s KindSet
	for k, scope := range f {
		if scope.Where() != Off {
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
