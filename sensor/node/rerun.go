package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tiercel.dev/alert"
)

// Rerun is Run for a machine whose kernel cannot be watched: it plays a capture as if it happened now. Alerts go to cfg's
// outputs at the pace in which they came, the first at once, and their times are moved to now, since whoever takes alerts
// refuses old ones. It returns when the capture is at its end.
func Rerun(ctx context.Context, cfg Config, capture io.Reader, log *slog.Logger) (Replayed, error) {
	fanout, err := openOutputs(cfg, log)
	if err != nil {
		return Replayed{}, err
	}
	var by time.Duration // from the capture's time to ours
	seen, err := Replay(ctx, cfg, capture, func(a *alert.Alert) error {
		then, err := alert.ParseTime(a.GetTime())
		if err != nil {
			return err
		}
		if by == 0 {
			by = time.Since(then)
		}
		// What it counts besides must not be of the future either.
		if last, err := alert.ParseTime(a.GetSuppressed().GetLastTime()); err == nil && last.After(then) {
			then = last
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(then.Add(by))):
		}
		moveTimes(a.ProtoReflect(), by)
		a.ObservedTime = alert.Time(time.Now().UnixNano())
		fanout.Publish(a)
		return nil
	}, log)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // it was told to end
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), rerunGrace)
	defer cancel()
	return seen, errors.Join(err, fanout.Close(ending))
}

// rerunGrace is how long its outputs may write what waits: nobody's alerts wait behind it, as behind a sensor that stops.
const rerunGrace = 30 * time.Second

// moveTimes moves every time of a message: the contract has them as text, in fields whose names end so.
func moveTimes(m protoreflect.Message, by time.Duration) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() == protoreflect.MessageKind && f.IsList():
			for i := range v.List().Len() {
				moveTimes(v.List().Get(i).Message(), by)
			}
		case f.Kind() == protoreflect.MessageKind:
			moveTimes(v.Message(), by)
		case f.Kind() == protoreflect.StringKind && !f.IsList() && (f.Name() == "time" || strings.HasSuffix(string(f.Name()), "_time")):
			if t, err := alert.ParseTime(v.String()); err == nil {
				m.Set(f, protoreflect.ValueOfString(alert.Time(t.Add(by).UnixNano())))
			}
		}
		return true
	})
}
