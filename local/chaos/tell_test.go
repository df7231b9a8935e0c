package chaos

import (
	"context"
	"io"
	"net/http"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// tell logs what helps to find out why a count is wrong: the ledger, what was put aside, and what the functions said.
func (f *fleet) tell() {
	f.t.Helper()
	if answer, err := http.Get("http://" + address("storage") + "/storage/v1/b/records/o?prefix=ledger/&maxResults=1000"); err == nil {
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		f.t.Logf("the ledger: %s", text)
	}
	client, err := pubsub.NewClient(context.Background(), project, services("pubsub")...)
	if err != nil {
		f.t.Error(err)
		return
	}
	defer client.Close()
	for _, aside := range []string{quarantineKept, deadKept} {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		_ = client.Subscriber(aside).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			f.t.Logf("%s: %v", aside, m.Attributes)
			m.Ack()
		})
		stop()
	}
	for _, role := range pipeline {
		f.t.Logf("%s said: %s", role, f.said(role))
	}
}
