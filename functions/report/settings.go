package report

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"path"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // an image may have none

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/mail"
	"tiercel.dev/rules/source"
)

// SettingsName is the object that says who gets reports.
const SettingsName = "report/settings.yaml"

// Settings say who gets what, and when.
type Settings struct {
	From    mail.Address
	Weekly  Weekly
	Notices []mail.Address // who gets notices of rotations, upgrades and missed reports
	Reports []Audience
}

// An Audience is who gets one report, and about what: all, or what is a team's.
type Audience struct {
	Name string
	To   []mail.Address
	// Clusters are labels that a cluster must have, and Namespaces patterns (path.Match) of which one must match; none for all. With
	// namespaces a report has only what is in one of them.
	Clusters   map[string]string
	Namespaces []string
}

// Weekly is a time of each week.
type Weekly struct {
	Day          time.Weekday
	Hour, Minute int
	Zone         *time.Location
}

// Last is the newest such time that is not after now.
func (w Weekly) Last(now time.Time) time.Time {
	now = now.In(w.Zone)
	back := (int(now.Weekday()) - int(w.Day) + 7) % 7
	at := time.Date(now.Year(), now.Month(), now.Day()-back, w.Hour, w.Minute, 0, 0, w.Zone)
	if at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()-back-7, w.Hour, w.Minute, 0, 0, w.Zone)
	}
	return at.UTC()
}

// monday is when reports come if nothing else is said.
var monday = Weekly{Day: time.Monday, Hour: 7, Zone: time.UTC}

// ReadSettings reads the YAML; an error names each place that is wrong.
func ReadSettings(file source.File) (Settings, error) {
	r := &settingsReader{lines: source.NewLines(file)}
	s := Settings{Weekly: monday}
	if err := file.Check(); err != nil {
		return s, fmt.Errorf("%s: %w", file.Name, err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(file.Data, &doc); err != nil {
		return s, r.lines.SyntaxError(err)
	}
	if len(doc.Content) == 0 {
		return s, r.lines.Error(source.Position{File: file.Name, Line: 1, Column: 1}, "is empty; from and reports are needed")
	}
	root := doc.Content[0]
	r.fields(root, map[string]func(*yaml.Node){
		"from":    func(n *yaml.Node) { s.From = r.address(n) },
		"weekly":  func(n *yaml.Node) { s.Weekly = r.weekly(n) },
		"notices": func(n *yaml.Node) { s.Notices = r.addresses(n) },
		"reports": func(n *yaml.Node) {
			for _, each := range r.list(n) {
				s.Reports = append(s.Reports, r.audience(each, s.Reports))
			}
		},
	}, "from", "reports")
	return s, errors.Join(r.errs...)
}

type settingsReader struct {
	lines *source.Lines
	errs  []error
}

func (r *settingsReader) wrong(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, r.lines.Error(r.lines.Position(n), fmt.Sprintf(format, args...)))
}

// fields reads a mapping whose keys are known.
func (r *settingsReader) fields(n *yaml.Node, known map[string]func(*yaml.Node), needed ...string) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "must be a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		read, ok := known[key.Value]
		switch {
		case !ok:
			r.wrong(key, "unknown key %q", key.Value)
		case seen[key.Value]:
			r.wrong(key, "%q is there twice", key.Value)
		default:
			read(n.Content[i+1])
		}
		seen[key.Value] = true
	}
	for _, key := range needed {
		if !seen[key] {
			r.wrong(n, "%q is missing", key)
		}
	}
}

func (r *settingsReader) list(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.wrong(n, "must be a list with something in it")
		return nil
	}
	return n.Content
}

func (r *settingsReader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		r.wrong(n, "must be a text")
		return ""
	}
	return n.Value
}

func (r *settingsReader) address(n *yaml.Node) mail.Address {
	text := r.text(n)
	if text == "" {
		return mail.Address{}
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		r.wrong(n, "%q is no mail address: %v", text, err)
		return mail.Address{}
	}
	return *a
}

func (r *settingsReader) addresses(n *yaml.Node) (all []mail.Address) {
	for _, each := range r.list(n) {
		all = append(all, r.address(each))
	}
	return all
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (r *settingsReader) audience(n *yaml.Node, before []Audience) (a Audience) {
	r.fields(n, map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) {
			if a.Name = r.text(n); !nameForm.MatchString(a.Name) {
				r.wrong(n, "%q is not of lower-case letters, digits and hyphens, at most 40", a.Name)
			}
			for _, b := range before {
				if b.Name == a.Name {
					r.wrong(n, "another report has the name %q", a.Name)
				}
			}
		},
		"to": func(n *yaml.Node) { a.To = r.addresses(n) },
		"clusters": func(n *yaml.Node) {
			if err := n.Decode(&a.Clusters); err != nil || len(a.Clusters) == 0 {
				r.wrong(n, "must be labels with their values")
			}
		},
		"namespaces": func(n *yaml.Node) {
			for _, each := range r.list(n) {
				pattern := r.text(each)
				if _, err := path.Match(pattern, ""); err != nil {
					r.wrong(each, "%q is no pattern: %v", pattern, err)
				}
				a.Namespaces = append(a.Namespaces, pattern)
			}
		},
	}, "name", "to")
	return a
}

// weekly reads "monday 07:00 Europe/Berlin"; without a zone it is UTC.
func (r *settingsReader) weekly(n *yaml.Node) Weekly {
	words := strings.Fields(r.text(n))
	w := monday
	if len(words) == 2 || len(words) == 3 {
		at, err := time.Parse("15:04", words[1])
		if len(words) == 3 && err == nil {
			w.Zone, err = time.LoadLocation(words[2])
		}
		for day := time.Sunday; day <= time.Saturday && err == nil; day++ {
			if strings.EqualFold(day.String(), words[0]) {
				w.Day, w.Hour, w.Minute = day, at.Hour(), at.Minute()
				return w
			}
		}
	}
	r.wrong(n, "%q is not of the form monday 07:00 Europe/Berlin", n.Value)
	return monday
}
