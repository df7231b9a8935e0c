package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/fault"
)

const body = `{"message":{"data":"aGVsbG8=","attributes":{"kind":"alert"},"messageId":"17","message_id":"17",` +
	`"publishTime":"2026-11-25T06:00:00.5Z","publish_time":"2026-11-25T06:00:00.5Z","orderingKey":""},` +
	`"subscription":"projects/p/subscriptions/s","deliveryAttempt":3}`

func want() Message {
	return Message{
		ID: "17", Data: []byte("hello"), Attributes: map[string]string{"kind": "alert"},
		Published: time.Date(2026, 11, 25, 6, 0, 0, 5e8, time.UTC), Subscription: "projects/p/subscriptions/s", Attempt: 3,
	}
}

func plain(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func binary(body, id, typ string) *http.Request {
	r := plain(body)
	r.Header.Set("ce-id", id)
	r.Header.Set("ce-source", "//pubsub.googleapis.com/projects/p/topics/t")
	r.Header.Set("ce-type", typ)
	r.Header.Set("ce-specversion", "1.0")
	r.Header.Set("ce-time", "2026-11-25T06:00:00.5Z")
	return r
}

func structured(data string) *http.Request {
	r := plain(fmt.Sprintf(`{"specversion":"1.0","id":"17","source":"//pubsub.googleapis.com/projects/p/topics/t","type":%q,"data":%s}`, eventType, data))
	r.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	return r
}

// served is what a request came to.
type served struct {
	status int
	got    []Message
	aside  []string
}

func serve(r *http.Request, step, quarantine error) served {
	var s served
	h := Handler(Config{
		Step: func(_ context.Context, m Message) error { s.got = append(s.got, m); return step },
		Quarantine: func(_ context.Context, m Message, reason error) error {
			s.aside = append(s.aside, m.ID+": "+reason.Error())
			return quarantine
		},
		Timeout: time.Second,
		Log:     slog.New(slog.DiscardHandler),
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	s.status = w.Code
	return s
}

func TestForms(t *testing.T) {
	for name, r := range map[string]*http.Request{"wrapped": plain(body), "binary": binary(body, "17", eventType), "structured": structured(body)} {
		got := serve(r, nil, nil)
		if d := cmp.Diff([]Message{want()}, got.got); d != "" || got.status != http.StatusNoContent {
			t.Errorf("%s: status %d, messages (-want +got):\n%s", name, got.status, d)
		}
	}
}

func TestRefuses(t *testing.T) {
	get := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, tt := range []struct {
		name   string
		r      *http.Request
		status int
	}{
		{"another method", get, http.StatusMethodNotAllowed},
		{"no JSON", plain("hello"), http.StatusBadRequest},
		{"nothing", plain(""), http.StatusBadRequest},
		{"no message", plain(`{"subscription":"projects/p/subscriptions/s"}`), http.StatusBadRequest},
		{"no id", plain(`{"message":{"data":"aGVsbG8="},"subscription":"projects/p/subscriptions/s"}`), http.StatusBadRequest},
		{"no subscription", plain(`{"message":{"messageId":"17"}}`), http.StatusBadRequest},
		{"data that is not base64", plain(strings.Replace(body, "aGVsbG8=", "?", 1)), http.StatusBadRequest},
		{"another event", binary(body, "17", "google.cloud.storage.object.v1.finalized"), http.StatusBadRequest},
		{"another message's event", binary(body, "18", eventType), http.StatusBadRequest},
		{"event without a message", binary("{}", "17", eventType), http.StatusBadRequest},
		{"too large", plain(strings.Replace(body, "aGVsbG8=", strings.Repeat("aaaa", maxBody/4), 1)), http.StatusRequestEntityTooLarge},
		{"too large an event", binary(strings.Replace(body, "aGVsbG8=", strings.Repeat("aaaa", maxBody/4), 1), "17", eventType), http.StatusRequestEntityTooLarge},
	} {
		if got := serve(tt.r, nil, nil); got.status != tt.status || len(got.got) != 0 {
			t.Errorf("%s: status %d, want %d; %d messages were handled", tt.name, got.status, tt.status, len(got.got))
		}
	}
}

func TestAnswers(t *testing.T) {
	broken := errors.New("out of order")
	for _, tt := range []struct {
		name       string
		step, kept error
		status     int
		aside      []string
	}{
		{"done", nil, nil, http.StatusNoContent, nil},
		{"may pass", broken, nil, http.StatusServiceUnavailable, nil},
		{"quota", fault.Quota(broken), nil, http.StatusTooManyRequests, nil},
		{"poison", fault.Poison(broken), nil, http.StatusNoContent, []string{"17: out of order"}},
		{"poison that nobody keeps", fault.Poison(broken), broken, http.StatusServiceUnavailable, []string{"17: out of order"}},
	} {
		got := serve(plain(body), tt.step, tt.kept)
		if got.status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, got.status, tt.status)
		}
		if d := cmp.Diff(tt.aside, got.aside); d != "" {
			t.Errorf("%s: put aside (-want +got):\n%s", tt.name, d)
		}
	}
}

// A step that outlives its deadline is told, and the message put aside even then.
func TestDeadline(t *testing.T) {
	h := Handler(Config{
		Step: func(ctx context.Context, _ Message) error {
			<-ctx.Done()
			return fault.Poison(ctx.Err())
		},
		Quarantine: func(ctx context.Context, _ Message, _ error) error { return ctx.Err() },
		Timeout:    time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, plain(body))
	if w.Code != http.StatusNoContent {
		t.Errorf("status %d", w.Code)
	}
}

func TestPanicIsRetried(t *testing.T) {
	h := Handler(Config{
		Step:    func(context.Context, Message) error { panic("%s") },
		Timeout: time.Second, Log: slog.New(slog.DiscardHandler),
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, plain(body))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
}

// What a message says must not begin a line of the log of its own.
func TestLogEscapes(t *testing.T) {
	var out strings.Builder
	h := Handler(Config{
		Step:       func(context.Context, Message) error { return errors.New("name\n{\"severity\":\"EMERGENCY\"}\x1b[31m") },
		Quarantine: func(context.Context, Message, error) error { return nil },
		Timeout:    time.Second, Log: slog.New(slog.NewTextHandler(&out, nil)),
	})
	h.ServeHTTP(httptest.NewRecorder(), plain(body))
	if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("logged %q", out.String())
	}
}

// No request, whatever it says, makes the handler panic or a step run without a message id.
func FuzzRead(f *testing.F) {
	f.Add("application/json", "", body)
	f.Add("application/json", eventType, body)
	f.Add("application/cloudevents+json", "", `{"specversion":"1.0","data":{}}`)
	f.Add("application/cloudevents-batch+json", "", `[{}]`)
	f.Fuzz(func(t *testing.T, contentType, typ, body string) {
		r := &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body))}
		if typ != "" {
			for key, value := range map[string]string{"Ce-Id": "17", "Ce-Source": "/", "Ce-Type": typ, "Ce-Specversion": "1.0"} {
				r.Header.Set(key, value)
			}
		}
		m, err := read(r)
		if err == nil && (m.ID == "" || m.Subscription == "") {
			t.Errorf("%s gave %+v", body, m)
		}
		if err != nil && !errors.Is(err, errForm) {
			t.Errorf("undocumented error: %v", err)
		}
	})
}
