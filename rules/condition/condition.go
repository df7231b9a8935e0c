package condition

import (
	"cel.dev/cel-go/cel"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/field"
)

// A Condition is compiled. It is safe for concurrent use.
type Condition struct {
	Text   string
	Fields []*field.Field // those named, sorted by name

	root    boolNode
	ast     *cel.Ast
	filter  event.Filter
	env     *cel.Env
	lists   map[string]bool
	all     map[string]*List
	dynamic *Lists

	// To compile it again, in a Program.
	compiler *Compiler
	parsed   *parsed
}

// Match reports whether the condition is true of ev. An error is one of ErrIndex, ErrDivide, ErrOverflow and ErrNumber;
// then it is neither true nor false.
func (c *Condition) Match(ev *event.Event) (bool, error) {
	f := newFrame(ev)
	v := c.root.eval(f)
	err := f.err
	f.release()
	return v && err == nil, err
}

// Cost is the estimate by which the sides of && and || are ordered, the cheapest first; reading a field of the event costs about 2.
func (c *Condition) Cost() int { return c.root.cost }

// Filter says on which kinds of events the condition can be true, and whether outside containers too, and of messages whether it can
// be true of one that tells nothing new. It is sound: an event that it leaves out makes the condition false, or an error.
func (c *Condition) Filter() event.Filter { return c.filter }

func (c *Condition) findFilter() {
	for k := range event.AllKinds().All() {
		if onHost, _ := c.root.can(world{kind: k, host: true}); onHost {
			c.filter[k] = event.All
		} else if anywhere, _ := c.root.can(world{kind: k}); anywhere {
			c.filter[k] = event.ContainersOnly
		}
		if !k.IsMessage() || c.filter[k] == event.Off {
			continue
		}
		if quiet, _ := c.root.can(world{kind: k, quiet: true}); quiet {
			c.filter[k] |= event.EveryMessage
		}
	}
	c.filter = c.filter.Reading(field.AnyData(c.Fields))
}

// Lists returns the lists that the condition reads, by name.
func (c *Condition) Lists() map[string]*List {
	lists := map[string]*List{}
	for name := range c.lists {
		lists[name] = c.all[name]
	}
	return lists
}
