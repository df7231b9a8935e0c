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

// grave passes on errors alone.
type grave struct{ slog.Handler }

func (g grave) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && g.Handler.Enabled(ctx, level)
}

func (g grave) WithAttrs(attrs []slog.Attr) slog.Handler { return grave{g.Handler.WithAttrs(attrs)} }
func (g grave) WithGroup(name string) slog.Handler       { return grave{g.Handler.WithGroup(name)} }
