// Package where is the language of the where list: conditions over what is known of an alert once it has been enriched, by
// which an operator mutes it or gives it another severity. It has the operators and functions of rules' conditions, and the
// names of [Names]. It reads no files: package rules does.
//
// A fact that nobody could find out is unknown, and not its zero: a list that mutes what is not in production must not mute
// production because an API was down. A condition that is decided without the fact still is.
package where

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/rules/condition"
)

// ErrUnknown means that a condition depends on what is not known of the alert: it is neither true nor false.
var ErrUnknown = errors.New("depends on what is not known")

// Bounds of one evaluation. The cost is in steps of the interpreter, some 20 ns each; conditions of people have some dozens.
const (
	maxCost    = 200_000
	checkEvery = 1000
)

// A Condition is compiled. It is safe for concurrent use.
type Condition struct{ program cel.Program }

var dialect = sync.OnceValues(func() (*condition.Dialect, error) {
	types := make(map[string]*cel.Type, len(names))
	for _, n := range names {
		types[n.Name] = n.celType
	}
	return condition.NewDialect(types)
})

// Compile makes a condition of text, or tells what is wrong with it.
func Compile(text string) (*Condition, []condition.Issue) {
	d, err := dialect()
	if err != nil {
		return nil, []condition.Issue{{Message: err.Error()}}
	}
	program, issues := d.Compile(text, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(checkEvery))
	if issues != nil {
		return nil, issues
	}
	return &Condition{program}, nil
}

// Match reports whether the condition is true of the facts. An error is [ErrUnknown], or says why it could not be evaluated.
func (c *Condition) Match(ctx context.Context, f *Facts) (bool, error) {
	patterns := make([]*cel.AttributePatternType, len(f.Unknown))
	for i, name := range f.Unknown {
		patterns[i] = cel.AttributePattern(name)
	}
	vars, err := cel.PartialVars(activation{f}, patterns...)
	if err != nil {
		return false, err
	}
	out, _, err := c.program.ContextEval(ctx, vars)
	switch {
	case err != nil:
		return false, err
	case types.IsUnknown(out):
		return false, fmt.Errorf("%w: %s", ErrUnknown, strings.Join(unknownNames(out.(*types.Unknown)), ", "))
	}
	v, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%v is no bool", out)
	}
	return v, nil
}

// unknownNames are those that the answer hangs on.
func unknownNames(u *types.Unknown) []string {
	var names []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			names = append(names, t.Variable())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
