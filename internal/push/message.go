// Package push is the receiving end of a Pub/Sub push subscription: it reads a delivery in either of the forms that push
// takes, gives it to a step of the pipeline, and answers so that Pub/Sub does what the step's error asks for. Each Cloud
// Function is one [Handler].
package push

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// A Message is one delivery.
type Message struct {
	ID           string // the same for each delivery of what was published once
	Data         []byte
	Attributes   map[string]string
	Published    time.Time
	Subscription string // projects/P/subscriptions/S
	Attempt      int    // of this delivery, from 1; 0 where the subscription has no dead-letter policy
}

// errForm means that a request is no push of Pub/Sub's.
var errForm = errors.New("not a push from Pub/Sub")

// eventType is the type of the CloudEvent that Eventarc makes of a message.
// https://cloud.google.com/eventarc/docs/cloudevents#pubsub
const eventType = "google.cloud.pubsub.topic.v1.messagePublished"

// envelope is the body of a push, the same in both forms.
// https://cloud.google.com/pubsub/docs/push#receive_push
type envelope struct {
	Message *struct {
		Data        []byte            `json:"data"`
		Attributes  map[string]string `json:"attributes"`
		MessageID   string            `json:"messageId"`
		PublishTime time.Time         `json:"publishTime"`
	} `json:"message"`
	Subscription    string `json:"subscription"`
	DeliveryAttempt int    `json:"deliveryAttempt"`
}

// read takes the message out of a request: a binary or structured CloudEvent, or the wrapped JSON of a subscription of
// one's own. Errors are errForm, or those of reading the body.
func read(r *http.Request) (Message, error) {
	if isEvent(r.Header) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err != nil {
			return Message{}, bodyError(err)
		}
		return fromEvent(e)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return Message{}, err
	}
	return fromBody(body)
}

func isEvent(h http.Header) bool {
	if h.Get("ce-specversion") != "" {
		return true
	}
	media, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return strings.HasPrefix(media, event.ApplicationCloudEventsJSON)
}

// bodyError keeps a body that is too large or was cut apart from one that says the wrong thing.
func bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: %v", errForm, err)
}

func fromEvent(e *event.Event) (Message, error) {
	if e.Type() != eventType {
		return Message{}, fmt.Errorf("%w: a CloudEvent of type %q", errForm, e.Type())
	}
	m, err := fromBody(e.Data())
	if err == nil && m.ID != e.ID() {
		// The id in the header is the message's; a difference means that somebody put the two together.
		return Message{}, fmt.Errorf("%w: CloudEvent %q holds message %q", errForm, e.ID(), m.ID)
	}
	return m, err
}

func fromBody(body []byte) (Message, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Message{}, fmt.Errorf("%w: %v", errForm, err)
	}
	switch {
	case e.Message == nil:
		return Message{}, fmt.Errorf("%w: message is missing", errForm)
	case e.Message.MessageID == "":
		return Message{}, fmt.Errorf("%w: message.messageId is missing", errForm)
	case e.Subscription == "":
		return Message{}, fmt.Errorf("%w: subscription is missing", errForm)
	}
	return Message{
		ID: e.Message.MessageID, Data: e.Message.Data, Attributes: e.Message.Attributes, Published: e.Message.PublishTime,
		Subscription: e.Subscription, Attempt: e.DeliveryAttempt,
	}, nil
}
