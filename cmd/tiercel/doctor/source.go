package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/internal/scc"
)

const editsFindings = "roles/securitycenter.findingsEditor"

// examineSource looks where findings go.
func (p *patient) examineSource(ctx context.Context) []Line {
	source := p.settings.source
	switch source {
	case "":
		return nowhere("source")
	case "off":
		l := Line{Name: "source", State: OK, Seen: "scc is off: alerts reach subscribers and the archive, and findings are counted only"}
		if p.TestFinding {
			l.worse(Fail, "there is no source to write a test finding to", "infra/scc-source makes one: docs/deploy.md")
		}
		return []Line{l}
	}
	name, _, _ := strings.Cut(source, "/locations/") // a place is the findings', not the source's
	lines := []Line{p.sourceThere(ctx, name), p.mayWrite(ctx, name)}
	if p.TestFinding {
		lines = append(lines, p.testFinding(ctx, source))
	}
	return lines
}

func (p *patient) sourceThere(ctx context.Context, name string) Line {
	s, err := p.source.GetSource(ctx, &pb.GetSourceRequest{Name: name})
	switch {
	case missing(err):
		return Line{Name: name, State: Fail, Seen: "is not there", Do: "tofu -chdir=infra/scc-source apply, and set scc to its output"}
	case err != nil:
		return p.unseen(name, getSource, err)
	}
	return Line{Name: name, State: OK, Seen: fmt.Sprintf("is there, as %q", s.GetDisplayName())}
}

// mayWrite looks whether each function that writes findings may, by the source's own policy.
func (p *patient) mayWrite(ctx context.Context, name string) Line {
	l := Line{Name: "writers", State: OK}
	policy, err := p.source.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: name})
	if err != nil && !missing(err) {
		return p.unseen(l.Name, sourcePolicy, err)
	}
	may := 0
	var lack, all []string
	for _, f := range p.Expected.Functions {
		if !f.Findings || !p.wanted(f.Needs) {
			continue
		}
		member := "serviceAccount:" + f.Account
		all = append(all, fmt.Sprintf("%q", member))
		if holds(policy, editsFindings, member) {
			may++
		} else {
			lack = append(lack, f.Name)
		}
	}
	l.Seen = fmt.Sprintf("%d functions may write findings", may)
	if len(lack) > 0 {
		l.worse(Fail, strings.Join(lack, ", ")+" may not write findings", fmt.Sprintf("tofu -chdir=infra/scc-source apply -var organization=%s -var 'writers=[%s]'",
			strings.Split(name, "/")[1], strings.Join(all, ", ")))
	}
	return l
}

// testID is the id of the test finding: one and the same, so that a hundred tests are one finding.
const testID = "tiercelDoctorTestFinding"

// testFinding writes a finding that says what it is, and sets it inactive.
func (p *patient) testFinding(ctx context.Context, source string) Line {
	l := Line{Name: "test finding", State: OK, Seen: source + "/findings/" + testID + " was written, and is inactive"}
	now := p.Now()
	f := &pb.Finding{
		Category: "Test of Tiercel", State: pb.Finding_ACTIVE, Severity: pb.Finding_LOW, FindingClass: pb.Finding_OBSERVATION,
		ResourceName: "//cloudresourcemanager.googleapis.com/projects/" + p.Project, EventTime: timestamppb.New(now.Add(-time.Second)),
		Description: "Somebody asked tiercel doctor for a test finding. It says nothing about anything.",
		NextSteps:   "Nothing is to be done: doctor sets it inactive at once.",
	}
	w := scc.NewWriter(p.source, source)
	err := w.Create(ctx, testID, f)
	if err == nil {
		f.State, f.EventTime = pb.Finding_INACTIVE, timestamppb.New(now) // later, and never in the future
		if err = w.Create(ctx, testID, f); err != nil {
			err = fmt.Errorf("it was written, and is still active: %w", err)
		}
	}
	switch {
	case refused(err):
		return p.unseen(l.Name, updateFindings, err)
	case errors.Is(err, scc.ErrRefused):
		l = Line{Name: l.Name, State: Fail, Seen: err.Error(), Do: "see what Security Command Center says"}
	case err != nil:
		l = Line{Name: l.Name, State: Unknown, Seen: err.Error(), Do: "ask again"}
	}
	return l
}
