// Package condition makes Go closures of conditions. A condition is text in CEL over the fields of package rules/field;
// cel-go parses and type-checks it, and what it has checked is compiled to closures that read an event directly: they
// allocate nothing and take the cheap side of && and || first. cel-go's own interpreter over the same checked tree is
// the reference that tests compare with ([Condition.Reference]).
//
// The package also tells what a condition needs of the kernel: the kinds of events on which it can be true at all, and
// whether it can be true outside containers ([Condition.Filter]). It reads no files: package rules does, and gives it
// lists and macros by name.
package condition
