package rotate

import (
	"fmt"
	"time"

	"tiercel.dev/internal/posture"
)

const (
	kindTokens = "tokens"
	kindUsed   = "used"
	// ackTokens is how a person answers for not knowing which static tokens there are.
	ackTokens = "tokens-unknown"

	moveTokens = "move whoever uses them to tokens of the TokenRequest API, and delete the Secrets"
)

// A Token is a static token of a service account, which has no end and which the completion revokes.
type Token struct {
	Secret  string    // NAMESPACE/NAME
	Account string    // NAMESPACE/NAME of whose it is
	Used    time.Time // the day of its last use, as the API server notes it at the Secret; zero if it does not say
}

// static is who uses static tokens: all that there are, if Secrets may be listed, and else those that audit logs have seen used,
// beside that nobody knows the others.
func (n *next) static() []blocker {
	if t := n.o.Tokens; !t.OK {
		return append([]blocker{n.tokensUnknown("")}, n.seenUsed()...)
	} else if len(t.Value) == 0 {
		return nil
	}
	var names, told []string
	for _, t := range n.o.Tokens.Value {
		names, told = append(names, t.Secret), append(told, n.describe(t))
	}
	return []blocker{{kindTokens, posture.Blocker{
		What: "static tokens of service accounts, which the completion revokes: " + list(told), Fix: moveTokens, Acknowledge: id(kindTokens, names...),
	}}}
}

// describe names a token with its last use, by the audit log or by the day that its Secret says.
func (n *next) describe(t Token) string {
	var last Use
	for _, u := range n.r.Uses.List {
		if u.Account == t.Account && (u.Secret == "" || u.key() == t.Secret) && u.Last.After(last.Last) {
			last = u
		}
	}
	switch {
	case !last.Last.IsZero() && !last.Last.Before(t.Used):
		return t.Secret + " (used, " + last.told() + ")"
	case !t.Used.IsZero():
		return t.Secret + " (used, last on " + t.Used.UTC().Format(time.DateOnly) + ")"
	}
	return t.Secret
}

// seenUsed names the tokens that audit logs tell of. That is not all there are, but all that is known.
func (n *next) seenUsed() []blocker {
	var names, told []string
	for _, u := range n.r.Uses.List {
		names, told = append(names, u.key()), append(told, u.key()+" ("+u.told()+")")
	}
	if len(names) == 0 {
		return nil
	}
	what := "static tokens of service accounts, which the completion revokes, were seen used by the audit log: " + list(told)
	if n.r.Uses.More {
		names, what = append(names, "*"), what+" and more than could be told apart"
	}
	return []blocker{{kindUsed, posture.Blocker{What: what, Fix: moveTokens, Acknowledge: id(kindUsed, names...)}}}
}

// tokensUnknown says that nobody knows how many static tokens there are, and what audit logs have to say about it: that they tell of
// none is no answer.
func (n *next) tokensUnknown(consequence string) blocker {
	b := unknown(kindTokens, "nobody knows how many static tokens of service accounts there are"+consequence, n.o.Tokens.Gap, ackTokens)
	u, since := &n.r.Uses, n.r.Uses.Since.UTC().Format(time.DateOnly)
	switch {
	case !n.usesKnown():
		b.What += "; nor could the audit log be read for their use"
		if why := n.o.Uses.Gap.Error; why != "" {
			b.What += " (" + n.o.Uses.Gap.Call + ": " + why + ")"
		}
	case len(u.List) > 0:
		var used []string
		for _, one := range u.List {
			used = append(used, one.key()+" ("+one.told()+")")
		}
		b.What += fmt.Sprintf("; the audit log since %s tells of the use of %s", since, list(used))
	case u.Reads:
		b.What += fmt.Sprintf("; the audit log since %s tells of no use, and does not tell of all", since)
	default:
		b.What += fmt.Sprintf("; the audit log since %s tells of no use, but its part on Data Access tells nothing of the cluster at all: it is off, or may not be read", since)
	}
	return b
}
