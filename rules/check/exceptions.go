package check

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/source"
)

// Exceptions are failures that somebody answers for.
type Exceptions struct{ list []exception }

// An exception is about what all its patterns fit.
type exception struct {
	posture.Exception
	ends     time.Time
	patterns map[string]string // by the key of patternKeys; what is not there fits all
}

// patternKeys are what an exception may name by pattern.
var patternKeys = []string{"check", "project", "location", "cluster", "pool", "namespace", "resource"}

const maxExceptions = 5000

// LoadExceptions reads a file of exceptions. It returns none if anything is wrong with it; the error is then [source.Errors].
//
//	exceptions:
//	  - check: NET-*            # an id, or a pattern with * and ?
//	    cluster: dev-*          # likewise project, location, pool, namespace, and resource, as "RoleBinding team-a/edit"
//	    reason: developers reach the control plane from anywhere
//	    owner: platform@example.com
//	    until: 2027-03-31       # with that day, in UTC
func LoadExceptions(file source.File) (*Exceptions, error) {
	var errs source.Errors
	f := source.NewReader(file, &errs)
	top := f.Root()
	if top == nil {
		return nil, errs
	}
	list := f.Keys(top, "a file of exceptions", "exceptions")["exceptions"]
	if list == nil {
		f.Fail(top, "a file of exceptions has exceptions")
		return nil, errs
	}
	out := &Exceptions{}
	if f.Is(list, yaml.SequenceNode, "exceptions") {
		if len(list.Content) > maxExceptions {
			f.Fail(list, "%d exceptions, more than %d", len(list.Content), maxExceptions)
			return nil, errs
		}
		for _, n := range list.Content {
			if f.Is(n, yaml.MappingNode, "an exception") {
				out.list = append(out.list, readException(f, n))
			}
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return out, nil
}

func readException(f *source.Reader, n *yaml.Node) exception {
	keys := f.Keys(n, "an exception", append(patternKeys, "reason", "owner", "until")...)
	line := func(key string) string { return f.OneLine(n, keys, key, "the exception") }
	e := exception{patterns: map[string]string{}}
	e.Reason, e.Owner, e.Until = line("reason"), line("owner"), line("until")
	if e.Until != "" {
		last, err := time.Parse(time.DateOnly, e.Until)
		if err != nil {
			f.Fail(keys["until"], "until is a day such as 2027-03-31, not %s", source.Quote(e.Until))
		}
		e.ends = last.AddDate(0, 0, 1)
	}
	if keys["check"] == nil {
		f.Fail(n, "the exception has no check")
	}
	for _, key := range patternKeys {
		if keys[key] == nil {
			continue
		}
		e.patterns[key] = line(key)
	}
	return e
}

// about reports whether the exception is about a result. Patterns are of whole names; a slash in one is a character as any other.
func (e *exception) about(r *posture.Result) bool {
	named := map[string]string{"check": r.Check, "project": r.Resource.Project, "location": r.Resource.Location, "cluster": r.Resource.Cluster,
		"pool": r.Resource.Pool, "namespace": r.Resource.Namespace, "resource": thing(r.Resource)}
	for key, pattern := range e.patterns {
		if !condition.Glob(pattern, named[key]) {
			return false
		}
	}
	return true
}

// thing is what in the cluster a result is about: "pool x", "RoleBinding n/b"; "" for the cluster.
func thing(r posture.Resource) string {
	_, rest, _ := strings.Cut(posture.Resource{Cluster: "c", Pool: r.Pool, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}.String(), "/")
	return rest
}

// apply makes a failure that somebody answers for EXCEPTED, or says that nobody does any more. What is UNKNOWN stays so.
func (e *Exceptions) apply(r *posture.Result, now time.Time) {
	if e == nil || r.Verdict != posture.Fail && r.Verdict != posture.Warn {
		return
	}
	var ended *exception
	for i := range e.list {
		x := &e.list[i]
		switch {
		case !x.about(r):
		case now.Before(x.ends):
			answered := x.Exception
			r.Verdict, r.Exception = posture.Excepted, &answered
			return
		case ended == nil || x.ends.After(ended.ends):
			ended = x
		}
	}
	if ended != nil {
		r.Reason += "; exception ended: that of " + ended.Owner + " was until " + ended.Until
	}
}
