package functions

import (
	"io"
	"log/slog"

	"tiercel.dev/internal/cloudlog"
)

// LogHandler writes lines as Cloud Logging reads them.
func LogHandler(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: cloudlog.Keys})
}
