package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/posture"
)

// day is a day for people.
func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// attached is report.json, the whole of what the mail says.
type attached struct {
	Due        time.Time          `json:"due"`
	Since      time.Time          `json:"since"`
	Run        string             `json:"run"`
	Report     string             `json:"report"`
	Score      posture.Score      `json:"score"`
	Incomplete int                `json:"incomplete"`
	Deadlines  []posture.Deadline `json:"deadlines"`
	Changes    map[string][]row   `json:"changes"`
	Checks     []posture.Check    `json:"checks"`
	Clusters   []posture.Cluster  `json:"clusters"`
	Absent     []posture.Resource `json:"absent"`
	Upgrades   []posture.Upgrade  `json:"upgrades"`
	Rotations  []posture.Rotation `json:"rotations"`
	Alerts     any                `json:"alerts"`
	Problems   []string           `json:"problems"`
}

type row struct {
	posture.Result
	First time.Time `json:"first"`
	Note  string    `json:"note,omitempty"`
}

// maxAttached bounds one attachment: mail servers take 10 to 25 MB in all.
const maxAttached = 4 << 20

// attachments are for programs and tables. One that is too large for a mail is left out of it: it stands in the bucket.
func (l *letter) attachments() ([]mail.Part, error) {
	a := attached{
		Due: l.Due, Since: l.Since, Run: l.in.Run.String(), Report: l.Audience.Name, Score: l.in.scoreOf(l.in.Clusters), Incomplete: l.Incomplete,
		Deadlines: l.Deadlines, Changes: map[string][]row{}, Checks: l.in.Manifest.Checks, Clusters: l.in.Clusters, Absent: l.in.Absent,
		Upgrades: l.in.Upgrades, Rotations: l.in.Rotations, Alerts: l.in.Alerts, Problems: l.in.Problems,
	}
	lists := l.lists()
	for _, name := range listNames {
		for _, c := range lists[name] {
			a.Changes[name] = append(a.Changes[name], row{c.Result, c.First, c.Note})
		}
	}
	var parts []mail.Part
	data, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if len(data) <= maxAttached {
		parts = append(parts, mail.Part{Name: "report.json", Type: "application/json", Data: alert.EscapeJSON(data)})
	}
	table, err := l.table(lists)
	if err != nil {
		return nil, err
	}
	return append(parts, mail.Part{Name: "findings.csv", Type: "text/csv", Data: table}), nil
}

// listNames are the lists of a difference, in the order of the table.
var listNames = []string{"new", "regressed", "open", "unverified", "fixed", "accepted", "gone"}

func (l *letter) lists() map[string][]posture.Change {
	return map[string][]posture.Change{
		"new": l.Diff.New, "regressed": l.Diff.Regressed, "open": l.Diff.Open, "unverified": l.Diff.Unverified, "fixed": l.Diff.Fixed,
		"accepted": l.Diff.Accepted, "gone": l.Diff.Gone,
	}
}

// table is findings.csv, cut where a mail would be too large.
func (l *letter) table(lists map[string][]posture.Change) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{
		"status", "severity", "check", "title", "project", "location", "cluster", "pool", "kind", "namespace", "name", "since", "evidence", "note", "command", "id",
	}}
	for _, name := range listNames {
		for _, c := range lists[name] {
			r := c.Resource
			fix := ""
			if c.Fix != nil {
				fix = strings.Join(c.Fix.Commands, "\n")
			}
			rows = append(rows, []string{
				name, c.Severity.String(), c.Check, l.in.check(c.Check).Title, r.Project, r.Location, r.Cluster, r.Pool, r.Kind, r.Namespace, r.Name,
				c.First.UTC().Format(time.DateOnly), posture.Facts(c.Evidence, "; "), c.Note, fix, c.ID,
			})
		}
	}
	for _, each := range rows {
		for i := range each {
			each[i] = posture.Cell(each[i])
		}
		if err := w.Write(each); err != nil {
			return nil, err
		}
		if w.Flush(); b.Len() > maxAttached {
			break
		}
	}
	return b.Bytes(), w.Error()
}
