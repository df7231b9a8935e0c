package falco

import (
	"slices"
	"strings"

	"tiercel.dev/rules/source"
)

// A Selection switches rules on or off: those whose name matches Rule, in which * stands for any text, or that have Tag.
// One of the two is set.
type Selection struct {
	Enable bool
	Rule   string
	Tag    string
	// Position is where it was asked for, for warnings.
	Position source.Position
}

// String is what a rule must have for it.
func (s Selection) String() string {
	if s.Tag != "" {
		return "the tag " + source.Quote(s.Tag)
	}
	return "a name like " + source.Quote(s.Rule)
}

// Select switches rules on and off, one selection after the other, as the key rules of falco.yaml does. It returns the
// selections that are about no rule.
func (r *Ruleset) Select(selections []Selection) (unmatched []Selection) {
	for _, s := range selections {
		matched := false
		for _, rule := range r.Rules {
			if s.selects(rule) {
				rule.Enabled = s.Enable
				matched = true
			}
		}
		if !matched {
			unmatched = append(unmatched, s)
		}
	}
	return unmatched
}

func (s Selection) selects(r *Rule) bool {
	return s.Tag != "" && slices.Contains(r.Tags, s.Tag) || s.Rule != "" && wildcard(s.Rule, r.Name)
}

// wildcard matches a whole text.
func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
