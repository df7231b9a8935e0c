// Package syntax reads conditions of Falco's rule language into a tree, and nothing else: it knows no fields, resolves no
// macro and no list, and gives every node its place in the text.
package syntax

// An Expr is a condition or a part of one: *And, *Or, *Not, *Macro, *Exists or *Compare.
type Expr interface {
	// At is where the expression begins, in bytes from the start of the condition.
	At() int
}

// Pos is a place in a condition, in bytes from its start.
type Pos int

func (p Pos) At() int { return int(p) }

// And holds if all of its terms do. It has at least two.
type And struct {
	Pos
	Terms []Expr
}

// Or holds if any of its terms does. It has at least two.
type Or struct {
	Pos
	Terms []Expr
}

// Not holds if its term does not.
type Not struct {
	Pos
	Term Expr
}

// Macro is a bare identifier.
type Macro struct {
	Pos
	Name string
}

// Exists holds if the operand has a value.
type Exists struct {
	Pos
	Of Operand
}

// Compare is an operand, an operator and what it is compared with.
type Compare struct {
	Pos
	Left  Operand
	Op    string // =, !=, <, <=, >, >=, in, contains, …; == is read as =
	OpPos Pos
	// Modifier is oneof, anyof or allof before a list; else "".
	Modifier string
	Right    Right
}

// Operand is a field or a transformer over others.
type Operand struct {
	Pos
	// Transformer is tolower, toupper, b64, basename, len, join, concat, getopt or val; "" for a field.
	Transformer string
	Args        []Arg // of a transformer

	Field string // proc.aname, without its key
	Key   string
	Keyed bool // a key was given, if an empty one
}

// Arg is an argument of a transformer: an operand, a constant, or a list of such in parentheses.
type Arg struct {
	Operand *Operand // if it is one
	IsList  bool
	List    []Arg // its members, which are no lists; there may be none
	Value   Value // if it is neither an operand nor a list
}

// Right is the right-hand side of a comparison.
type Right struct {
	Pos
	// Operand is set where the side is val(…) or another transformer.
	Operand *Operand
	// IsList says that Values stood in parentheses; there may then be none. Without, there is exactly one.
	IsList bool
	Values []Value
}

// Value is one constant. A bare one may be the name of a list; a quoted one never is.
type Value struct {
	Pos
	Text   string // with quotes and escapes taken away
	Quoted bool
}
