package board

import (
	"encoding/json"
	"strings"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/rules"
)

// maxShown bounds a text in a list, in bytes; the detail has all of it.
const maxShown = 1024

// shown is text from a message as a list shows it.
func shown(s string) string {
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return alert.Escape(s)
}

type row struct {
	ID       string `json:"id"`
	Time     string `json:"time"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Title    string `json:"title"`
	Output   string `json:"output"`
	Place    string `json:"place"`
	Events   uint64 `json:"events"`
	Enriched bool   `json:"enriched"`
}

func alertRow(a *alert.Alert) json.RawMessage {
	title := a.GetRule().GetTitle()
	if title == "" {
		title = a.GetRule().GetName()
	}
	return encode(row{
		ID: a.GetAlertId(), Time: shown(a.GetTime()), Severity: a.GetSeverity().String(), Rule: shown(a.GetRule().GetName()), Title: shown(title),
		Output: shown(a.GetOutput()), Place: shown(Place(a)), Events: 1 + a.GetSuppressed().GetCount(), Enriched: a.GetEnrichment() != nil,
	})
}

// Place is where an alert's event happened, in short.
func Place(a *alert.Alert) string {
	switch p, c := a.GetPod(), a.GetContainer(); {
	case p.GetName() != "":
		return p.GetNamespace() + "/" + p.GetName()
	case c.GetName() != "":
		return "container " + c.GetName()
	case c.GetId() != "":
		return "container " + c.GetId()[:min(12, len(c.GetId()))]
	}
	return "host " + a.GetNode().GetName()
}

type finding struct {
	Name     string  `json:"name"`
	ID       string  `json:"id"`
	Category string  `json:"category"`
	Severity string  `json:"severity"`
	State    string  `json:"state"`
	Mute     string  `json:"mute"`
	Rule     string  `json:"rule"`
	Place    string  `json:"place"`
	Output   string  `json:"output"`
	Count    float64 `json:"count"`
	First    string  `json:"first"`
	Last     string  `json:"last"`
}

func findingRow(f *sccpb.Finding) json.RawMessage {
	property := func(key string) string { return shown(f.SourceProperties[key].GetStringValue()) }
	where := "host " + property("node")
	if pod := property("Pod_Name"); pod != "" {
		where = property("Pod_Namespace") + "/" + pod
	}
	return encode(finding{
		Name: shown(f.Name), ID: shown(f.Name[strings.LastIndexByte(f.Name, '/')+1:]), Category: shown(f.Category), Severity: f.Severity.String(),
		State: f.State.String(), Mute: f.Mute.String(), Rule: property("rule"), Place: where, Output: property("output"), Count: f.SourceProperties["count"].GetNumberValue(),
		First: property("first_seen"), Last: f.EventTime.AsTime().UTC().Format(time.RFC3339Nano),
	})
}

type rule struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Severity    string `json:"severity"`
	Enabled     bool   `json:"enabled"`
	Tags        string `json:"tags"`
	Attack      string `json:"attack"`
	Source      string `json:"source"`
	Condition   string `json:"condition"`
}

func ruleRows(set []rules.Info) json.RawMessage {
	all := make([]rule, 0, len(set))
	for _, r := range set {
		all = append(all, rule{
			Name: alert.Escape(r.Name), Title: alert.Escape(r.Title), Description: alert.Escape(strings.Join(strings.Fields(r.Description), " ")),
			Severity: r.Severity.String(), Enabled: r.Enabled, Tags: alert.Escape(strings.Join(r.Tags, ", ")),
			Attack: alert.Escape(strings.Join(r.Attack, ", ")), Source: alert.Escape(r.Position.String()), Condition: lines(r.Condition),
		})
	}
	return encode(all)
}

// lines escapes a text of several lines and keeps those.
func lines(s string) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range all {
		all[i] = alert.Escape(line)
	}
	return strings.Join(all, "\n")
}

func asideRows(all []Aside) json.RawMessage {
	safe := make([]Aside, 0, len(all))
	for _, a := range all {
		a.Reason, a.Subscription, a.Attempts, a.Data = shown(a.Reason), shown(a.Subscription), shown(a.Attempts), shown(a.Data)
		safe = append(safe, a)
	}
	return encode(safe)
}

// encode cannot go wrong with the types that it is given: none has a channel, a function or a cycle.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
