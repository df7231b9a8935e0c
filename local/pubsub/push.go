package pubsub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxWindow bounds the pushes of one subscription that are under way at once. The window begins small, doubles with each
// success that fills it and halves with each failure, as the service's slow start does.
// https://cloud.google.com/pubsub/docs/push#push_delivery_rate
const (
	firstWindow = 3
	maxWindow   = 64
)

// pusher delivers one subscription's messages.
type pusher struct {
	sub    *subscription
	window int
	flying int
	back   chan bool // how each push ended
}

// push runs until the subscription or the server ends.
func (sub *subscription) push() {
	p := &pusher{sub: sub, window: firstWindow, back: make(chan bool, maxWindow)}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		leases, changed, over := p.take()
		if over {
			break
		}
		for _, l := range leases {
			p.flying++
			go func() { p.back <- p.deliver(ctx, l) }()
		}
		select {
		case ok := <-p.back:
			p.landed(ok)
		case <-changed:
		case <-sub.server.done:
		}
	}
	cancel()
	for ; p.flying > 0; p.flying-- {
		<-p.back
	}
}

func (p *pusher) take() (leases []lease, changed chan struct{}, over bool) {
	s := p.sub.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.sub.ended || s.closed {
		return nil, nil, true
	}
	if room := p.window - p.flying; room > 0 {
		leases = p.sub.take(room, maxPull)
	}
	if p.flying+len(leases) >= p.window {
		return leases, nil, false // what becomes ready must wait for a push to end
	}
	return leases, p.sub.changed, false
}

func (p *pusher) landed(ok bool) {
	if !ok {
		p.window = max(1, p.window/2)
	} else if p.flying >= p.window {
		p.window = min(maxWindow, p.window*2)
	}
	p.flying--
}

// deliver makes one push and tells the subscription how it ended.
func (p *pusher) deliver(ctx context.Context, l lease) bool {
	sub := p.sub
	deadline := time.Duration(sub.spec.AckDeadlineSeconds) * time.Second
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	err := sub.post(ctx, l)
	sub.server.mu.Lock()
	defer sub.server.mu.Unlock()
	if err == nil {
		sub.ack(l.ackID)
		return true
	}
	sub.stats.LastError = err.Error()
	sub.extend(l.ackID, 0)
	return false
}

// body is what a push carries: the service writes some names twice.
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
}

// post sends the wrapped JSON of a subscription of one's own. Any of five answers acknowledges.
// https://cloud.google.com/pubsub/docs/push#receive_push
func (sub *subscription) post(ctx context.Context, l lease) error {
	published := l.m.published.UTC().Format("2006-01-02T15:04:05.000Z")
	b := body{Subscription: sub.spec.Name, Message: bodyMessage{
		Data: l.m.data, Attributes: l.m.attributes, MessageID: l.m.id, MessageID2: l.m.id,
		PublishTime: published, PublishTime2: published,
	}}
	if sub.spec.GetDeadLetterPolicy() != nil {
		b.DeliveryAttempt = l.attempt
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, sub.spec.GetPushConfig().GetPushEndpoint(), bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)")
	answer, err := sub.server.cfg.Client.Do(r)
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
