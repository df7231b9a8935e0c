package rules

import (
	"context"
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
	"tiercel.dev/rules/where"
)

// A Policy is one entry of a where list: alerts that it is true of are muted, or get another severity, until it ends.
type Policy struct {
	Name, Reason string
	Until        time.Time
	Mute         bool
	Severity     Severity // 0 for one that mutes
	Position     Position

	where *where.Condition
}

// Match reports whether the policy is about the alert, whenever that is. Errors are those of [where.Condition.Match].
func (p *Policy) Match(ctx context.Context, f *where.Facts) (bool, error) {
	return p.where.Match(ctx, f)
}

const maxPolicies = 1000

// LoadPolicies reads a where list. It returns none if anything is wrong with it; the error is then Errors with all that is.
//
//	policies:
//	  - name: lab-shells
//	    where: rule == "terminal_shell_in_container" && cluster.label["env"] == "lab"
//	    mute: true              # or severity: LOW
//	    reason: people try things out there
//	    until: 2027-03-31       # with that day, in UTC; or a time as 2027-03-31T18:00:00Z
func LoadPolicies(src Source) ([]*Policy, error) {
	var errs Errors
	f := newFile(src, &errs)
	top := f.Root()
	if top == nil {
		return nil, errs.Err()
	}
	list := f.Keys(top, "a where list", "policies")["policies"]
	if list == nil && len(errs) == 0 {
		f.Fail(top, "a where list has policies")
	}
	if list == nil || !f.Is(list, yaml.SequenceNode, "policies") {
		return nil, errs.Err()
	}
	if len(list.Content) > maxPolicies {
		f.Fail(list, "%d policies, more than %d", len(list.Content), maxPolicies)
		return nil, errs.Err()
	}
	var policies []*Policy
	names := map[string]Position{}
	for _, n := range list.Content {
		if p := f.policy(n); p != nil {
			if first, taken := names[p.Name]; taken {
				f.Fail(n, "policy %s is defined already at %s", source.Quote(p.Name), first)
			}
			names[p.Name] = p.Position
			policies = append(policies, p)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return policies, nil
}

// policy reads one entry; nil if it is none.
func (f *file) policy(n *yaml.Node) *Policy {
	if !f.Is(n, yaml.MappingNode, "a policy") {
		return nil
	}
	keys := f.Keys(n, "a policy", "name", "where", "mute", "severity", "reason", "until")
	p := &Policy{Position: f.Position(n)}
	p.Name, p.Reason = f.OneLine(n, keys, "name", "the policy"), f.OneLine(n, keys, "reason", "the policy")
	if text := f.OneLine(n, keys, "until", "the policy"); text != "" {
		var err error
		if p.Until, err = parseUntil(text); err != nil {
			f.Fail(keys["until"], "%v", err)
		}
	}
	f.effect(n, keys, p)
	node := keys["where"]
	if node == nil {
		f.Fail(n, "the policy has no where")
	} else if text, ok := f.Text(node, "where"); ok {
		cond, issues := where.Compile(text)
		for _, i := range issues {
			f.Add(f.Located(node, text).Error(i.Offset, i.Message))
		}
		p.where = cond
	}
	return p
}

// effect reads the one of two keys that says what the policy does.
func (f *file) effect(n *yaml.Node, keys map[string]*yaml.Node, p *Policy) {
	if k := keys["mute"]; k != nil {
		if p.Mute, _ = f.Bool(k, "mute"); !p.Mute {
			f.Fail(k, "mute is true, or not there")
		}
	}
	if k := keys["severity"]; k != nil {
		if text, ok := f.Text(k, "severity"); ok {
			var err error
			if p.Severity, err = ParseSeverity(text); err != nil {
				f.Fail(k, "severity %v", err)
			}
		}
	}
	if (keys["mute"] == nil) == (keys["severity"] == nil) {
		f.Fail(n, "a policy has either mute or severity")
	}
}

// parseUntil reads a day, which counts whole, or a time.
func parseUntil(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("until is a day such as 2027-03-31 or a time such as 2027-03-31T18:00:00Z, not %s", source.Quote(text))
}
