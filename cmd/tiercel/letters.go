package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	vkit "cloud.google.com/go/pubsub/v2/apiv1"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// letters reads a subscription through, from what is there to the last, and leaves in it what it is not told to take.
type letters struct {
	calls        *vkit.SubscriptionAdminClient
	subscription string
	wait         time.Duration // for one more, before all count as seen

	held []string // acknowledgement ids of what is to be given back
}

// maxLooked bounds what is remembered of a subscription: some 40 MB of ids.
const maxLooked = 100_000

// each gives do every message once, in batches, until do has enough. What do returns as done is acknowledged; the rest is given
// back at the end, however that comes, for at once it would only come again.
func (l *letters) each(ctx context.Context, do func(context.Context, []letter) (done []letter, enough bool, err error)) (err error) {
	defer func() {
		if backErr := l.giveBack(ctx); err == nil {
			err = backErr
		}
	}()
	seen := make(map[string]bool)
	for last := time.Now(); time.Since(last) < l.wait; {
		batch, err := l.pull(ctx, seen)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(min(askEvery, l.wait)):
			}
			continue
		}
		done, enough, err := do(ctx, batch)
		if err := errors.Join(err, l.settle(ctx, batch, done)); err != nil || enough {
			return err
		}
		if len(seen) > maxLooked {
			return fmt.Errorf("%s: more than %d messages: it was not read to the end", l.subscription, maxLooked)
		}
		last = time.Now()
	}
	return nil
}

// askEvery is how often to ask a subscription that has nothing for the moment.
const askEvery = 200 * time.Millisecond

// pull returns messages that were not seen yet; none where there are none for the moment. It asks for an answer at once: a
// pull that waits and is broken off may have been given messages that nobody gives back.
func (l *letters) pull(ctx context.Context, seen map[string]bool) ([]letter, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	//lint:ignore SA1019 what it warns of, the load of asking often, is little for a person's command
	got, err := l.calls.Pull(ctx, &pb.PullRequest{Subscription: l.subscription, MaxMessages: 100, ReturnImmediately: true})
	if err != nil {
		return nil, named(answered("pull from "+l.subscription, err, access{"pubsub.subscriptions.consume on " + l.subscription}))
	}
	var fresh []letter
	for _, r := range got.GetReceivedMessages() {
		if id := r.GetMessage().GetMessageId(); seen[id] {
			l.held = append(l.held, r.AckId) // its lease ended while others were read
			continue
		}
		seen[r.GetMessage().GetMessageId()] = true
		fresh = append(fresh, newLetter(r))
	}
	return fresh, nil
}

// settle acknowledges what was done.
func (l *letters) settle(ctx context.Context, batch, done []letter) error {
	isDone := make(map[string]bool, len(done))
	var ids []string
	for _, d := range done {
		isDone[d.ackID] = true
		ids = append(ids, d.ackID)
	}
	for _, b := range batch {
		if !isDone[b.ackID] {
			l.held = append(l.held, b.ackID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := l.calls.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: l.subscription, AckIds: ids}); err != nil {
		return fmt.Errorf("%d messages are done and still in %s: %w", len(ids), l.subscription, err)
	}
	return nil
}

// giveBack ends the leases, so that others get the messages now.
func (l *letters) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	const most = 500 // ids of some 200 bytes, of a request's 512 KiB
	for len(l.held) > 0 {
		ids := l.held[:min(most, len(l.held))]
		l.held = l.held[len(ids):]
		err := l.calls.ModifyAckDeadline(ctx, &pb.ModifyAckDeadlineRequest{Subscription: l.subscription, AckIds: ids})
		if err != nil {
			return fmt.Errorf("give back to %s, where they are free again when the acknowledgement deadline ends: %w", l.subscription, err)
		}
	}
	return nil
}
