package rotate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/objects"
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

// LoadPolicy reads a policy of rotations from YAML. Its errors say file, line and key; there may be several.
func LoadPolicy(name string, data []byte) (Policy, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return Policy{}, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	l := loader{name: name}
	if len(doc.Content) == 0 {
		return Policy{}, nil
	}
	var p Policy
	l.top(doc.Content[0], &p)
	if p.Guided {
		if len(p.Approvers) == 0 {
			l.fail(doc.Content[0], "mode: guided needs approvers")
		}
		if p.TwoPeople && len(p.Approvers) == 1 {
			l.fail(doc.Content[0], "two_people needs more than one approver")
		}
		if len(p.Clusters) == 0 {
			l.fail(doc.Content[0], "mode: guided needs clusters")
		}
	}
	if len(l.errs) > 0 {
		return Policy{}, errors.Join(l.errs...)
	}
	return p, nil
}

// A loader collects what is wrong.
type loader struct {
	name string
	errs []error
}

func (l *loader) fail(n *yaml.Node, format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf("%s:%d:%d: %s", l.name, n.Line, n.Column, fmt.Sprintf(format, args...)))
}

func (l *loader) top(n *yaml.Node, p *Policy) {
	l.keys(n, map[string]func(*yaml.Node){
		"mode": func(v *yaml.Node) {
			if v.Value != "guided" && v.Value != "advise" {
				l.fail(v, "mode is %q, neither advise nor guided", v.Value)
			}
			p.Guided = v.Value == "guided"
		},
		"clusters":     l.patterns(&p.Clusters),
		"due":          func(v *yaml.Node) { l.due(v, p) },
		"start":        func(v *yaml.Node) { l.start(v, p) },
		"complete":     func(v *yaml.Node) { l.keys(v, map[string]func(*yaml.Node){"soak_hours": l.hours(&p.Soak)}) },
		"approvers":    func(v *yaml.Node) { l.approvers(v, p) },
		"two_people":   l.flag(&p.TwoPeople),
		"valid_hours":  l.hours(&p.Valid),
		"gcloud_token": l.flag(&p.GcloudTokens),
		"clients":      func(v *yaml.Node) { l.clients(v, p) },
	})
}

// keys reads a mapping, and knows no other keys than these.
func (l *loader) keys(n *yaml.Node, known map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		l.fail(n, "this is to be a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok:
			l.fail(key, "there is no key %q", key.Value)
		case seen[key.Value]:
			l.fail(key, "%s is there twice", key.Value)
		default:
			read(value)
		}
		seen[key.Value] = true
	}
}

func (l *loader) each(n *yaml.Node, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		l.fail(n, "this is to be a list")
		return
	}
	for _, item := range n.Content {
		read(item)
	}
}

func (l *loader) flag(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.ParseBool(n.Value)
		if err != nil || n.Kind != yaml.ScalarNode {
			l.fail(n, "%q is neither true nor false", n.Value)
		}
		*to = v
	}
}

// number reads a whole number from 1 on.
func (l *loader) number(n *yaml.Node) int {
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < 1 || v > 10_000 {
		l.fail(n, "%q is no whole number from 1 to 10000", n.Value)
		return 1
	}
	return v
}

func (l *loader) hours(to *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) { *to = time.Duration(l.number(n)) * time.Hour }
}

func (l *loader) patterns(to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		l.each(n, func(v *yaml.Node) {
			if _, err := path.Match(v.Value, ""); err != nil || v.Value == "" {
				l.fail(v, "%q is no pattern of clusters", v.Value)
			} else if slashes := strings.Count(v.Value, "/"); slashes != 0 && slashes != 2 {
				l.fail(v, "%q is neither a pattern of a cluster's name nor of PROJECT/LOCATION/CLUSTER", v.Value)
			}
			*to = append(*to, v.Value)
		})
	}
}

func (l *loader) due(n *yaml.Node, p *Policy) {
	l.keys(n, map[string]func(*yaml.Node){
		"days": func(v *yaml.Node) {
			var days []int
			l.each(v, func(d *yaml.Node) { days = append(days, l.number(d)) })
			if len(days) != 3 || days[0] <= days[1] || days[1] <= days[2] {
				l.fail(v, "days are to be three, each less than the one before, such as [180, 90, 45]")
				return
			}
			p.Days = [3]int(days)
		},
		"max_age_days": func(v *yaml.Node) { p.MaxAge = time.Duration(l.number(v)) * day },
	})
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (l *loader) start(n *yaml.Node, p *Policy) {
	l.keys(n, map[string]func(*yaml.Node){
		"window_hours": l.hours(&p.Window),
		"no_go": func(v *yaml.Node) {
			l.each(v, func(d *yaml.Node) {
				i := slices.Index(weekdays, strings.ToLower(d.Value))
				if i < 0 {
					l.fail(d, "%q is no day of the week", d.Value)
					return
				}
				p.NoGo = append(p.NoGo, time.Weekday(i))
			})
			if len(p.NoGo) > 6 {
				l.fail(v, "no day is left")
			}
		},
		"freezes": func(v *yaml.Node) { l.each(v, func(f *yaml.Node) { l.freeze(f, p) }) },
	})
}

func (l *loader) freeze(n *yaml.Node, p *Policy) {
	var f Freeze
	date := func(to *time.Time) func(*yaml.Node) {
		return func(v *yaml.Node) {
			at, err := time.Parse(time.DateOnly, v.Value)
			if err != nil {
				l.fail(v, "%q is no day, YYYY-MM-DD", v.Value)
			}
			*to = at
		}
	}
	l.keys(n, map[string]func(*yaml.Node){
		"from": date(&f.From), "until": date(&f.Until), "reason": func(v *yaml.Node) { f.Reason = v.Value },
	})
	f.Until = f.Until.Add(day) // the last day is one of it
	if !f.From.Before(f.Until) || f.Reason == "" {
		l.fail(n, "a freeze has from, until and a reason, and begins before it ends")
	}
	p.Freezes = append(p.Freezes, f)
}

func (l *loader) approvers(n *yaml.Node, p *Policy) {
	l.each(n, func(v *yaml.Node) {
		if user, host, ok := strings.Cut(v.Value, "@"); !ok || user == "" || host == "" || strings.ContainsAny(v.Value, "* \t") {
			l.fail(v, "%q is no e-mail address", v.Value)
		} else if p.approves(v.Value) {
			l.fail(v, "%q is there twice", v.Value)
		}
		p.Approvers = append(p.Approvers, v.Value)
	})
}

func (l *loader) clients(n *yaml.Node, p *Policy) {
	l.each(n, func(v *yaml.Node) {
		var c Client
		text := func(to *string) func(*yaml.Node) { return func(t *yaml.Node) { *to = t.Value } }
		l.keys(v, map[string]func(*yaml.Node){"name": text(&c.Name), "owner": text(&c.Owner), "clusters": l.patterns(&c.Clusters)})
		switch {
		case c.Name == "":
			l.fail(v, "a client has a name")
		case slices.ContainsFunc(p.Clients, func(o Client) bool { return o.Name == c.Name }):
			l.fail(v, "client %q is there twice", c.Name)
		}
		p.Clients = append(p.Clients, c)
	})
}
