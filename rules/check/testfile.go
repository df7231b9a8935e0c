package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/source"
)

// A Case is what came of one case of a tests file.
type Case struct {
	Name     string
	Check    string
	Position source.Position
	Verdict  posture.Verdict
	// Decided is the place among the check's verdicts that decided, -1 if none did.
	Decided int
	Message string // why it did not pass; "" if it did
}

var caseKeys = []string{"name", "check", "now", "cluster", "pool", "pools", "vars", "sets", "unknown",
	"about", "verdict", "severity", "reason", "evidence", "commands"}

// testNow is when a case is, unless it says.
var testNow = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// RunTests runs a tests file against the set. A file that is wrong itself is an error ([source.Errors]); a case that does not
// come out as it says is a Case with a message.
//
//	cases:
//	  - name: an Ubuntu pool
//	    check: NODE-COS
//	    cluster: {autopilot: {enabled: false}}   # as GKE's API has it; pool or pools: its node pools
//	    pool: {config: {image_type: UBUNTU_CONTAINERD}}
//	    vars: {ca: {not_after: 2027-01-01}}      # other variables
//	    sets: {binding: [{resource: {kind: ClusterRoleBinding, name: x}, value: {…}}]}
//	    unknown: {credentials: container.clusters.getCredentials}  # what could not be read, and the permission
//	    now: 2026-11-28T12:00:00Z
//	    about: pool pool-1                       # which result, if there are several
//	    verdict: FAIL
//	    severity: LOW                            # and so on, each if it matters
//	    reason: part of the sentence
//	    evidence: {pool.config.image_type: UBUNTU_CONTAINERD}
//	    commands: [part of the first command]
func RunTests(ctx context.Context, s *Set, file source.File) ([]Case, error) {
	var errs source.Errors
	f := source.NewReader(file, &errs)
	top := f.Root()
	if top == nil {
		return nil, errs
	}
	list := f.Keys(top, "a tests file", "cases")["cases"]
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		if len(errs) == 0 {
			f.Fail(list, "a tests file has a list of cases")
		}
		return nil, errs
	}
	var cases []Case
	for _, n := range list.Content {
		if f.Is(n, yaml.MappingNode, "a case") {
			cases = append(cases, trial{ctx, s, f, n, f.Keys(n, "a case", caseKeys...)}.run())
		}
	}
	return cases, errs.Err()
}

type trial struct {
	ctx  context.Context
	set  *Set
	f    *source.Reader
	n    *yaml.Node
	keys map[string]*yaml.Node
}

func (t trial) run() Case {
	c := Case{Position: t.f.Position(t.n), Decided: -1}
	c.Name, c.Check = t.f.OneLine(t.n, t.keys, "name", "the case"), t.f.OneLine(t.n, t.keys, "check", "the case")
	verdict := posture.Verdict(t.f.OneLine(t.n, t.keys, "verdict", "the case"))
	checked := t.set.Check(c.Check)
	if checked == nil {
		t.f.Fail(t.n, "there is no check %s", source.Quote(c.Check))
	}
	if !slices.Contains(posture.Verdicts, verdict) {
		t.f.Fail(t.n, "verdict is one of %q", posture.Verdicts)
	}
	now := testNow
	if k := t.keys["now"]; k != nil {
		if err := k.Decode(&now); err != nil {
			t.f.Fail(k, "now is a time: %v", err)
		}
	}
	before := t.f.Errors()
	w := t.world()
	if checked == nil || w == nil || t.f.Errors() > before {
		return c
	}
	sc, err := newScene(t.ctx, w, t.set, now)
	j := judging{scene: sc, err: err, trace: func(_ *Check, i int) { c.Decided = i }}
	r, message := t.about(j.check(checked))
	if message != "" {
		c.Message = message
		return c
	}
	c.Verdict = r.Verdict
	c.Message = strings.Join(t.compare(r, verdict), "; ")
	return c
}

// about picks the result that the case is about.
func (t trial) about(all []posture.Result) (posture.Result, string) {
	about := t.keys["about"]
	var named []string
	for _, r := range all {
		named = append(named, thing(r.Resource))
		if about != nil && thing(r.Resource) == about.Value {
			return r, ""
		}
	}
	if about == nil && len(all) == 1 {
		return all[0], ""
	}
	return posture.Result{}, fmt.Sprintf("results about %q: about says which", named)
}

// compare says what is other than the case has it.
func (t trial) compare(r posture.Result, verdict posture.Verdict) []string {
	var wrong []string
	differs := func(what, got, want string) {
		wrong = append(wrong, fmt.Sprintf("%s is %q, not %q", what, got, want))
	}
	if r.Verdict != verdict {
		differs("verdict", string(r.Verdict)+": "+r.Reason, string(verdict))
	}
	if k := t.keys["severity"]; k != nil && r.Severity.String() != k.Value {
		differs("severity", r.Severity.String(), k.Value)
	}
	if k := t.keys["reason"]; k != nil && !strings.Contains(r.Reason, k.Value) {
		differs("reason", r.Reason, k.Value)
	}
	if k := t.keys["evidence"]; k != nil && t.f.Is(k, yaml.MappingNode, "evidence") {
		t.f.Pairs(k, func(key, value *yaml.Node) {
			if got := evidenceOf(r, key.Value); got != value.Value {
				differs(key.Value, got, value.Value)
			}
		})
	}
	if k := t.keys["commands"]; k != nil {
		want := t.f.TextList(k, "commands")
		var got []string
		if r.Fix != nil {
			got = r.Fix.Commands
		}
		for i, text := range want {
			if i >= len(got) || !strings.Contains(got[i], text) {
				differs(fmt.Sprintf("command %d of %d", i+1, len(got)), strings.Join(got, "; "), text)
			}
		}
		if len(want) == 0 && len(got) > 0 {
			differs("commands", strings.Join(got, "; "), "")
		}
	}
	return wrong
}

func evidenceOf(r posture.Result, path string) string {
	for _, e := range r.Evidence {
		if e.Path == path {
			return e.Value
		}
	}
	return "not among the evidence"
}
