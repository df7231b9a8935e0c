// Package cloudlog names what log lines hold as Cloud Logging reads it.
package cloudlog

import "log/slog"

// Keys is for a [slog.JSONHandler] whose lines Cloud Logging takes apart: level and message have its names, and levels its
// words. https://cloud.google.com/logging/docs/structured-logging
func Keys(groups []string, a slog.Attr) slog.Attr {
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
