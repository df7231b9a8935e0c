package scc

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/console"
	"tiercel.dev/internal/posture"
)

// A Posture is what a finding of a hardening check is made of.
type Posture struct {
	Result posture.Result
	Check  posture.Check
	// Subjects are the principals whom the result's role binding binds, or the principal whom it is about; nil for what is neither,
	// and where nobody knows.
	Subjects []posture.Principal
	// Since is when the check was first seen to fail.
	Since time.Time
}

// Open reports whether the verdict is one for which an active finding stands. INFO is below what Security Command Center has.
func (p Posture) Open() bool {
	v := p.Result.Verdict
	return (v == posture.Fail || v == posture.Warn) && p.Severity() >= posture.Low
}

// Severity is the result's, or what its check says of a failure.
func (p Posture) Severity() posture.Severity {
	if p.Result.Severity != 0 {
		return p.Result.Severity
	}
	return p.Check.Severity
}

// postureForm is raised when [PostureFinding] says something else of the same: then all are written once more.
const postureForm = 2

// Hash is of all that the finding says but times: as long as it is the same there is nothing to write. Of a time that is counted in
// the reason ("in 36 days") it is written anew when half of it is over: each day would be a write a day, and the day itself stands
// in the evidence.
func (p Posture) Hash() string {
	h := sha256.New()
	p.Since = time.Time{}
	p.Result.Reason = countedTime.ReplaceAllStringFunc(p.Result.Reason, func(span string) string {
		n, unit, _ := strings.Cut(span, " ")
		count, _ := strconv.ParseUint(n, 10, 63) // beyond that it is the largest
		return strconv.Itoa(bits.Len64(count)) + " " + unit
	})
	if err := json.NewEncoder(h).Encode([]any{postureForm, p}); err != nil {
		panic(err) // texts and numbers alone
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

var countedTime = regexp.MustCompile(`[0-9]+ (days?|hours?|minutes?)\b`)

var postureSeverities = map[posture.Severity]pb.Finding_Severity{
	posture.Low: pb.Finding_LOW, posture.Medium: pb.Finding_MEDIUM, posture.High: pb.Finding_HIGH, posture.Critical: pb.Finding_CRITICAL,
}

// PostureFinding is what a check that fails looks like in Security Command Center, without its name; its id is the result's.
func PostureFinding(p Posture, now time.Time) *pb.Finding {
	r := p.Result
	f := &pb.Finding{
		ResourceName: shown(r.Resource.FullName(), maxText),
		State:        pb.Finding_ACTIVE,
		Category:     shown(p.Check.Category, maxCategory),
		ExternalUri:  console.Page(r.Resource),
		EventTime:    timestamppb.New(now),
		Severity:     postureSeverities[p.Severity()],
		FindingClass: pb.Finding_MISCONFIGURATION,
		Compliances:  compliances(p.Check.Benchmarks),
		Kubernetes:   postureObjects(p),
		IamBindings:  iamBindings(p),
		ModuleName:   "tiercel-" + strings.ToLower(shown(p.Check.ID, maxName)),
		Description:  postureText(p),
		NextSteps:    postureSteps(r.Fix, p.Check.Link),
	}
	properties := make(properties)
	properties.posture(p)
	f.SourceProperties = properties
	fit(f)
	return f
}

// PostureEnd is what ends a finding: why it is no failure any more. What else it says stays, for who looks back.
func PostureEnd(of Posture, why string, now time.Time) *pb.Finding {
	r, p := of.Result, make(properties)
	p.text("verdict", string(r.Verdict))
	p.text("ended", alert.Time(now.UnixNano()))
	p.text("ended_because", why)
	p.exception(r.Exception)
	return &pb.Finding{
		ResourceName: shown(r.Resource.FullName(), maxText), Category: shown(of.Check.Category, maxCategory), State: pb.Finding_INACTIVE,
		FindingClass: pb.Finding_MISCONFIGURATION, EventTime: timestamppb.New(now), SourceProperties: p,
	}
}

func compliances(all []posture.Benchmark) (out []*pb.Compliance) {
	for _, b := range all {
		out = append(out, &pb.Compliance{Standard: shown(b.Standard, maxName), Version: shown(b.Version, maxName), Ids: b.IDs})
	}
	return out
}

// postureText is what is asked, why, and what was found.
func postureText(p Posture) string {
	parts := []string{shown(p.Check.Title, maxText/4) + ".", lines(p.Check.Why, maxText/2)}
	if p.Result.Reason != "" {
		parts = append(parts, shown(p.Result.Reason, maxText/4))
	}
	parts = append(parts, evidence(p.Result.Evidence, maxText))
	return clip(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n\n"), maxText)
}

// evidence is a line for each fact.
func evidence(all []posture.Evidence, n int) string {
	var b strings.Builder
	for i, e := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(shown(e.Path, maxName) + " = " + shown(e.Value, maxName))
	}
	return clip(b.String(), n)
}

func postureSteps(fix *posture.Fix, link string) string {
	var steps []string
	if fix != nil {
		for _, c := range fix.Commands {
			steps = append(steps, shown(c, maxText))
		}
		if fix.Text != "" {
			steps = append(steps, lines(fix.Text, maxText))
		}
		if fix.Disruption != "" && fix.Disruption != "none" {
			steps = append(steps, "Note: "+shown(fix.Disruption, maxName)+".")
		}
		link = first(fix.Link, link)
	}
	if link != "" {
		steps = append(steps, shown(link, maxText))
	}
	return clip(strings.Join(steps, "\n"), maxText)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (p properties) posture(from Posture) {
	r := from.Result
	p.text("check", from.Check.ID)
	p.text("verdict", string(r.Verdict))
	p.text("resource", r.Resource.String())
	p.text("evidence", evidence(r.Evidence, maxValue))
	p.text("reason", r.Reason)
	if len(r.Evidence) == 1 { // what a search can be for
		p.text("evidence_path", r.Evidence[0].Path)
		p.text("evidence_value", r.Evidence[0].Value)
	}
	if r.Fix != nil {
		p.text("disruption", r.Fix.Disruption)
	}
	if !from.Since.IsZero() {
		p.text("first_seen", alert.Time(from.Since.UnixNano()))
	}
	p.exception(r.Exception)
}

func (p properties) exception(e *posture.Exception) {
	if e == nil {
		return
	}
	p.text("exception_reason", e.Reason)
	p.text("exception_owner", e.Owner)
	p.text("exception_until", e.Until)
}
