package local

import (
	"context"
	"log/slog"
)

// until passes on what is said until a context is done: of requests that end because the cloud does nobody wants to hear.
type until struct {
	slog.Handler
	done context.Context
}

func (u until) Enabled(ctx context.Context, level slog.Level) bool {
	return u.done.Err() == nil && u.Handler.Enabled(ctx, level)
}

func (u until) Handle(ctx context.Context, r slog.Record) error {
	if u.done.Err() != nil {
		return nil
	}
	return u.Handler.Handle(ctx, r)
}

func (u until) WithAttrs(attrs []slog.Attr) slog.Handler {
	return until{u.Handler.WithAttrs(attrs), u.done}
}

func (u until) WithGroup(name string) slog.Handler { return until{u.Handler.WithGroup(name), u.done} }
