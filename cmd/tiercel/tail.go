package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	vkit "cloud.google.com/go/pubsub/v2/apiv1"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/alert"
)

// A tail is a subscription that lasts as long as somebody looks.
//
// It pulls and does not stream: the client's streams give messages to many goroutines at once, and in no order, while here
// one after the other is shown and then acknowledged.
type tail struct {
	calls  *vkit.SubscriptionAdminClient
	topic  string
	filter string
	show   func(*alert.Alert) error
	note   func(string) // tells a person, beside what is shown

	subscription string
	seen         recent
}

// Times of a tail's subscription. Retention and expiry are the least that Pub/Sub takes, so that what a killed command
// leaves behind is soon gone. https://cloud.google.com/pubsub/docs/subscription-properties
const (
	tailRetention = 10 * time.Minute
	tailExpiry    = 24 * time.Hour
	tailDeadline  = 60 // seconds that a terminal may be held before messages come again, and are dropped as seen
	tailCleanup   = 10 * time.Second
	tailPause     = 2 * time.Second // between tries
	tailPatience  = time.Minute
)

// run shows what comes until ctx is done or nobody reads what is shown.
func (t *tail) run(ctx context.Context) (err error) {
	t.subscription = fmt.Sprintf("projects/%s/subscriptions/tiercel-watch-%s", projectOf(t.topic), strings.ToLower(rand.Text()[:16]))
	defer func() { err = errors.Join(err, t.delete(ctx)) }()
	if err := t.create(ctx); err != nil {
		return unlessDone(ctx, err)
	}
	t.note(fmt.Sprintf("watching %s where %s", alert.Escape(t.topic), alert.Escape(t.filter)))
	for {
		got, err := t.pull(ctx)
		if err != nil {
			return unlessDone(ctx, answered("pull from "+t.subscription, err, access{"pubsub.subscriptions.consume on " + t.subscription}))
		}
		if err := t.take(ctx, got); errors.Is(err, syscall.EPIPE) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// pull returns what is there, or nothing after a while. It tries again what may pass, and says so once: the client
// would do it, too, and keep silent.
func (t *tail) pull(ctx context.Context) ([]*pb.ReceivedMessage, error) {
	once := gax.WithRetry(func() gax.Retryer { return nil })
	told := false
	for began := time.Now(); ; {
		got, err := t.calls.Pull(ctx, &pb.PullRequest{Subscription: t.subscription, MaxMessages: 100}, once)
		switch status.Code(err) {
		case codes.OK:
			return got.GetReceivedMessages(), nil
		case codes.DeadlineExceeded:
			if ctx.Err() == nil {
				return nil, nil
			}
		case codes.Unavailable, codes.Aborted, codes.Internal, codes.Unknown, codes.ResourceExhausted:
			if time.Since(began) < tailPatience && ctx.Err() == nil {
				if !told {
					t.note(fmt.Sprintf("no answer from Pub/Sub, trying again for a minute: %s", alert.Escape(err.Error())))
				}
				told = true
				select {
				case <-ctx.Done():
				case <-time.After(tailPause):
				}
				continue
			}
		}
		return nil, err
	}
}

// unlessDone is err, but for one that comes of being told to end.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (t *tail) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := t.calls.CreateSubscription(ctx, &pb.Subscription{
		Name: t.subscription, Topic: t.topic, Filter: t.filter, AckDeadlineSeconds: tailDeadline,
		MessageRetentionDuration: durationpb.New(tailRetention),
		ExpirationPolicy:         &pb.ExpirationPolicy{Ttl: durationpb.New(tailExpiry)},
		Labels:                   map[string]string{"made-by": "tiercel-watch"},
	})
	if err != nil {
		return named(answered("subscribe to "+t.topic, err, access{
			"pubsub.subscriptions.create on the project " + projectOf(t.topic), "pubsub.topics.attachSubscription on " + t.topic,
		}))
	}
	return nil
}

// delete also follows a creation of which no answer came: it may have been made.
func (t *tail) delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailCleanup)
	defer cancel()
	err := t.calls.DeleteSubscription(ctx, &pb.DeleteSubscriptionRequest{Subscription: t.subscription})
	if err == nil || status.Code(err) == codes.NotFound {
		return nil
	}
	return answered("delete "+t.subscription+", which expires in a day", err, access{"pubsub.subscriptions.delete on " + t.subscription})
}

// take shows messages and acknowledges those that were.
func (t *tail) take(ctx context.Context, messages []*pb.ReceivedMessage) (err error) {
	var shown []string
	for _, m := range messages {
		if err = t.one(m.GetMessage()); err != nil {
			break
		}
		shown = append(shown, m.AckId)
	}
	if len(shown) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailCleanup)
	defer cancel()
	ackErr := t.calls.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: t.subscription, AckIds: shown})
	if ackErr != nil {
		// They come again and are dropped as seen.
		t.note(fmt.Sprintf("acknowledge to %s: %s", t.subscription, alert.Escape(ackErr.Error())))
	}
	return err
}

func (t *tail) one(m *pb.PubsubMessage) error {
	a, err := alert.Unmarshal(m.GetData())
	if err == nil {
		err = alert.Validate(a)
	}
	if err != nil {
		t.note(fmt.Sprintf("message %s is not shown: %s", alert.Escape(m.GetMessageId()), alert.Escape(err.Error())))
		return nil
	}
	if !t.seen.add(a.GetAlertId()) {
		return nil
	}
	return t.show(a)
}

// recent remembers the last ids: as many as come again within any delay of Pub/Sub's that a person would sit through.
type recent struct {
	have map[[16]byte]bool
	ring [][16]byte
	next int
}

const maxRecent = 1 << 16

// add reports whether the id, of 32 hexadecimal digits, is new.
func (r *recent) add(id string) bool {
	var key [16]byte
	if _, err := hex.Decode(key[:], []byte(id)); err != nil {
		return true
	}
	if r.have[key] {
		return false
	}
	if r.have == nil {
		r.have = make(map[[16]byte]bool)
	}
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, key)
	} else {
		delete(r.have, r.ring[r.next])
		r.ring[r.next] = key
		r.next = (r.next + 1) % maxRecent
	}
	r.have[key] = true
	return true
}
