package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/internal/cloudlog"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
)

// maxBody is the largest push: a message of 10 MB, Pub/Sub's limit, in base64, with its attributes.
const maxBody = 15 << 20

// Config is what a [Handler] is made of. All but Log must be set.
type Config struct {
	// Step does the work. It may be called more than once for the same message, also at the same time: Pub/Sub delivers
	// at least once. Its error says what comes next: [fault.ErrPoison] puts the message aside, [fault.ErrQuota] asks for
	// patience, any other for another delivery.
	Step func(context.Context, Message) error
	// Quarantine keeps a poisoned message and why; the message is acknowledged only if it returned nil.
	Quarantine func(ctx context.Context, m Message, reason error) error
	// Timeout bounds Step. It is less than the subscription's acknowledgement deadline, or a message would be delivered
	// again while Step still works on it.
	Timeout time.Duration
	Log     *slog.Logger // default slog.Default()
}

// Handler serves a push subscription. Answers: 204 takes a message; 400 is for what is no push at all, 405 for other
// methods, 413 for a body over 15 MiB, 429 and 503 have Pub/Sub deliver again.
// https://cloud.google.com/pubsub/docs/push#receive_push
func Handler(cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "a push is a POST", http.StatusMethodNotAllowed)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		m, err := read(r)
		if err != nil {
			refuse(cfg.Log, w, r, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), cfg.Timeout)
		defer cancel()
		w.WriteHeader(cfg.serve(ctx, m))
	})
}

// refuse answers what is no push. There is no message to put aside: Pub/Sub never sends such a thing, and whoever does
// is told.
func refuse(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadRequest
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status = http.StatusRequestEntityTooLarge
	}
	log.WarnContext(r.Context(), "request refused", "status", status, "err", alert.Escape(err.Error()))
	http.Error(w, http.StatusText(status), status)
}

// serve runs the step and turns its error into the answer.
func (cfg *Config) serve(ctx context.Context, m Message) (status int) {
	log := cfg.Log.With("message_id", m.ID, "attempt", m.Attempt)
	ctx = cloudlog.WithAlert(ctx, m.Attributes[alertID])
	err := cfg.step(ctx, m)
	switch {
	case err == nil:
		return http.StatusNoContent
	case errors.Is(err, fault.ErrPoison):
		// The step's deadline may be what it ran into; putting the message aside has a little time of its own.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if kept := cfg.Quarantine(ctx, m, err); kept != nil {
			log.ErrorContext(ctx, "message not put aside", "reason", alert.Escape(err.Error()), "err", alert.Escape(kept.Error()))
			return http.StatusServiceUnavailable
		}
		meter.Add(ctx, meter.Poisoned, 1, reasonOf(err))
		log.WarnContext(ctx, "message put aside", "reason", alert.Escape(err.Error()))
		return http.StatusNoContent
	case errors.Is(err, fault.ErrQuota):
		log.WarnContext(ctx, "quota", "err", alert.Escape(err.Error()))
		return http.StatusTooManyRequests
	default:
		log.ErrorContext(ctx, "message not handled", "err", alert.Escape(err.Error()))
		return http.StatusServiceUnavailable
	}
}

// alertID is the attribute with the id of an alert: [alert.Attributes].
const alertID = "alert_id"

// reasonOf is a word for why a message will never succeed: the code with which a service refused what was made of it, or else
// message.
func reasonOf(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Code().String()
	}
	return "message"
}

// step keeps a panic over one message from costing the others of this instance their answers.
func (cfg *Config) step(ctx context.Context, m Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return cfg.Step(ctx, m)
}
