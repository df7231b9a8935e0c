package pubsub

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"tiercel.dev/internal/push"
)

// endpoint takes pushes with the pipeline's own handler and answers as a test wants, by the message's data and how often
// it came.
type endpoint struct {
	*httptest.Server
	mu      sync.Mutex
	decide  func(data string, times int) int
	times   map[string]int
	got     []push.Message
	headers []http.Header
}

func newEndpoint(t *testing.T, decide func(data string, times int) int) *endpoint {
	e := &endpoint{decide: decide, times: make(map[string]int)}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code := http.StatusBadRequest
	read := httptest.NewRecorder()
	push.Handler(push.Config{
		Step: func(_ context.Context, m push.Message) error {
			code = e.took(m, r.Header)
			return nil
		},
		Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
	}).ServeHTTP(read, r)
	w.WriteHeader(code)
	io.WriteString(w, "answer")
}

func (e *endpoint) took(m push.Message, h http.Header) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, m)
	e.headers = append(e.headers, h)
	e.times[string(m.Data)]++
	return e.decide(string(m.Data), e.times[string(m.Data)])
}

func (e *endpoint) answer(decide func(string, int) int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.decide = decide
}

func (e *endpoint) messages() []push.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got
}

func always(code int) func(string, int) int { return func(string, int) int { return code } }

// Both forms say the same to the pipeline's handler; the attempt is there only under a dead-letter policy.
func TestPushForms(t *testing.T) {
	for _, tt := range []struct {
		name    string
		form    map[string]string
		policy  *pb.DeadLetterPolicy
		typ     string
		attempt int
	}{
		{"wrapped", nil, nil, "", 0},
		{"wrapped, with attempts", nil, &pb.DeadLetterPolicy{DeadLetterTopic: deadT}, "", 1},
		{"event", map[string]string{FormAttribute: FormCloudEvent}, nil, "google.cloud.pubsub.topic.v1.messagePublished", 0},
	} {
		s, c := serve(t, Config{})
		e := newEndpoint(t, always(204))
		subscribe(t, c, &pb.Subscription{
			Name: subS, DeadLetterPolicy: tt.policy, PushConfig: &pb.PushConfig{PushEndpoint: e.URL, Attributes: tt.form},
		})
		id := publish(t, c, "hello", map[string]string{"kind": "alert"})
		until(t, s, "the push to be taken", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 1 })
		got, h := e.messages()[0], e.headers[0]
		if got.Published.IsZero() {
			t.Errorf("%s: no time", tt.name)
		}
		got.Published = time.Time{}
		want := push.Message{ID: id, Data: []byte("hello"), Attributes: map[string]string{"kind": "alert"}, Subscription: subS, Attempt: tt.attempt}
		if d := cmp.Diff(want, got); d != "" || h.Get("Ce-Type") != tt.typ {
			t.Errorf("%s: type %q, message (-want +got):\n%s", tt.name, h.Get("Ce-Type"), d)
		}
		if tt.typ != "" && (h.Get("Ce-Source") != "//pubsub.googleapis.com/"+topicT || h.Get("Ce-Id") != id) {
			t.Errorf("%s: headers %v", tt.name, h)
		}
	}
}

func TestPushAnswers(t *testing.T) {
	for code, taken := range map[int]bool{200: true, 201: true, 202: true, 204: true, 203: false, 400: false, 404: false, 429: false, 500: false, 503: false} {
		s, c := serve(t, Config{Hurry: 10_000})
		e := newEndpoint(t, always(code))
		subscribe(t, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: e.URL}})
		publish(t, c, "hello", nil)
		st := until(t, s, "an answer", func(all map[string]SubscriptionStats) bool { return all[subS].Acked+all[subS].Nacked > 0 })[subS]
		if (st.Acked == 1) != taken || (st.LastError == "") != taken {
			t.Errorf("%d: %+v", code, st)
		}
	}
}

// A message that always fails becomes a dead letter, and the others go their way meanwhile, each once.
func TestPushPoison(t *testing.T) {
	s, c := serve(t, Config{Hurry: 10_000})
	e := newEndpoint(t, func(data string, _ int) int {
		if data == "7" {
			return 500
		}
		return 204
	})
	subscribe(t, c, &pb.Subscription{Name: subD, Topic: deadT})
	subscribe(t, c, &pb.Subscription{
		Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: e.URL}, RetryPolicy: &pb.RetryPolicy{},
		DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: deadT, MaxDeliveryAttempts: 6},
	})
	for i := range 100 {
		publish(t, c, fmt.Sprint(i), nil)
	}
	st := until(t, s, "all to be done", func(all map[string]SubscriptionStats) bool {
		st := all[subS]
		return st.Acked == 99 && st.Backlog() == 0
	})[subS]
	if st.DeadLettered != 1 || st.Nacked != 6 {
		t.Errorf("%+v", st)
	}
	for data, times := range e.times {
		if want := map[bool]int{true: 6, false: 1}[data == "7"]; times != want {
			t.Errorf("%s came %d times, want %d", data, times, want)
		}
	}
	if got := pull(t, s, subD, 1)[0].Message; string(got.Data) != "7" || got.Attributes[attrDeliveryCount] != "6" {
		t.Errorf("dead letter %v", got)
	}
}

// The window opens with success, and closes with failure.
func TestPushWindow(t *testing.T) {
	p := &pusher{window: firstWindow}
	for range 40 {
		p.flying = p.window
		p.landed(true)
	}
	if p.window != maxWindow {
		t.Errorf("after success %d", p.window)
	}
	p.flying = 2
	p.landed(true)
	if p.landed(false); p.window != maxWindow/2 {
		t.Errorf("after a failure %d", p.window)
	}
	for range 40 {
		p.landed(false)
	}
	if p.window != 1 {
		t.Errorf("after many failures %d", p.window)
	}
}

// A slow endpoint is not sent more than the window has room for.
func TestPushIsBounded(t *testing.T) {
	s, c := serve(t, Config{})
	hold := make(chan struct{})
	e := newEndpoint(t, always(204))
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-hold; e.ServeHTTP(w, r) }))
	t.Cleanup(slow.Close)
	subscribe(t, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: slow.URL}})
	for i := range 20 {
		publish(t, c, fmt.Sprint(i), nil)
	}
	if st := until(t, s, "the window to fill", func(all map[string]SubscriptionStats) bool { return all[subS].Outstanding >= firstWindow })[subS]; st.Outstanding != firstWindow {
		t.Errorf("%+v", st)
	}
	close(hold)
	until(t, s, "all to be taken", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 20 })
}

// A subscription can be turned from push to pull, to another endpoint, and back.
func TestPushConfigChanges(t *testing.T) {
	s, c := serve(t, Config{Hurry: 10_000})
	refuses, takes := newEndpoint(t, always(503)), newEndpoint(t, always(204))
	subscribe(t, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: refuses.URL}})
	publish(t, c, "first", nil)
	until(t, s, "a push to fail", func(all map[string]SubscriptionStats) bool { return all[subS].Nacked > 0 })
	if err := c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{Subscription: subS}); err != nil {
		t.Fatal(err)
	}
	ackOne(t, s, subS, pull(t, s, subS, 1)[0].AckId)
	_, err := c.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
		Subscription: &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: takes.URL}},
		UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"push_config"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, c, "second", nil)
	until(t, s, "the second to be taken", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 2 })
	if got := takes.messages(); len(got) != 1 || string(got[0].Data) != "second" {
		t.Errorf("got %v", got)
	}
}

// An endpoint that is not there is a failure like any other.
func TestPushNobodyThere(t *testing.T) {
	s, c := serve(t, Config{Hurry: 10_000})
	gone := newEndpoint(t, always(204))
	gone.Close()
	subscribe(t, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{PushEndpoint: gone.URL}, RetryPolicy: &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)}})
	publish(t, c, "hello", nil)
	st := until(t, s, "some pushes to fail", func(all map[string]SubscriptionStats) bool { return all[subS].Nacked > 2 })[subS]
	if st.LastError == "" || st.Backlog() != 1 || st.LastErrorAt.IsZero() {
		t.Errorf("%+v", st)
	}
}

// A push brings the token of the account that its configuration names, for the audience it names or the endpoint.
func TestPushesCarryATokenOfTheirAccount(t *testing.T) {
	for audience, want := range map[string]string{"": "pusher for ENDPOINT", "https://f": "pusher for https://f"} {
		s, c := serveOn(t, New(Config{Token: func(account, audience string) (string, error) { return account + " for " + audience, nil }}))
		got := make(chan string, 1)
		endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got <- r.Header.Get("Authorization")
			w.WriteHeader(http.StatusNoContent)
		}))
		defer endpoint.Close()
		subscribe(t, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{
			PushEndpoint:         endpoint.URL,
			AuthenticationMethod: &pb.PushConfig_OidcToken_{OidcToken: &pb.PushConfig_OidcToken{ServiceAccountEmail: "pusher", Audience: audience}},
		}})
		if _, err := s.Publish(t.Context(), &pb.PublishRequest{Topic: topicT, Messages: []*pb.PubsubMessage{{Data: []byte("x")}}}); err != nil {
			t.Fatal(err)
		}
		if want := "Bearer " + strings.Replace(want, "ENDPOINT", endpoint.URL, 1); <-got != want {
			t.Errorf("%q: not %q", audience, want)
		}
	}
}
