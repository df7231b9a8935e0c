package functions

import (
	"io"
	"log/slog"

	"tiercel.dev/internal/cloudlog"
)

// LogHandler writes lines as Cloud Logging reads them, those that end requests too, which are of level DEBUG.
func LogHandler(w io.Writer) slog.Handler { return cloudlog.NewHandler(w, slog.LevelDebug) }
