// Package cloudlog writes log lines as Cloud Logging reads them.
// https://cloud.google.com/logging/docs/structured-logging
package cloudlog

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
)

// keys is for a [slog.JSONHandler] whose lines Cloud Logging takes apart: level and message have its names, and levels its
// words.
func keys(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		a.Key = "severity"
		if a.Value.String() == slog.LevelWarn.String() {
			a.Value = slog.StringValue("WARNING")
		}
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

// A handler adds to each line the trace and the labels of its context, and to errors where they were logged.
type handler struct{ slog.Handler }

// NewHandler writes JSON, a line for each record of level and above. What [WithTrace] and [WithLabel] put into a record's
// context stands in its line.
func NewHandler(w io.Writer, level slog.Level) slog.Handler {
	return handler{slog.NewJSONHandler(printable{w}, &slog.HandlerOptions{Level: level, ReplaceAttr: keys})}
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	if c, ok := ctx.Value(key{}).(*carried); ok {
		r.AddAttrs(c.attrs()...)
	}
	if r.Level >= slog.LevelError && r.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		r.AddAttrs(slog.Group(sourceKey, "file", filepath.Base(frame.File), "line", strconv.Itoa(frame.Line), "function", frame.Function))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup would put the trace into the group, where nobody looks for it, so groups are for attributes alone.
func (h handler) WithGroup(string) slog.Handler { return h }

// Keys that Cloud Logging moves out of a line into the entry.
const (
	traceKey   = "logging.googleapis.com/trace"
	spanKey    = "logging.googleapis.com/spanId"
	sampledKey = "logging.googleapis.com/trace_sampled"
	labelsKey  = "logging.googleapis.com/labels"
	sourceKey  = "logging.googleapis.com/sourceLocation"
)
