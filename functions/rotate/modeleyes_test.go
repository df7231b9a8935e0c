package rotate

import (
	"context"
	"slices"
	"time"

	"tiercel.dev/internal/posture"
)

// World and Inside are the rotator's eyes.
func (m *model) World(context.Context) World {
	r, at := shop, m.clock()
	if m.hidden["cluster"] {
		return World{Looked: map[string]bool{"p": true}, Unknown: map[string]posture.Gap{"p": {Call: "ListClusters", Error: "unavailable"}}}
	}
	if m.gone {
		return World{Looked: map[string]bool{"p": true}}
	}
	o := Observed{At: at, Account: us, Cluster: m.cluster, CA: Have(m.ca), Windows: Have(Windows{Open: 168 * time.Hour})}
	if !m.hidden["operations"] {
		var ops []Operation
		for _, op := range m.ops {
			ops = append(ops, op.Operation)
		}
		o.Operations = Have(ops)
	} else {
		o.Operations = Lack[[]Operation](posture.Gap{Call: "ListOperations", Error: "denied"})
	}
	if !m.hidden["audit"] {
		o.Audit = Have(m.visible())
	} else {
		o.Audit = Lack[[]Event](posture.Gap{Call: "ListLogEntries", Error: "denied"})
	}
	return World{Seen: map[posture.Resource]Observed{r: o}, Looked: map[string]bool{"p": true}}
}

// visible are the events that the audit log tells of by now, an operation's entries together.
func (m *model) visible() (events []Event) {
	for _, e := range m.audit {
		if m.now.Before(e.visible) {
			continue
		}
		if i := slices.IndexFunc(events, func(o Event) bool { return o.Operation == e.Operation && e.Operation != "" }); i >= 0 {
			events[i].Failed = events[i].Failed || e.Failed
			continue
		}
		events = append(events, e.Event)
	}
	return events
}

func (m *model) Inside(_ context.Context, _ posture.Resource, o *Observed) {
	lack := posture.Gap{Call: "list", Error: "forbidden"}
	o.Nodes, o.Tokens, o.Budgets, o.Webhooks = Lack[[]Node](lack), Lack[[]Token](lack), Lack[[]string](lack), Have[[]string](nil)
	o.Uses, o.Approved, o.Requests = Known[Uses]{}, Known[[]Certificate]{}, Have[[]Certificate](nil)
	if !o.UsesSince.IsZero() {
		o.Uses = m.used(o.UsesSince)
	}
	if !o.IssuedSince.IsZero() {
		o.Approved = m.approved(o.IssuedSince)
	}
	if !m.hidden["nodes"] {
		o.Nodes = Have(slices.Clone(m.nodes))
	}
	if !m.hidden["tokens"] {
		listed := []Token{}
		for _, token := range m.tokens {
			listed = append(listed, Token{Secret: token})
		}
		o.Tokens = Have(listed)
	}
	if !m.hidden["budgets"] {
		o.Budgets = Have(m.budgets)
	}
	m.between()
}

// approved are the certificates that the audit log tells of.
func (m *model) approved(since time.Time) Known[[]Certificate] {
	if m.hidden["uses"] {
		return Lack[[]Certificate](posture.Gap{Call: "ListLogEntries", Error: "denied"})
	}
	return Have(slices.DeleteFunc(slices.Clone(m.issued), func(c Certificate) bool { return c.At.Before(since) }))
}

// used are the uses that the audit log tells of.
func (m *model) used(since time.Time) Known[Uses] {
	if m.hidden["uses"] {
		return Lack[Uses](posture.Gap{Call: "ListLogEntries", Error: "denied"})
	}
	found := Uses{Since: since}
	for _, u := range m.uses {
		if !u.Last.Before(since) {
			found.List = append(found.List, u)
		}
	}
	return Have(found)
}
