package pubsub

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Without a wrapper the body is the data, and the rest stands in headers if that is asked for.
func TestPushWithoutWrapper(t *testing.T) {
	type pushed struct {
		body   string
		header http.Header
	}
	for _, metadata := range []bool{true, false} {
		s, c := serve(t, Config{})
		got := make(chan pushed, 1)
		e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got <- pushed{string(body), r.Header}
			w.WriteHeader(http.StatusNoContent)
		}))
		t.Cleanup(e.Close)
		subscribe(t, c, &pb.Subscription{Name: subS, PushConfig: &pb.PushConfig{
			PushEndpoint: e.URL, Wrapper: &pb.PushConfig_NoWrapper_{NoWrapper: &pb.PushConfig_NoWrapper{WriteMetadata: metadata}},
		}})
		id := publish(t, c, `{"a":1}`, map[string]string{"rule": "shell"})
		until(t, s, "the push to be taken", func(all map[string]SubscriptionStats) bool { return all[subS].Acked == 1 })
		p := <-got
		want := http.Header{}
		if metadata {
			want = http.Header{"X-Goog-Pubsub-Message-Id": {id}, "X-Goog-Pubsub-Subscription-Name": {subS}, "Rule": {"shell"}}
		}
		if p.body != `{"a":1}` {
			t.Errorf("metadata %v: body %q", metadata, p.body)
		}
		for _, key := range []string{"X-Goog-Pubsub-Message-Id", "X-Goog-Pubsub-Subscription-Name", "Rule"} {
			if p.header.Get(key) != want.Get(key) {
				t.Errorf("metadata %v: %s: %q, want %q", metadata, key, p.header.Get(key), want.Get(key))
			}
		}
		if (p.header.Get("X-Goog-Pubsub-Publish-Time") != "") != metadata {
			t.Errorf("metadata %v: %v", metadata, p.header)
		}
	}
}
