package scc

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/local/filter"
)

// A predicate says whether a finding is wanted.
type predicate = filter.Predicate[*pb.Finding]

// parseFilter reads a filter.
// https://cloud.google.com/security-command-center/docs/reference/rest/v2/organizations.sources.findings/list
var parseFilter = filter.Language[*pb.Finding]{Restriction: restriction}.Parse

// texts are the fields that hold text, and how a finding has them.
var texts = map[string]func(*pb.Finding) string{
	"name":          func(f *pb.Finding) string { return f.Name },
	"parent":        func(f *pb.Finding) string { return f.Parent },
	"resource_name": func(f *pb.Finding) string { return f.ResourceName },
	"resource.name": func(f *pb.Finding) string { return f.ResourceName },
	"category":      func(f *pb.Finding) string { return f.Category },
	"external_uri":  func(f *pb.Finding) string { return f.ExternalUri },
	"state":         func(f *pb.Finding) string { return f.State.String() },
	"severity":      func(f *pb.Finding) string { return f.Severity.String() },
	"mute":          func(f *pb.Finding) string { return f.Mute.String() },
}

func restriction(field, operator, value string) (predicate, error) {
	text := texts[field]
	if mark, ok := strings.CutPrefix(field, "security_marks.marks."); ok {
		text = func(f *pb.Finding) string { return f.GetSecurityMarks().GetMarks()[mark] }
	}
	unquoted, err := strconv.Unquote(value)
	switch {
	case field == "event_time":
		return eventTime(operator, value)
	case text == nil:
		return nil, fmt.Errorf("%q is no field to filter by", field)
	case err != nil:
		return nil, fmt.Errorf("%s: %q is not in quotes", field, value)
	case operator == "=":
		return func(f *pb.Finding) bool { return text(f) == unquoted }, nil
	case operator == ":":
		return func(f *pb.Finding) bool { return strings.Contains(text(f), unquoted) }, nil
	}
	return nil, fmt.Errorf("%s: no operator %q", field, operator)
}

// eventTime takes milliseconds, or a time in quotes.
func eventTime(operator, value string) (predicate, error) {
	var at time.Time
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil {
		at = time.UnixMilli(ms)
	} else if text, err := strconv.Unquote(value); err != nil {
		return nil, fmt.Errorf("event_time: %q is neither a number nor in quotes", value)
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		return nil, fmt.Errorf("event_time: %w", err)
	}
	test := filter.Order(operator)
	if test == nil {
		return nil, fmt.Errorf("event_time: no operator %q", operator)
	}
	return func(f *pb.Finding) bool { return test(f.EventTime.AsTime().Compare(at)) }, nil
}
