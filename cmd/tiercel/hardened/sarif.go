package hardened

import (
	"io"
	"net/url"
	"strings"

	"tiercel.dev/internal/posture"
)

// SARIF 2.1.0, as far as it is used.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID         string         `json:"id"`
		Name       string         `json:"name"`
		Short      sarifText      `json:"shortDescription"`
		Full       sarifText      `json:"fullDescription"`
		HelpURI    string         `json:"helpUri,omitempty"`
		Default    sarifLevel     `json:"defaultConfiguration"`
		Properties map[string]any `json:"properties,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    *int              `json:"ruleIndex,omitempty"`
		Kind         string            `json:"kind"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Suppressions []sarifSuppressed `json:"suppressions,omitempty"`
		Properties   map[string]any    `json:"properties,omitempty"`
	}
	sarifLocation struct {
		// Physical is what GitHub shows: it takes no result without, so the cluster is the file.
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifLogical struct {
		Name     string `json:"name"`
		FullName string `json:"fullyQualifiedName"`
		Kind     string `json:"kind"`
	}
	sarifSuppressed struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	about       = "https://tiercel.dev"
)

// SARIF writes the report for code scanning. What could not be found out is open, and what could not be read a notification of a
// run that was not successful.
func (r *Report) SARIF(w io.Writer) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}, Tool: sarifTool{Driver: sarifDriver{
		Name: "tiercel harden", Version: r.Version, InformationURI: about, Rules: []sarifRule{},
	}}}
	index := map[string]int{}
	for i, c := range r.Checks {
		index[c.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(c))
	}
	invocation := sarifInvocation{Successful: r.Complete()}
	gaps := r.Gaps
	for _, c := range r.Clusters {
		for _, result := range c.Results {
			out := r.sarifResult(result)
			if i, ok := index[result.Check]; ok {
				out.RuleIndex = &i
			}
			run.Results = append(run.Results, out)
		}
		gaps = append(gaps[:len(gaps):len(gaps)], c.Gaps...)
	}
	for _, g := range gaps {
		level := "error"
		if g.Withheld {
			level = "note"
		}
		invocation.Notifications = append(invocation.Notifications, sarifNotification{Level: level, Message: sarifText{g.Part + ": " + g.Call + ": " + g.Error}})
	}
	run.Invocations = []sarifInvocation{invocation}
	return encode(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifRuleOf(c posture.Check) sarifRule {
	tags := []string{"security", "gke"}
	for _, b := range c.Benchmarks {
		for _, id := range b.IDs {
			tags = append(tags, strings.TrimSpace(b.Standard+" "+b.Version)+": "+id)
		}
	}
	return sarifRule{
		ID: c.ID, Name: c.Category, Short: sarifText{c.Title}, Full: sarifText{c.Why}, HelpURI: c.Link, Default: sarifLevel{level(c.Severity)},
		// What GitHub sorts by, within the bounds that it has for the words.
		Properties: map[string]any{"tags": tags, "security-severity": map[posture.Severity]string{
			posture.Info: "0.1", posture.Low: "3.0", posture.Medium: "5.5", posture.High: "8.0", posture.Critical: "9.5",
		}[c.Severity]},
	}
}

func level(s posture.Severity) string {
	switch {
	case s >= posture.High:
		return "error"
	case s == posture.Medium:
		return "warning"
	}
	return "note"
}

var sarifKinds = map[posture.Verdict]string{
	posture.Fail: "fail", posture.Warn: "fail", posture.Excepted: "fail", posture.Unknown: "open", posture.Pass: "pass", posture.Managed: "pass",
	posture.NA: "notApplicable",
}

func (r *Report) sarifResult(result posture.Result) sarifResult {
	at := result.Resource
	kind := "cluster"
	switch {
	case at.Kind != "":
		kind = at.Kind
	case at.Pool != "":
		kind = "node pool"
	}
	said := result.Reason
	if said == "" {
		said = r.Check(result.Check).Title
	}
	if e := posture.Facts(result.Evidence, "; "); e != "" {
		said += " (" + e + ")"
	}
	out := sarifResult{
		RuleID: result.Check, Kind: sarifKinds[result.Verdict], Level: "none", Message: sarifText{at.String() + ": " + said},
		Locations: []sarifLocation{{
			Physical: sarifPhysical{sarifArtifact{"projects/" + url.PathEscape(at.Project) + "/locations/" + url.PathEscape(at.Location) + "/clusters/" + url.PathEscape(at.Cluster)}},
			Logical:  []sarifLogical{{Name: at.String(), FullName: at.FullName(), Kind: kind}},
		}},
		Fingerprints: map[string]string{"tiercel/v1": result.ID}, Properties: map[string]any{"verdict": result.Verdict},
	}
	if result.Withheld {
		out.Properties["withheld"] = true
	}
	if out.Kind == "fail" { // of all others the level is none
		out.Level = level(r.Severity(result))
	}
	if f := result.Fix; f != nil {
		out.Properties["commands"], out.Properties["disruption"], out.Properties["fix"] = f.Commands, f.Disruption, f.Text
	}
	if e := result.Exception; e != nil {
		out.Suppressions = []sarifSuppressed{{Kind: "external", Status: "accepted", Justification: e.Reason + " (" + e.Owner + ", until " + e.Until + ")"}}
	}
	return out
}
