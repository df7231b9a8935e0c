// Package condition makes Go closures of conditions. A condition is text in CEL over the fields of package rules/field;
// cel-go parses and type-checks it, and what it has checked is compiled to closures that read an event directly: they
// allocate nothing and take the cheap side of && and || first. cel-go's own interpreter over the same checked tree is
// the reference that tests compare with ([Condition.Reference]).
//
// A [Condition] alone takes events of any kind. A [Program] is how many conditions are matched: it compiles each again for
// every kind of event, on the host and elsewhere, without what these decide (special.go), evaluates once an event what
// several conditions ask (special.go again, and for tests of one text against many words sieve.go), and passes over all
// conditions that begin with the same test if that fails (program.go).
//
// The package also tells what a condition needs of the kernel: the kinds of events on which it can be true at all, and
// whether it can be true outside containers ([Condition.Filter]). It reads no files: package rules does, and gives it
// lists and macros by name.
package condition
