package rotate

import (
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc"
)

// A Telling is a transition, or a deadline that is near, until everybody has been told: as an alert, as a finding, as a mail. It
// stands in the record before anything is done about it, so that a rotation is told of whatever dies in between.
type Telling struct {
	Number   int              `json:"number"`
	Round    int              `json:"round"`
	Time     time.Time        `json:"time"`
	From     State            `json:"from"`
	To       State            `json:"to"` // From again for a deadline
	Severity posture.Severity `json:"severity"`
	Text     string           `json:"text"`
	// Of the moment, for mails.
	Next      string             `json:"next,omitempty"`
	Blockers  []posture.Blocker  `json:"blockers,omitempty"`
	Commands  []string           `json:"commands,omitempty"`
	Deadlines []posture.Deadline `json:"deadlines,omitempty"`

	Alerted bool `json:"alerted,omitempty"`
	Written bool `json:"written,omitempty"`
	Noticed bool `json:"noticed,omitempty"`
}

// tell notes something to be told.
func (n *next) tell(was State, severity posture.Severity, text string) {
	n.r.Count++
	n.r.Pending = append(n.r.Pending, Telling{
		Number: n.r.Count, Round: n.r.Round, Time: n.now, From: was, To: n.r.State, Severity: max(severity, posture.Low), Text: text,
	})
}

// fill adds what stands in the record once the decision is made.
func (t *Telling) fill(r *Record) {
	t.Next, t.Blockers, t.Commands, t.Deadlines = r.Shown.Next, r.Blockers, r.Shown.Commands, r.Shown.Deadlines
}

// sender is who sends the alerts.
const sender = "tiercel-rotate"

// A rule says what a state means, as the rules of sensors do. internal/scc knows the same names.
type rule struct{ name, title, description, nextSteps string }

var (
	ruleDue = rule{
		"tiercel_rotation_due", "Credential rotation due",
		"A cluster's credentials are to be rotated: its certificate authority nears its end, they are old, or one is in other hands. When the " +
			"authority has expired, the cluster is in general lost.",
		"1. tiercel rotation explain CLUSTER: what is in the way, and the commands.\n2. Clear what is in the way.\n" +
			"3. tiercel rotation approve CLUSTER --phase start, or start it by hand.",
	}
	ruleRunning = rule{
		"tiercel_rotation_running", "Credential rotation under way",
		"A cluster serves two addresses and two authorities. GKE completes the rotation by itself seven days after the start, and whoever " +
			"uses the old credentials then is locked out.",
		"1. tiercel rotation status: by when what is to be done.\n2. Move clients and static tokens; see tiercel rotation explain CLUSTER.\n" +
			"3. tiercel rotation approve CLUSTER --phase complete.",
	}
	ruleBlocked = rule{
		"tiercel_rotation_blocked", "Credential rotation blocked",
		"A rotation of a cluster's credentials cannot go on.",
		"1. tiercel rotation explain CLUSTER names each blocker and what to do about it.\n" +
			"2. Of those that a person may answer for: tiercel rotation approve CLUSTER --acknowledge ID.",
	}
	ruleForeign = rule{
		"tiercel_rotation_foreign", "Credential rotation that somebody else started",
		"Somebody else, or GKE itself, has started a rotation of a cluster's credentials. Tiercel watches, and asks GKE for nothing.",
		"1. Find out whether whoever started it was to.\n2. Move clients and static tokens before the seventh day.\n" +
			"3. Complete it by hand: tiercel rotation explain CLUSTER has the command.",
	}
	ruleExpired = rule{
		"tiercel_rotation_expired", "Cluster's certificate authority expired",
		"A cluster's certificate authority has expired: nodes and clients can no more prove who they are, and the cluster is in general " +
			"not to be saved.",
		"1. Ask Google's support whether the cluster can be recovered.\n2. Prepare a new cluster.",
	}
	ruleDone = rule{
		"tiercel_rotation_done", "Credential rotation done", "A cluster's credentials were rotated, and nothing is under way any more.", "Nothing is to be done.",
	}
)

func ruleOf(s State) rule {
	switch s {
	case Due, Approved:
		return ruleDue
	case Blocked:
		return ruleBlocked
	case Foreign:
		return ruleForeign
	case Expired:
		return ruleExpired
	case Idle, Done:
		return ruleDone
	}
	return ruleRunning
}

// alertOf is what subscribers get: the same however often it is made. It says what enrichment would say, since it goes where
// enriched alerts are read.
func (t *Telling) alertOf(r posture.Resource) *alert.Alert { return t.alertAs(r, ruleOf(t.To)) }

func (t *Telling) alertAs(r posture.Resource, rule rule) *alert.Alert {
	at := alert.Time(t.Time.UnixNano())
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: sender, Seq: 1, Time: at, ObservedTime: at, Severity: severities[t.Severity],
		Rule:    &alert.Rule{Name: rule.name, Title: rule.title, Description: rule.description, Tags: []string{"rotation"}},
		Output:  t.subject(r) + ": " + t.Text,
		Cluster: &alert.Cluster{Project: r.Project, Location: r.Location, Name: r.Cluster},
		Enrichment: &alert.Enrichment{
			Time: at, Verification: alert.Verified, ClusterResource: r.FullName(),
			NextSteps: strings.ReplaceAll(rule.nextSteps, "CLUSTER", posture.Quote(r.Cluster)),
		},
	}
	a.Identity = alert.Identity(a)
	a.BootId = t.key(r)
	a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
	alert.Fit(a)
	return a
}

var severities = map[posture.Severity]alert.Severity{
	posture.Low: alert.Low, posture.Medium: alert.Medium, posture.High: alert.High, posture.Critical: alert.Critical,
}

// key is the telling's own: the same whoever tells it, and however often.
func (t *Telling) key(r posture.Resource) string {
	return alert.ID("rotation", r.ClusterName(), uint64(t.Number)) + fmt.Sprintf("-%d", t.Round)
}

func (t *Telling) subject(r posture.Resource) string {
	if t.From == t.To {
		return fmt.Sprintf("rotation of %s, %s", r.Cluster, t.To)
	}
	return fmt.Sprintf("rotation of %s, %s → %s", r.Cluster, t.From, t.To)
}

// notice is the mail.
func (t *Telling) notice(r posture.Resource) posture.Notice {
	n := posture.Notice{
		Key: "rotation-" + t.key(r), Time: t.Time, Subject: t.subject(r), Severity: t.Severity, Resource: r, Text: t.Text, Commands: t.Commands,
		Deadlines: t.Deadlines,
	}
	if t.Next != "" {
		n.Text += "\n\nNext: " + t.Next
	}
	for _, b := range t.Blockers {
		value := b.What
		if b.Fix != "" {
			value += ". " + b.Fix
		}
		if b.Acknowledge != "" {
			value += ". Or --acknowledge " + b.Acknowledge
		}
		n.Facts = append(n.Facts, posture.Evidence{Path: "blocker", Value: value})
	}
	return n
}

// A finding is one with its id.
type finding struct {
	id string
	f  *pb.Finding
}

// findings are what a telling changes in Security Command Center: the state that was left is inactive, the one that was entered is
// not. There is none for clusters of which nothing is under way.
func (t *Telling) findings(r posture.Resource, now time.Time) (all []finding) {
	was, is := ruleOf(t.From), ruleOf(t.To)
	if was != is && was != ruleDone {
		all = append(all, t.finding(r, was, pb.Finding_INACTIVE, now))
	}
	if is != ruleDone {
		all = append(all, t.finding(r, is, pb.Finding_ACTIVE, now))
	}
	return all
}

func (t *Telling) finding(r posture.Resource, rule rule, state pb.Finding_State, now time.Time) finding {
	a := t.alertAs(r, rule)
	f := scc.Finding(a, scc.Counted{Events: 1, First: t.Time, Last: t.Time}, now)
	f.State = state
	return finding{scc.ID(a), f}
}
