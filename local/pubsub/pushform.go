package pubsub

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// A push is the wrapped JSON of a subscription of one's own, the message's data alone if its configuration says so, or, where the push configuration has [FormAttribute] with
// [FormCloudEvent], the binary CloudEvent that Eventarc makes of it for a function with a trigger. The service knows no
// such attribute: there the trigger makes the difference.
const (
	FormAttribute  = "local-form"
	FormCloudEvent = "cloudevent"
)

func isForm(form string) bool { return form == "" || form == FormCloudEvent }

// timeForm has milliseconds, as the service's pushes have.
const timeForm = "2006-01-02T15:04:05.000Z"

// body is what a push carries: the service writes some names twice.
// https://cloud.google.com/pubsub/docs/push#receive_push
type body struct {
	Message         bodyMessage `json:"message"`
	Subscription    string      `json:"subscription"`
	DeliveryAttempt int         `json:"deliveryAttempt,omitempty"`
}

type bodyMessage struct {
	Data         []byte            `json:"data,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	MessageID    string            `json:"messageId"`
	MessageID2   string            `json:"message_id"`
	PublishTime  string            `json:"publishTime"`
	PublishTime2 string            `json:"publish_time"`
	OrderingKey  string            `json:"orderingKey,omitempty"`
}

func newBody(l lease) body {
	published := l.m.published.UTC().Format(timeForm)
	b := body{Subscription: l.spec.Name, Message: bodyMessage{
		Data: l.m.data, Attributes: l.m.attributes, MessageID: l.m.id(), MessageID2: l.m.id(),
		PublishTime: published, PublishTime2: published, OrderingKey: l.m.orderingKey,
	}}
	if l.spec.GetDeadLetterPolicy() != nil {
		b.DeliveryAttempt = l.attempt
	}
	return b
}

// post sends one push. Any of five answers acknowledges.
func (s *Server) post(ctx context.Context, l lease) error {
	text, err := l.m.data, error(nil)
	bare := l.spec.PushConfig.GetNoWrapper()
	if bare == nil {
		if text, err = json.Marshal(newBody(l)); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.spec.PushConfig.PushEndpoint, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)")
	switch {
	case bare == nil:
		setHeader(r.Header, l)
	case bare.WriteMetadata:
		setMetadata(r.Header, l)
	}
	if err := s.authorize(r.Header, l.spec.PushConfig); err != nil {
		return err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection serves again
	switch answer.StatusCode {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return nil
	}
	return fmt.Errorf("push to %s: %s", r.URL.Redacted(), answer.Status)
}

// authorize gives a push its token. Its audience is the endpoint if the configuration names none.
// https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
func (s *Server) authorize(h http.Header, push *pb.PushConfig) error {
	oidc := push.GetOidcToken()
	if oidc == nil || s.cfg.Token == nil {
		return nil
	}
	token, err := s.cfg.Token(oidc.ServiceAccountEmail, cmp.Or(oidc.Audience, push.PushEndpoint))
	if err == nil {
		h.Set("Authorization", "Bearer "+token)
	}
	return err
}

func setHeader(h http.Header, l lease) {
	h.Set("Content-Type", "application/json")
	if l.spec.PushConfig.GetAttributes()[FormAttribute] != FormCloudEvent {
		return
	}
	h.Set("Ce-Id", l.m.id())
	h.Set("Ce-Source", "//pubsub.googleapis.com/"+l.m.topic)
	h.Set("Ce-Type", "google.cloud.pubsub.topic.v1.messagePublished")
	h.Set("Ce-Specversion", "1.0")
	h.Set("Ce-Time", l.m.published.UTC().Format(timeForm))
}

// setMetadata says in headers what the wrapper would: what Pub/Sub knows of the message, and its attributes under their own names.
// https://cloud.google.com/pubsub/docs/payload-unwrapping
func setMetadata(h http.Header, l lease) {
	for key, value := range l.m.attributes {
		h.Set(key, value)
	}
	h.Set("X-Goog-Pubsub-Subscription-Name", l.spec.Name)
	h.Set("X-Goog-Pubsub-Message-Id", l.m.id())
	h.Set("X-Goog-Pubsub-Publish-Time", l.m.published.UTC().Format(timeForm))
	if l.m.orderingKey != "" {
		h.Set("X-Goog-Pubsub-Ordering-Key", l.m.orderingKey)
	}
}
