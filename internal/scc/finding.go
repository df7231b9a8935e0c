package scc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
)

// Our own bounds: the API documents none for these, and takes 500 MB of findings a day. What was cut says so.
const (
	maxCategory  = 255
	maxText      = 2 << 10 // description, next steps
	maxProcesses = 16
	maxArgs      = 128
	maxValue     = 4 << 10
	maxFinding   = 32 << 10
)

// Counted is what is known of all alerts of one finding together.
type Counted struct {
	Events      uint64 // an alert stands for itself and those it suppressed
	First, Last time.Time
}

// ID is the finding's, 32 hexadecimal digits: the same for each repeat of the same thing in the same cluster.
func ID(a *alert.Alert) string {
	h := sha256.New()
	for _, part := range []string{clusterOf(a), a.GetIdentity()} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// clusterOf tells clusters apart: the id that a cluster keeps even if another takes its name, else the names.
func clusterOf(a *alert.Alert) string {
	if uid := a.GetEnrichment().GetClusterUid(); uid != "" {
		return uid
	}
	c := a.GetCluster()
	return c.GetProject() + "/" + c.GetLocation() + "/" + c.GetName()
}

// Finding is what an alert looks like in Security Command Center, without its name. now bounds its event time: the API refuses
// times to come, and nodes' clocks are wrong now and then.
func Finding(a *alert.Alert, n Counted, now time.Time) *pb.Finding {
	m := attack(a.GetRule().GetAttack())
	f := &pb.Finding{
		ResourceName:     resource(a),
		State:            pb.Finding_ACTIVE,
		Category:         category(a, m),
		ExternalUri:      link(a),
		EventTime:        timestamppb.New(earlier(n.Last, now)),
		Severity:         severities[a.GetSeverity()],
		FindingClass:     pb.Finding_THREAT,
		MitreAttack:      m,
		Access:           access(a),
		Connections:      connections(a.GetConnection()),
		Processes:        processes(a),
		Files:            files(a.GetFiles()),
		Containers:       containers(a),
		Kubernetes:       kubernetes(a),
		Description:      clip(a.GetRule().GetDescription(), maxText),
		NextSteps:        clip(a.GetEnrichment().GetNextSteps(), maxText),
		SourceProperties: properties(a, n),
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
	return clip(title, maxCategory)
}

// link is the first of the alert's that leads somewhere; the API wants a well-formed address or none.
func link(a *alert.Alert) string {
	for _, l := range a.GetEnrichment().GetLinks() {
		if strings.HasPrefix(l.GetUrl(), "https://") {
			return l.Url
		}
	}
	return ""
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// clip cuts text to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// access names the node's user that acted; the rest of it is for callers of Google's APIs.
func access(a *alert.Alert) *pb.Access {
	name := a.GetProcess().GetUserName()
	if name == "" || name == "<NA>" {
		return nil
	}
	return &pb.Access{UserName: clip(name, maxCategory)}
}

// fit drops the least telling parts, one after the other, until the finding is within its bound.
func fit(f *pb.Finding) {
	for _, drop := range []func(){
		func() { f.Processes = f.Processes[:min(len(f.Processes), 4)] },
		func() { cutArgs(f, 16) },
		func() { f.Files = f.Files[:min(len(f.Files), 4)] },
		func() { dropLabels(f) },
		func() { cutArgs(f, 0) },
		func() { f.Processes = f.Processes[:min(len(f.Processes), 1)] },
	} {
		if proto.Size(f) <= maxFinding {
			return
		}
		f.SourceProperties["finding_truncated"] = boolean(true)
		drop()
	}
}

func cutArgs(f *pb.Finding, n int) {
	for _, p := range f.Processes {
		if len(p.Args) > n {
			p.Args, p.ArgumentsTruncated = p.Args[:n], true
		}
		if len(p.EnvVariables) > n {
			p.EnvVariables, p.EnvVariablesTruncated = p.EnvVariables[:n], true
		}
	}
}

func dropLabels(f *pb.Finding) {
	for _, c := range f.Containers {
		c.Labels = nil
	}
	for _, p := range f.GetKubernetes().GetPods() {
		p.Labels = nil
		for _, c := range p.Containers {
			c.Labels = nil
		}
	}
}
