package scc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
)

// Our own bounds: the API documents none for these, and takes 500 MB of findings a day. What was cut says so.
const (
	maxCategory  = 255
	maxText      = 2 << 10 // description, next steps
	maxName      = 255     // of a process, a container, a label
	maxProcesses = 1 + alert.MaxAncestors
	maxFiles     = 16
	maxArgs      = 128
	maxValue     = 4 << 10
	maxLabels    = 64
	maxFinding   = 32 << 10
)

// Counted is what is known of all alerts of one finding together.
type Counted struct {
	Events      uint64 // an alert stands for itself and those it suppressed
	First, Last time.Time
}

// ID is the finding's, 32 hexadecimal digits: the same for each repeat of the same thing in the same cluster. It is made of
// what the sensor said alone: the step behind it may find out more one time and less another, even of the same alert.
func ID(a *alert.Alert) string {
	h := sha256.New()
	c := a.GetCluster()
	for _, part := range []string{c.GetProject(), c.GetLocation(), c.GetName(), a.GetIdentity()} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Finding is what an alert looks like in Security Command Center, without its name. now bounds its event time: the API refuses
// times to come, and nodes' clocks are wrong now and then.
func Finding(a *alert.Alert, n Counted, now time.Time) *pb.Finding {
	m := attack(a.GetRule().GetAttack())
	f := &pb.Finding{
		ResourceName:     shown(resource(a), maxText),
		State:            pb.Finding_ACTIVE,
		Category:         category(a, m),
		ExternalUri:      link(a),
		EventTime:        timestamppb.New(earlier(n.Last, now)),
		Severity:         severities[a.GetSeverity()],
		FindingClass:     class(a),
		MitreAttack:      m,
		Access:           access(a),
		Connections:      connections(a.GetConnection()),
		Processes:        processes(a),
		Files:            files(a),
		Containers:       containers(a),
		Kubernetes:       kubernetes(a),
		Description:      description(a),
		NextSteps:        lines(a.GetEnrichment().GetNextSteps(), maxText),
		SourceProperties: propertiesOf(a, n),
	}
	if cut(a) {
		f.SourceProperties["finding_truncated"] = boolean(true)
	}
	fit(f)
	return f
}

var severities = map[alert.Severity]pb.Finding_Severity{
	alert.Low: pb.Finding_LOW, alert.Medium: pb.Finding_MEDIUM, alert.High: pb.Finding_HIGH, alert.Critical: pb.Finding_CRITICAL,
}

// resource is the cluster, as Container Threat Detection has it. Without one it is the node: the field takes any name, but
// must not be empty.
func resource(a *alert.Alert) string {
	if name := a.GetEnrichment().GetClusterResource(); name != "" {
		return name
	}
	if c := a.GetCluster(); c.GetProject() != "" && c.GetLocation() != "" && c.GetName() != "" {
		return fmt.Sprintf("//container.googleapis.com/projects/%s/locations/%s/clusters/%s", c.Project, c.Location, c.Name)
	}
	if a.GetNode().GetName() != "" {
		return "//tiercel.dev/nodes/" + a.Node.Name
	}
	return "//tiercel.dev/sensors/" + a.GetSensorId()
}

// category is immutable and what findings are grouped by, so it is made from the rule alone: "Execution: Reverse shell".
func category(a *alert.Alert, m *pb.MitreAttack) string {
	title := a.GetRule().GetTitle()
	if title == "" {
		title = a.GetRule().GetName()
	}
	if tactic := tacticName(m); tactic != "" {
		title = tactic + ": " + title
	}
	return shown(title, maxCategory)
}

// description is what the rule says, and what it said this time. That nobody could say that the alert is from where it says
// stands first: a forged one may name any cluster, and looks like any other.
func description(a *alert.Alert) string {
	var parts []string
	if e := a.GetEnrichment(); e.GetVerification() == alert.Unverified {
		parts = append(parts, "Not verified ("+shown(e.GetVerificationReason(), maxName)+"): whoever may publish alerts may have made this up.")
	}
	for _, part := range []string{lines(a.GetRule().GetDescription(), maxText/2), shown(a.GetOutput(), maxText/2)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return clip(strings.Join(parts, "\n\n"), maxText)
}

// link is the first of the alert's that leads somewhere; the API wants a well-formed address or none.
func link(a *alert.Alert) string {
	for _, l := range a.GetEnrichment().GetLinks() {
		if u := address(l); u != "" {
			return u
		}
	}
	return ""
}

// address is a link's, "" if it is none that a browser should follow.
func address(l *alert.Link) string {
	u, err := url.Parse(l.GetUrl())
	if err != nil || u.Scheme != "https" || u.Host == "" || len(l.GetUrl()) > maxText {
		return ""
	}
	return u.String()
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// access names the node's user that acted; the rest of it is for callers of Google's APIs.
func access(a *alert.Alert) *pb.Access {
	name := a.GetProcess().GetUserName()
	if name == "" {
		return nil
	}
	return &pb.Access{UserName: shown(name, maxName)}
}
