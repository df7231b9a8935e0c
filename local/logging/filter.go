package logging

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/genproto/googleapis/cloud/audit"

	"tiercel.dev/local/filter"
)

type predicate = filter.Predicate[*pb.LogEntry]

// language is what is understood of filters. The service knows more; what is asked of it here and not understood is refused.
// https://cloud.google.com/logging/docs/view/logging-query-language
var language = filter.Language[*pb.LogEntry]{Restriction: restriction, Call: call, ImplicitAnd: true}

// texts are the fields that hold text, and how an entry has them.
var texts = map[string]func(*pb.LogEntry) string{
	"logName":                     func(e *pb.LogEntry) string { return e.LogName },
	"insertId":                    func(e *pb.LogEntry) string { return e.InsertId },
	"resource.type":               func(e *pb.LogEntry) string { return e.GetResource().GetType() },
	"operation.id":                func(e *pb.LogEntry) string { return e.GetOperation().GetId() },
	"operation.producer":          func(e *pb.LogEntry) string { return e.GetOperation().GetProducer() },
	"operation.first":             func(e *pb.LogEntry) string { return strconv.FormatBool(e.GetOperation().GetFirst()) },
	"operation.last":              func(e *pb.LogEntry) string { return strconv.FormatBool(e.GetOperation().GetLast()) },
	"protoPayload.serviceName":    func(e *pb.LogEntry) string { return payload(e).GetServiceName() },
	"protoPayload.methodName":     func(e *pb.LogEntry) string { return payload(e).GetMethodName() },
	"protoPayload.resourceName":   func(e *pb.LogEntry) string { return payload(e).GetResourceName() },
	"protoPayload.status.code":    func(e *pb.LogEntry) string { return strconv.Itoa(int(payload(e).GetStatus().GetCode())) },
	"protoPayload.status.message": func(e *pb.LogEntry) string { return payload(e).GetStatus().GetMessage() },
	"protoPayload.@type":          func(e *pb.LogEntry) string { return e.GetProtoPayload().GetTypeUrl() },
	"protoPayload.authenticationInfo.principalEmail": func(e *pb.LogEntry) string {
		return payload(e).GetAuthenticationInfo().GetPrincipalEmail()
	},
}

// payload is an audit log's; nil of other entries.
func payload(e *pb.LogEntry) *audit.AuditLog {
	a := new(audit.AuditLog)
	if e.GetProtoPayload() == nil || e.GetProtoPayload().UnmarshalTo(a) != nil {
		return nil
	}
	return a
}

func restriction(field, operator, value string) (predicate, error) {
	text := texts[field]
	if label, ok := strings.CutPrefix(field, "resource.labels."); ok {
		text = func(e *pb.LogEntry) string { return e.GetResource().GetLabels()[label] }
	}
	if label, ok := strings.CutPrefix(field, "labels."); ok {
		if quoted, err := strconv.Unquote(label); err == nil {
			label = quoted
		}
		text = func(e *pb.LogEntry) string { return e.GetLabels()[label] }
	}
	switch {
	case field == "":
		return nil, errors.New("a restriction is missing")
	case field == "timestamp":
		return at(operator, value)
	case text == nil:
		return nil, fmt.Errorf("%q is no field that this knows", field)
	case value == "":
		return nil, fmt.Errorf("%s: no value", field)
	}
	if value[0] == '"' {
		var err error
		if value, err = strconv.Unquote(value); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	return compare(field, text, operator, value)
}

// compare is without regard to case, but for regular expressions.
func compare(field string, text func(*pb.LogEntry) string, operator, value string) (predicate, error) {
	switch operator {
	case "=":
		return func(e *pb.LogEntry) bool { return strings.EqualFold(text(e), value) }, nil
	case "!=":
		return func(e *pb.LogEntry) bool { return !strings.EqualFold(text(e), value) }, nil
	case ":":
		if value == "*" {
			return func(e *pb.LogEntry) bool { return text(e) != "" }, nil
		}
		value = strings.ToLower(value)
		return func(e *pb.LogEntry) bool { return strings.Contains(strings.ToLower(text(e)), value) }, nil
	case "=~", "!~":
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		return func(e *pb.LogEntry) bool { return re.MatchString(text(e)) == (operator == "=~") }, nil
	}
	return nil, fmt.Errorf("%s: no operator %q", field, operator)
}

func at(operator, value string) (predicate, error) {
	text, err := strconv.Unquote(value)
	if err != nil {
		text = value
	}
	limit, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	test := filter.Order(operator)
	if test == nil {
		return nil, fmt.Errorf("timestamp: no operator %q", operator)
	}
	return func(e *pb.LogEntry) bool { return test(e.Timestamp.AsTime().Compare(limit)) }, nil
}

// call knows log_id("cloudaudit.googleapis.com/activity").
func call(name, argument string) (predicate, error) {
	id, err := strconv.Unquote(argument)
	if name != "log_id" || err != nil {
		return nil, fmt.Errorf("%s(%s) is no function that this knows", name, argument)
	}
	end := "/logs/" + strings.ReplaceAll(id, "/", "%2F")
	return func(e *pb.LogEntry) bool { return strings.HasSuffix(e.LogName, end) }, nil
}
