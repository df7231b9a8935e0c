// Package hardened writes what hardening checks came to: as JSON for scripts, SARIF for code scanning, JUnit for build servers, CSV
// for spreadsheets. Names in clusters are their makers' choice: each form escapes them in its own way.
package hardened

import (
	"bytes"
	"encoding/json"
	"io"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
)

// A Report is what checks came to about some clusters.
type Report struct {
	Version  string             `json:"version"` // of the program
	Checks   []posture.Check    `json:"checks"`  // in force
	Clusters []*posture.Cluster `json:"clusters"`
	// Gaps are what is missing beside clusters' own: projects that could not be listed.
	Gaps []posture.Gap `json:"gaps"`
}

// Check is the check of that id; one that is not in force has no more than that.
func (r *Report) Check(id string) posture.Check {
	for _, c := range r.Checks {
		if c.ID == id {
			return c
		}
	}
	return posture.Check{ID: id, Title: id}
}

// Severity is a result's, or what its check says of a failure.
func (r *Report) Severity(result posture.Result) posture.Severity {
	if result.Severity != 0 {
		return result.Severity
	}
	return r.Check(result.Check).Severity
}

// Failures counts what fails with a severity of at least that.
func (r *Report) Failures(least posture.Severity) (n int) {
	for _, c := range r.Clusters {
		for _, result := range c.Results {
			if result.Verdict == posture.Fail && r.Severity(result) >= least {
				n++
			}
		}
	}
	return n
}

// Complete reports whether all was read and decided that is not withheld on purpose.
func (r *Report) Complete() bool {
	for _, c := range r.Clusters {
		if !c.Complete() {
			return false
		}
	}
	return len(r.Gaps) == 0
}

// MarshalJSON adds whether the report is complete, which who reads it is not to find out by rules of their own.
func (r *Report) MarshalJSON() ([]byte, error) {
	type fields Report // without this method
	return json.Marshal(struct {
		Complete bool `json:"complete"`
		*fields
	}{r.Complete(), (*fields)(r)})
}

// JSON writes the report as it is.
func (r *Report) JSON(w io.Writer) error { return encode(w, r) }

// encode writes JSON that a terminal may show as it is.
func encode(w io.Writer, v any) error {
	var line, out bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	if err := json.Indent(&out, alert.EscapeJSON(bytes.TrimSuffix(line.Bytes(), []byte("\n"))), "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err := out.WriteTo(w)
	return err
}
