package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"reflect"
	"slices"
	"strings"

	"tiercel.dev/alert"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/posture"
)

// maxHTML is how long the HTML may be: Gmail cuts at 102 KB, and what passes mail on adds some.
const maxHTML = 92_000

// A limit is how much of each list is shown. The whole stands in report.json and findings.csv.
type limit struct {
	Deadlines, Changes, Clusters, Findings, Each, Upgrades, Bulletins, Rotations, Alerts, Exceptions, Unknowns, Names, Text, Command int
}

var whole = limit{
	Deadlines: 12, Changes: 12, Clusters: 30, Findings: 8, Each: 2, Upgrades: 12, Bulletins: 6, Rotations: 8, Alerts: 15, Exceptions: 12,
	Unknowns: 10, Names: 8, Text: 240, Command: 600,
}

// tighter is for a mail that was too long.
func (l limit) tighter() limit {
	v := reflect.ValueOf(&l).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(max(v.Field(i).Int()*5/6, 1))
	}
	return l
}

// page is a letter with how it is shown.
type page struct {
	*letter
	Limit    limit
	Pictures []mail.Part
	Repeat   bool
	Foot     string
}

//go:embed report.tmpl
var reportText string

var reportHTML = template.Must(template.Must(mail.Layout(template.FuncMap{
	"first": first, "more": more, "has": has, "upper": strings.ToUpper, "plural": plural, "gap": func(g posture.Gap) string { return alert.Escape(gap(g)) },
	"rank":       func(s posture.Severity) int { return int(s) },
	"severities": func() []posture.Severity { return severities },
	"changes":    changesOf,
	"wrapped":    func(p *page, s string) string { return wrapped(command(s, p.Limit.Command)) },
	"value":      func(s string) string { return cmp.Or(s, "(empty)") },
	"cut":        func(p *page, s string) string { return cut(s, p.Limit.Text) },
	"command":    func(p *page, s string) string { return command(s, p.Limit.Command) },
	"names":      func(p *page, list []string) string { return names(list, p.Limit.Names) },
	"resources":  func(p *page, list []posture.Resource) string { return names(said(list), p.Limit.Names) },
})).Parse(reportText))

// html is the letter for mail clients, as much of it as they show whole.
func (l *letter) html(pictures []mail.Part, repeat bool) ([]byte, error) {
	p := &page{letter: l, Limit: whole, Pictures: pictures, Repeat: repeat, Foot: l.foot()}
	for {
		var b bytes.Buffer
		if err := reportHTML.ExecuteTemplate(&b, "report", p); err != nil {
			return nil, err
		}
		tighter := p.Limit.tighter()
		if b.Len() <= maxHTML || tighter == p.Limit {
			return b.Bytes(), nil
		}
		p.Limit = tighter
	}
}

// changes are a list of a difference by check.
type changes struct {
	Letter  *page
	Title   string
	Settled bool // nothing is to be done about them
	Count   int
	List    []change
}

type change struct {
	Check, Title, Note string
	Severity           posture.Severity
	Places             []string
}

func changesOf(p *page, title string, settled bool, list []posture.Change) changes {
	return changes{p, title, settled, len(list), p.grouped(list)}
}

// grouped joins changes of one check, as bad, for one reason, in the order of the list.
func (l *letter) grouped(list []posture.Change) (all []change) {
	for _, c := range list {
		i := slices.IndexFunc(all, func(o change) bool { return o.Check == c.Check && o.Severity == c.Severity && o.Note == c.Note })
		if i < 0 {
			i = len(all)
			all = append(all, change{Check: c.Check, Title: l.in.check(c.Check).Title, Note: c.Note, Severity: c.Severity})
		}
		all[i].Places = append(all[i].Places, c.Resource.String())
	}
	return all
}

// commandWidth is where a command's line is continued in the next, before a browser breaks it behind a hyphen.
const commandWidth = 70

// wrapped has a long command on several lines, as a shell takes it. One with quotes stays as it is.
func wrapped(s string) string {
	if len(s) <= commandWidth || strings.ContainsAny(s, `'"\#`) {
		return s
	}
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(s) {
		switch {
		case column == 0:
		case column+1+len(word) > commandWidth-2:
			b.WriteString(" \\\n  ")
			column = 2
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// first is as much of a list as is shown.
func first(n int, list any) any {
	v := reflect.ValueOf(list)
	return v.Slice(0, min(n, v.Len())).Interface()
}

// more says how much of a list is not shown.
func more(n int, list any, what string) string {
	if over := reflect.ValueOf(list).Len() - n; over > 0 {
		return fmt.Sprintf("And %d more %s, in the attached files.", over, what)
	}
	return ""
}

func has(pictures []mail.Part, name string) bool {
	return slices.ContainsFunc(pictures, func(p mail.Part) bool { return p.Name == name })
}

// cut is the head of a text, with what cannot be seen made visible.
func cut(s string, n int) string {
	runes := []rune(alert.Escape(s))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n]) + "…"
}

// command is a command to be copied: whole, or not at all.
func command(s string, n int) string {
	if s = alert.Escape(s); len([]rune(s)) > n {
		return "# too long for a mail: see report.json"
	}
	return s
}

func said(list []posture.Resource) (texts []string) {
	for _, r := range list {
		texts = append(texts, r.String())
	}
	return texts
}

func names(list []string, n int) string {
	shown := strings.Join(first(n, list).([]string), ", ")
	if over := len(list) - n; over > 0 {
		shown += fmt.Sprintf(" and %d more", over)
	}
	return cut(shown, 60*n)
}

// TrendText are the scores in words, for who sees no picture.
func (l *letter) TrendText() string {
	var all []string
	for _, p := range l.Trend {
		all = append(all, fmt.Sprintf("%.0f (%s)", p.Value, p.Time.UTC().Format("2 Jan")))
	}
	return strings.Join(all, ", ")
}

// Unknown is how many verdicts nobody could reach, who should have.
func (l *letter) Unknown() int { return l.Counts[posture.Unknown] - l.Withheld }

// Known reports whether a function has left records.
func (l *letter) Known(what string) bool {
	if what == "upgrade" {
		return len(l.in.Upgrades) > 0
	}
	return len(l.in.Rotations) > 0
}

// Problems are what of the report's own input could not be read.
func (l *letter) Problems() []string { return l.in.Problems }

// Quiet says that nothing changed, if so.
func (l *letter) Quiet() string {
	d := l.Diff
	if len(d.New)+len(d.Regressed)+len(d.Fixed)+len(d.Unverified)+len(d.Accepted)+len(d.Gone)+len(d.Appeared)+len(d.Vanished) > 0 {
		return ""
	}
	return "Nothing."
}

// Verdicts counts them in a sentence.
func (l *letter) Verdicts() string {
	var all []string
	total := 0
	for _, v := range posture.Verdicts {
		total += l.Counts[v]
		if n := l.Counts[v]; n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, v))
			if v == posture.Unknown && l.Withheld > 0 {
				all[len(all)-1] += fmt.Sprintf(" (%d on purpose)", l.Withheld)
			}
		}
	}
	return fmt.Sprintf("%s of %s in %s: %s. Weights of the score: CRITICAL %g, HIGH %g, MEDIUM %g, LOW %g; WARN counts half; UNKNOWN, EXCEPTED, MANAGED and N/A are in neither part.",
		plural(total, "verdict"), plural(len(l.in.Checks), "check"), plural(len(l.in.Clusters), "cluster"), strings.Join(all, ", "),
		posture.Weights[posture.Critical], posture.Weights[posture.High], posture.Weights[posture.Medium], posture.Weights[posture.Low])
}

func (l *letter) foot() string {
	set := "unknown"
	if len(l.in.Clusters) > 0 && l.in.Clusters[0].RunSet != "" {
		set = l.in.Clusters[0].RunSet[:min(12, len(l.in.Clusters[0].RunSet))]
	}
	version := l.in.Version
	if version == "" {
		version = "of no version"
	}
	return fmt.Sprintf("Run %s · checks %s · Tiercel %s · report %q. Who gets it stands in %s of the bucket. Whole and for programs: report.json, findings.csv.",
		l.in.Run, set, version, l.Audience.Name, SettingsName)
}
