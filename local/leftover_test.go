package local

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"tiercel.dev/functions"
	"tiercel.dev/local/pubsub"
)

// Jobs of clusters that a run looked after are no dead letters of a later one that looks after none.
func TestJobsEndWithTheirRun(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	waits := func(s pubsub.SubscriptionStats) bool {
		return s.Topic == workTopic && s.Ready+s.Outstanding+s.Waiting > 0
	}
	job := &pb.PubsubMessage{Data: []byte("{}"), Attributes: map[string]string{"work": "harden"}}
	if _, err := r.client.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{Topic: workTopic, Messages: []*pb.PubsubMessage{job}}); err != nil {
		t.Fatal(err)
	}
	r.until("the job to wait", func() bool { return slices.ContainsFunc(r.cloud.Subscriptions(), waits) })
	r.close()

	r = open(t, dir)
	defer r.close()
	for _, s := range r.cloud.Subscriptions() {
		if waits(s) || s.DeadLettered > 0 {
			t.Errorf("%+v", s)
		}
	}
}

// A fleet that cannot start leaves nothing open and serves nothing, and may be started again.
func TestFleetThatCannotStart(t *testing.T) {
	r := start(t)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := r.cloud.startFleet(ended); err == nil {
		t.Fatal("started")
	}
	answer := httptest.NewRecorder()
	r.cloud.scheduled(functions.CheckHardening).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", nil))
	if answer.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if err := r.cloud.startFleet(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.cloud.estate.Load() == nil {
		t.Error("not started")
	}
}
