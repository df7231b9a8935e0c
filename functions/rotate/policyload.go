package rotate

import (
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/objects"
	"tiercel.dev/rules/source"
)

// policy reads the policy. One that is wrong, or cannot be read, is as none: clusters are watched, and nothing is called.
func (t *Rotator) policy(ctx context.Context) (Policy, error) {
	if t.cfg.Policy == "" {
		return Policy{}, nil
	}
	o, err := t.cfg.Store.Get(ctx, t.cfg.Policy)
	if errors.Is(err, objects.ErrNotFound) {
		return Policy{}, nil
	}
	if err != nil {
		return Policy{}, err
	}
	p, err := LoadPolicy(t.cfg.Policy, o.Data)
	if err == nil && p.Guided && t.cfg.Hands == nil {
		p.Guided = false
	}
	return p, err
}

// LoadPolicy reads a policy of rotations from YAML. Its error is a [source.Errors], with file, line and column of each.
func LoadPolicy(name string, data []byte) (Policy, error) {
	var errs source.Errors
	l := loader{Reader: source.NewReader(source.File{Name: name, Data: data}, &errs)}
	if top := l.Root(); top != nil {
		l.top(top)
	}
	if err := errs.Err(); err != nil {
		return Policy{}, err
	}
	return l.p, nil
}

// A loader reads one file into a policy.
type loader struct {
	*source.Reader
	p Policy
}

// each calls read for what a key has, if it is there.
func each(keys map[string]*yaml.Node, reads map[string]func(*yaml.Node)) {
	for key, read := range reads {
		if n := keys[key]; n != nil {
			read(n)
		}
	}
}

func (l *loader) top(n *yaml.Node) {
	keys := l.Keys(n, "the policy", "mode", "clusters", "due", "start", "complete", "approvers", "two_people", "valid_hours", "gcloud_token", "clients")
	each(keys, map[string]func(*yaml.Node){
		"mode":     l.mode,
		"clusters": func(v *yaml.Node) { l.p.Clusters = l.patterns(v) },
		"due":      l.due, "start": l.start,
		"complete": func(v *yaml.Node) {
			if l.Is(v, yaml.MappingNode, "complete") {
				each(l.Keys(v, "complete", "soak_hours"), map[string]func(*yaml.Node){"soak_hours": l.hours("soak_hours", &l.p.Soak)})
			}
		},
		"approvers": l.approvers, "two_people": l.flag("two_people", &l.p.TwoPeople),
		"valid_hours":  l.hours("valid_hours", &l.p.Valid),
		"gcloud_token": l.flag("gcloud_token", &l.p.GcloudTokens),
		"clients":      l.clients,
	})
	switch p := &l.p; {
	case !p.Guided:
	case keys["clusters"] == nil:
		l.Fail(n, "mode guided has clusters")
	case len(p.Approvers) == 0:
		l.Fail(n, "mode guided has approvers")
	case p.TwoPeople && len(p.Approvers) == 1:
		l.Fail(keys["two_people"], "two_people has more than one approver")
	}
}

func (l *loader) mode(n *yaml.Node) {
	switch text, ok := l.Text(n, "mode"); {
	case !ok:
	case text != "guided" && text != "advise":
		l.Fail(n, "mode is advise or guided")
	default:
		l.p.Guided = text == "guided"
	}
}

func (l *loader) flag(what string, to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) { *to, _ = l.Bool(n, what) }
}

// number reads a whole number from 1 on.
func (l *loader) number(n *yaml.Node, what string) int {
	text, ok := l.Text(n, what)
	v, err := strconv.Atoi(text)
	if ok && (err != nil || v < 1 || v > 10_000) {
		l.Fail(n, "%s is a whole number from 1 to 10000", what)
	}
	return v
}

func (l *loader) hours(what string, to *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) { *to = time.Duration(l.number(n, what)) * time.Hour }
}

func (l *loader) list(n *yaml.Node, what string) []*yaml.Node {
	if !l.Is(n, yaml.SequenceNode, what) {
		return nil
	}
	return n.Content
}

func (l *loader) patterns(n *yaml.Node) (all []string) {
	for _, v := range l.list(n, "clusters") {
		text, ok := l.Text(v, "a pattern of clusters")
		_, err := path.Match(text, "")
		if slashes := strings.Count(text, "/"); ok && (err != nil || text == "" || slashes != 0 && slashes != 2) {
			l.Fail(v, "a pattern of clusters is of the name, or of PROJECT/LOCATION/CLUSTER")
		}
		all = append(all, text)
	}
	return all
}

func (l *loader) due(n *yaml.Node) {
	if !l.Is(n, yaml.MappingNode, "due") {
		return
	}
	each(l.Keys(n, "due", "days", "max_age_days"), map[string]func(*yaml.Node){
		"days": func(v *yaml.Node) {
			var days []int
			for _, d := range l.list(v, "days") {
				days = append(days, l.number(d, "a number of days"))
			}
			if len(days) != 3 || days[0] <= days[1] || days[1] <= days[2] {
				l.Fail(v, "days are three, each less than the one before, such as [180, 90, 45]")
				return
			}
			l.p.Days = [3]int(days)
		},
		"max_age_days": func(v *yaml.Node) { l.p.MaxAge = time.Duration(l.number(v, "max_age_days")) * day },
	})
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (l *loader) start(n *yaml.Node) {
	if !l.Is(n, yaml.MappingNode, "start") {
		return
	}
	each(l.Keys(n, "start", "window_hours", "no_go", "freezes"), map[string]func(*yaml.Node){
		"window_hours": l.hours("window_hours", &l.p.Window), "no_go": l.days,
		"freezes": func(v *yaml.Node) {
			for _, f := range l.list(v, "freezes") {
				l.freeze(f)
			}
		},
	})
}

func (l *loader) days(n *yaml.Node) {
	for _, d := range l.list(n, "no_go") {
		text, ok := l.Text(d, "a day")
		i := slices.Index(weekdays, strings.ToLower(text))
		if ok && (i < 0 || slices.Contains(l.p.NoGo, time.Weekday(i))) {
			l.Fail(d, "no_go has days of the week, each once")
		}
		l.p.NoGo = append(l.p.NoGo, time.Weekday(i))
	}
	if len(l.p.NoGo) >= len(weekdays) {
		l.Fail(n, "no_go leaves no day")
	}
}

func (l *loader) freeze(n *yaml.Node) {
	if !l.Is(n, yaml.MappingNode, "a freeze") {
		return
	}
	keys := l.Keys(n, "a freeze", "from", "until", "reason")
	f := Freeze{From: l.date(n, keys, "from"), Until: l.date(n, keys, "until"), Reason: l.OneLine(n, keys, "reason", "a freeze")}
	if f.Until.Before(f.From) {
		l.Fail(n, "a freeze begins before it ends")
	}
	f.Until = f.Until.Add(day) // the last day is one of it
	l.p.Freezes = append(l.p.Freezes, f)
}

func (l *loader) date(n *yaml.Node, keys map[string]*yaml.Node, key string) time.Time {
	text := l.OneLine(n, keys, key, "a freeze")
	at, err := time.Parse(time.DateOnly, text)
	if text != "" && err != nil {
		l.Fail(keys[key], "%s is a day, YYYY-MM-DD", key)
	}
	return at
}

func (l *loader) approvers(n *yaml.Node) {
	for _, v := range l.list(n, "approvers") {
		text, ok := l.Text(v, "an approver")
		user, host, at := strings.Cut(text, "@")
		switch {
		case !ok:
		case !at || user == "" || host == "" || strings.ContainsAny(text, "*, \t") || !source.Printable(text):
			l.Fail(v, "an approver is an e-mail address")
		case l.p.approves(text):
			l.Fail(v, "the approver is there already")
		}
		l.p.Approvers = append(l.p.Approvers, text)
	}
}

func (l *loader) clients(n *yaml.Node) {
	for _, v := range l.list(n, "clients") {
		if !l.Is(v, yaml.MappingNode, "a client") {
			continue
		}
		keys := l.Keys(v, "a client", "name", "owner", "clusters")
		c := Client{Name: l.OneLine(v, keys, "name", "a client")}
		if keys["owner"] != nil {
			c.Owner = l.OneLine(v, keys, "owner", "a client")
		}
		if p := keys["clusters"]; p != nil {
			c.Clusters = l.patterns(p)
		}
		if slices.ContainsFunc(l.p.Clients, func(o Client) bool { return o.Name == c.Name }) {
			l.Fail(keys["name"], "the client is there already")
		}
		l.p.Clients = append(l.p.Clients, c)
	}
}
