package report

import (
	netmail "net/mail"
	"path"
	"regexp"
	"slices"
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

// ReadSettings reads the YAML. Its error is a [source.Errors], with file, line and column of each thing that is wrong.
func ReadSettings(name string, data []byte) (Settings, error) {
	var errs source.Errors
	r := &reader{Reader: source.NewReader(source.File{Name: name, Data: data}, &errs), s: Settings{Weekly: monday}}
	if top := r.Root(); top != nil {
		r.top(top)
	}
	if err := errs.Err(); err != nil {
		return Settings{}, err
	}
	return r.s, nil
}

type reader struct {
	*source.Reader
	s Settings
}

func (r *reader) top(n *yaml.Node) {
	keys := r.Keys(n, "the settings", "from", "weekly", "notices", "reports")
	if from := r.OneLine(n, keys, "from", "the file"); from != "" {
		r.s.From = r.address(keys["from"], from)
	}
	if keys["weekly"] != nil {
		r.weekly(keys["weekly"], r.OneLine(n, keys, "weekly", "the file"))
	}
	if keys["notices"] != nil {
		r.s.Notices = r.addresses(keys["notices"], "notices")
	}
	if keys["reports"] == nil {
		r.Fail(n, "the file has no reports")
	} else if r.Is(keys["reports"], yaml.SequenceNode, "reports") {
		for _, each := range keys["reports"].Content {
			if r.Is(each, yaml.MappingNode, "a report") {
				r.s.Reports = append(r.s.Reports, r.audience(each))
			}
		}
	}
}

func (r *reader) address(n *yaml.Node, text string) mail.Address {
	a, err := netmail.ParseAddress(text)
	if err != nil {
		r.Fail(n, "%s is no mail address: %v", source.Quote(text), err)
		return mail.Address{}
	}
	return *a
}

func (r *reader) addresses(n *yaml.Node, what string) (all []mail.Address) {
	for i, text := range r.TextList(n, what) {
		all = append(all, r.address(n.Content[min(i, len(n.Content)-1)], text))
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.Fail(n, "%s is empty", what)
	}
	return all
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (r *reader) audience(n *yaml.Node) (a Audience) {
	keys := r.Keys(n, "a report", "name", "to", "clusters", "namespaces")
	a.Name = r.OneLine(n, keys, "name", "a report")
	if a.Name != "" && !nameForm.MatchString(a.Name) {
		r.Fail(keys["name"], "%s is not of lower-case letters, digits and hyphens, at most 40", source.Quote(a.Name))
	}
	if slices.ContainsFunc(r.s.Reports, func(b Audience) bool { return b.Name == a.Name }) {
		r.Fail(keys["name"], "another report has the name %s", source.Quote(a.Name))
	}
	if keys["to"] == nil {
		r.Fail(n, "a report has no to")
	} else {
		a.To = r.addresses(keys["to"], "to")
	}
	if labels := keys["clusters"]; labels != nil && r.Is(labels, yaml.MappingNode, "clusters") {
		a.Clusters = map[string]string{}
		r.Pairs(labels, func(key, value *yaml.Node) {
			if text, ok := r.Text(value, "a label's value"); ok {
				a.Clusters[key.Value] = text
			}
		})
	}
	if keys["namespaces"] != nil {
		a.Namespaces = r.TextList(keys["namespaces"], "namespaces")
	}
	for i, pattern := range a.Namespaces {
		if _, err := path.Match(pattern, ""); err != nil {
			r.Fail(keys["namespaces"].Content[i], "%s is no pattern: %v", source.Quote(pattern), err)
		}
	}
	return a
}

// weekly reads "monday 07:00 Europe/Berlin"; without a zone it is UTC.
func (r *reader) weekly(n *yaml.Node, text string) {
	words := strings.Fields(text)
	if len(words) == 2 || len(words) == 3 {
		zone := time.UTC
		at, err := time.Parse("15:04", words[1])
		if len(words) == 3 && err == nil {
			zone, err = time.LoadLocation(words[2])
		}
		for day := time.Sunday; day <= time.Saturday && err == nil; day++ {
			if strings.EqualFold(day.String(), words[0]) {
				r.s.Weekly = Weekly{day, at.Hour(), at.Minute(), zone}
				return
			}
		}
	}
	r.Fail(n, "%s is not of the form monday 07:00 Europe/Berlin", source.Quote(text))
}
