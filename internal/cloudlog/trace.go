package cloudlog

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// A Trace is what tells that log lines belong together. The zero Trace is none.
type Trace struct {
	ID      string // 32 hexadecimal digits
	Span    string // 16 of them, or "" where it is not known
	Sampled bool   // somebody records its spans
}

// Name is the trace as Cloud Logging has it: with the project in which it would be looked up, unless that is "".
func (t Trace) Name(project string) string {
	if project == "" {
		return t.ID
	}
	return "projects/" + project + "/traces/" + t.ID
}

// TraceOf reads the trace of a request: traceparent, else X-Cloud-Trace-Context, which Cloud Run sets both. What is not of
// their form is no trace. https://www.w3.org/TR/trace-context/ and https://cloud.google.com/trace/docs/trace-context
func TraceOf(h http.Header) Trace {
	if t := traceParent(h.Get("traceparent")); t.ID != "" {
		return t
	}
	return cloudTrace(h.Get("X-Cloud-Trace-Context"))
}

// traceParent reads VERSION-TRACE-SPAN-FLAGS; what a later version has behind that is passed over.
func traceParent(text string) Trace {
	parts := strings.SplitN(text, "-", 5)
	if len(parts) < 4 || !isHex(parts[0], 2) || parts[0] == "ff" || parts[0] == "00" && len(parts) > 4 ||
		!IsTraceID(parts[1]) || !isHex(parts[2], 16) || !isHex(parts[3], 2) || strings.Trim(parts[2], "0") == "" {
		return Trace{}
	}
	flags, _ := strconv.ParseUint(parts[3], 16, 8)
	return Trace{ID: parts[1], Span: parts[2], Sampled: flags&1 != 0}
}

// cloudTrace reads TRACE/SPAN;o=OPTIONS, of which the span is decimal, and may be left out with all behind it.
func cloudTrace(text string) Trace {
	text, options, _ := strings.Cut(text, ";")
	id, span, _ := strings.Cut(text, "/")
	if id = strings.ToLower(id); !IsTraceID(id) {
		return Trace{}
	}
	t := Trace{ID: id, Sampled: options == "o=1"}
	if n, err := strconv.ParseUint(span, 10, 64); err == nil && n != 0 {
		t.Span = fmt.Sprintf("%016x", n)
	}
	return t
}

// IsTraceID reports whether a text could be a trace's id, as each alert's id is.
func IsTraceID(s string) bool { return isHex(s, 32) && strings.Trim(s, "0") != "" }

func isHex(s string, digits int) bool {
	if len(s) != digits || s != strings.ToLower(s) {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

type key struct{}

// carried is what the lines of a context have.
type carried struct {
	project string
	trace   Trace
	labels  []slog.Attr
}

func of(ctx context.Context) carried {
	if c, ok := ctx.Value(key{}).(*carried); ok {
		return *c
	}
	return carried{}
}

// WithTrace has the lines of ctx name a trace of a project's.
func WithTrace(ctx context.Context, project string, t Trace) context.Context {
	c := of(ctx)
	c.project, c.trace = project, t
	return context.WithValue(ctx, key{}, &c)
}

// WithAlert has the lines of ctx name the trace of an alert, whose id it is: so the lines of all functions on its way belong
// together, however often it is delivered. That of the request, by which the platform's own lines are found, becomes a label. An
// id that is none changes nothing.
func WithAlert(ctx context.Context, id string) context.Context {
	if !IsTraceID(id) {
		return ctx
	}
	c := of(ctx)
	if c.trace.ID != "" {
		c.labels = append(c.labels[:len(c.labels):len(c.labels)], slog.String("tiercel/request_trace", c.trace.ID))
	}
	c.trace = Trace{ID: id}
	return context.WithValue(ctx, key{}, &c)
}

// WithLabel has the lines of ctx carry a label, by which Cloud Logging finds them.
func WithLabel(ctx context.Context, name, value string) context.Context {
	c := of(ctx)
	c.labels = append(c.labels[:len(c.labels):len(c.labels)], slog.String(name, value))
	return context.WithValue(ctx, key{}, &c)
}

func (c *carried) attrs() []slog.Attr {
	var all []slog.Attr
	if c.trace.ID != "" {
		all = append(all, slog.String(traceKey, c.trace.Name(c.project)), slog.Bool(sampledKey, c.trace.Sampled))
	}
	if c.trace.Span != "" {
		all = append(all, slog.String(spanKey, c.trace.Span))
	}
	if len(c.labels) > 0 {
		all = append(all, slog.Attr{Key: labelsKey, Value: slog.GroupValue(c.labels...)})
	}
	return all
}
