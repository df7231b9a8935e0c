package hardened

import (
	"encoding/csv"
	"io"
	"strings"

	"tiercel.dev/internal/posture"
)

// CSV writes a line for each result (RFC 4180). No cell is a formula to a spreadsheet, whatever a name says.
func (r *Report) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"project", "location", "cluster", "resource", "check", "title", "verdict", "severity", "reason", "evidence", "fix", "disruption",
		"exception_owner", "exception_until"})
	for _, c := range r.Clusters {
		for _, result := range c.Results {
			out.Write(r.row(result))
		}
	}
	out.Flush()
	return out.Error()
}

func (r *Report) row(result posture.Result) []string {
	severity := ""
	switch result.Verdict {
	case posture.Fail, posture.Warn, posture.Excepted:
		severity = r.Severity(result).String()
	}
	at := result.Resource
	row := []string{at.Project, at.Location, at.Cluster, at.String(), result.Check, r.Check(result.Check).Title, string(result.Verdict), severity,
		reason(result), posture.Facts(result.Evidence, "; "), "", "", "", ""}
	if f := result.Fix; f != nil {
		row[10], row[11] = strings.Join(append(f.Commands[:len(f.Commands):len(f.Commands)], text(f)...), "; "), f.Disruption
	}
	if e := result.Exception; e != nil {
		row[12], row[13] = e.Owner, e.Until
	}
	for i := range row {
		row[i] = posture.Cell(row[i])
	}
	return row
}

// reason is the result's; of what is unknown on purpose it says that.
func reason(result posture.Result) string {
	if result.Withheld {
		return "on purpose: " + result.Reason
	}
	return result.Reason
}

func text(f *posture.Fix) (all []string) {
	for _, s := range []string{f.Text, f.Link} {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}
