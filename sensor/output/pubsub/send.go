package pubsub

import (
	"context"
	"math/rand/v2"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/spool"
)

// repeatAfter is how often trouble that lasts is logged again.
const repeatAfter = time.Hour

// session is a client and two publishers of the topic: one that gathers messages into requests, and one that sends each
// alone, to find out which of a refused request is the bad one.
type session struct {
	client         *pubsub.Client
	batches, alone *pubsub.Publisher
}

func (o *Output) connect(ctx context.Context) (*session, error) {
	client, err := pubsub.NewClient(ctx, o.cfg.project(), o.cfg.Options...)
	if err != nil {
		return nil, err
	}
	publisher := func(count int) *pubsub.Publisher {
		p := client.Publisher(o.cfg.Topic)
		p.PublishSettings.CountThreshold = count
		p.PublishSettings.ByteThreshold = 1 << 20
		p.PublishSettings.DelayThreshold = 5 * time.Millisecond
		p.PublishSettings.Timeout = o.cfg.Timeout
		// A round never exceeds these; should it, it fails at once and is sent again.
		p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
			MaxOutstandingMessages: o.cfg.MaxMessages + 1,
			// Attributes and JSON make a message larger than what the spool keeps.
			MaxOutstandingBytes:   4*o.cfg.MaxBytes + 4*alert.MaxSize,
			LimitExceededBehavior: pubsub.FlowControlSignalError,
		}
		return p
	}
	return &session{client, publisher(o.cfg.MaxMessages), publisher(1)}, nil
}

// close lets go of the connection. The publishers wait for what is under way, so it is not waited for.
func (s *session) close() {
	if s == nil {
		return
	}
	go func() {
		s.batches.Stop()
		s.alone.Stop()
		s.client.Close()
	}()
}

// run drains the spool until the Output is closed.
func (o *Output) run() {
	defer close(o.done)
	var s *session
	defer func() { s.close() }()
	backoff := time.Duration(0)
	for o.ctx.Err() == nil {
		if s == nil {
			var err error
			if s, err = o.connect(o.ctx); err != nil {
				o.trouble(noCredentials, err)
				backoff = o.pause(backoff, noCredentials)
				continue
			}
		}
		v := o.round(s, backoff > 0)
		switch {
		case v != sent && o.isDraining():
			return
		case v != sent:
			backoff = o.pause(backoff, v)
			continue
		}
		backoff = 0
		if !o.waitForWork(s) {
			return
		}
	}
}

// round takes what there is and sends it. After a failure one message tries the way for all.
func (o *Output) round(s *session, probe bool) verdict {
	n := o.cfg.MaxMessages
	if probe {
		n = 1
	}
	for {
		items := o.spool.Take(n, o.cfg.MaxBytes)
		if len(items) == 0 {
			return sent
		}
		n = o.cfg.MaxMessages
		v, err := o.send(s.batches, items, func(rest []*spool.Item) (verdict, error) {
			return o.send(s.alone, rest, nil)
		})
		if v != sent {
			o.trouble(v, err)
			return v
		}
		o.well()
	}
}

// send publishes items and settles each. Those of a refused request go to again, or, without one, to quarantine.
func (o *Output) send(p *pubsub.Publisher, items []*spool.Item, again func([]*spool.Item) (verdict, error)) (verdict, error) {
	results := make([]*pubsub.PublishResult, len(items))
	for i, it := range items {
		data, attrs, err := o.message(it.Data)
		if err != nil {
			o.putAside(it, err)
			continue
		}
		results[i] = p.Publish(o.ctx, &pubsub.Message{Data: data, Attributes: attrs})
	}
	worst, worstErr := sent, error(nil)
	var suspects []*spool.Item
	for i, it := range items {
		if results[i] == nil {
			continue
		}
		_, err := results[i].Get(o.ctx)
		switch v := classify(err); {
		case v == sent:
			o.spool.Ack(it)
			o.count(func(st *Stats) { st.Sent++ })
		case v == refused && again != nil:
			suspects = append(suspects, it)
		case v == refused || v == tooLarge:
			o.putAside(it, err)
		default:
			o.waits(it)
			o.spool.Nack(it)
			worst, worstErr = max(worst, v), err
		}
	}
	if len(suspects) > 0 {
		if v, err := again(suspects); v > worst {
			worst, worstErr = v, err
		}
	}
	return worst, worstErr
}

// putAside takes a message out of the way that will never be taken.
func (o *Output) putAside(it *spool.Item, why error) {
	reason := shorten(why)
	kept := o.quarantine.add(it.Seq, it.Data, reason)
	o.spool.Discard(it)
	o.count(func(st *Stats) {
		st.Quarantined++
		st.Errors[code(why)]++
		st.LastError = reason
	})
	o.log.Error("alert refused for good and put aside", "seq", it.Seq, "err", reason, "file", o.quarantine.path, "kept", kept == nil)
}

// waitForWork returns when there may be something to send, or false when the Output is closed and all is sent.
func (o *Output) waitForWork(s *session) bool {
	draining := o.draining
	var again <-chan time.Time
	if o.isDraining() {
		select {
		case h := <-o.heartbeat:
			o.sendHeartbeat(s, h)
		default:
		}
		st := o.spool.Stats()
		if st.OnDisk+st.InMemory == 0 {
			return false
		}
		draining, again = nil, time.After(10*time.Millisecond) // for the last commit
	}
	select {
	case <-o.spool.Ready():
	case h := <-o.heartbeat:
		o.sendHeartbeat(s, h)
	case <-draining:
	case <-again:
	case <-o.ctx.Done():
		return false
	}
	return true
}

// sendHeartbeat tries once.
func (o *Output) sendHeartbeat(s *session, h *alert.Alert) {
	data, err := alert.Marshal(h, o.cfg.Encoding)
	if err == nil {
		_, err = s.alone.Publish(o.ctx, &pubsub.Message{Data: data, Attributes: alert.Attributes(h)}).Get(o.ctx)
	}
	if err != nil {
		o.missed()
		o.trouble(classify(err), err)
		return
	}
	o.count(func(st *Stats) { st.Heartbeats++ })
	o.well()
}

func (o *Output) isDraining() bool {
	select {
	case <-o.draining:
		return true
	default:
		return false
	}
}

// pause waits after a failure, at random between half of and the whole next delay, which it returns.
func (o *Output) pause(last time.Duration, v verdict) time.Duration {
	limit := o.cfg.BackoffMax
	if v.misconfigured() {
		limit *= 5
	}
	next := min(max(2*last, o.cfg.BackoffMin), limit)
	t := time.NewTimer(next/2 + rand.N(next/2+1))
	defer t.Stop()
	select {
	case <-t.C:
	case <-o.draining:
	case <-o.ctx.Done():
	}
	if o.isDraining() && last > 0 {
		o.cancel() // tried once more after Close; it stays in the spool
	}
	return next
}

// waits notes when what could not be sent happened.
func (o *Output) waits(it *spool.Item) {
	a, err := alert.Unmarshal(it.Data)
	if err != nil {
		return // what cannot be read is put aside, and does not wait
	}
	at, err := alert.ParseTime(a.GetTime())
	if err != nil {
		return
	}
	o.count(func(st *Stats) {
		if st.Oldest.IsZero() || at.Before(st.Oldest) {
			st.Oldest = at
		}
	})
}

func (o *Output) count(f func(*Stats)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(&o.stats)
}

// trouble notes a failure and logs it when it is new, or has lasted for another hour.
func (o *Output) trouble(v verdict, err error) {
	if o.ctx.Err() != nil {
		return // our own doing
	}
	state, text := StateUnreachable, shorten(err)
	if v.misconfigured() {
		state = StateMisconfigured
		text += ": " + advice(o.cfg.Topic, v)
	}
	now := time.Now()
	o.mu.Lock()
	tell := o.stats.State != state || now.Sub(o.told) >= repeatAfter
	o.stats.State, o.stats.LastError = state, text
	o.stats.Errors[code(err)]++
	if tell {
		o.told = now
	}
	o.mu.Unlock()
	if tell {
		st := o.spool.Stats()
		o.log.Error("Pub/Sub does not take alerts; they are kept and sent later", "state", state, "err", text,
			"waiting", st.OnDisk+st.InMemory)
	}
}

func (o *Output) well() {
	o.mu.Lock()
	was := o.stats.State
	o.stats.State, o.stats.Oldest = StateOK, time.Time{}
	o.mu.Unlock()
	if was != StateOK {
		o.log.Info("Pub/Sub takes alerts again", "was", was)
	}
}
