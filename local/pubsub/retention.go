package pubsub

import (
	"context"
	"slices"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// armLapse has the oldest message go when it has been kept for as long as the subscription says.
func (sub *subscription) armLapse() {
	first := sub.all.Front()
	if sub.lapse != nil || first == nil || sub.server.closed {
		return
	}
	at := first.Value.(*delivery).m.published.Add(sub.spec.GetMessageRetentionDuration().AsDuration())
	sub.lapse = time.AfterFunc(max(time.Until(at), 0), func() {
		sub.server.mu.Lock()
		defer sub.server.mu.Unlock()
		sub.expire(time.Now())
	})
}

// rearmLapse looks anew at a retention that was changed.
func (sub *subscription) rearmLapse() {
	if sub.lapse != nil {
		sub.lapse.Stop()
		sub.lapse = nil
	}
	sub.armLapse()
}

// expire drops messages that were kept for long enough, as the service does whether they were delivered or not. Those that
// nobody acknowledged are counted and told.
func (sub *subscription) expire(now time.Time) {
	if sub.ended || sub.server.closed {
		return
	}
	before := sub.stats.Lapsed
	oldest := now.Add(-sub.spec.GetMessageRetentionDuration().AsDuration())
	for e := sub.all.Front(); e != nil && !e.Value.(*delivery).m.published.After(oldest); e = sub.all.Front() {
		d := e.Value.(*delivery)
		if d.state != acked {
			sub.stats.Lapsed++
		}
		sub.drop(d)
	}
	if n := sub.stats.Lapsed - before; n > 0 {
		sub.server.cfg.Log.Warn("messages lost: not acknowledged within the retention", "subscription", sub.spec.Name, "messages", n)
	}
	sub.sweep()
	sub.rearmLapse()
}

// sweep takes out of the queue what is not ready any more.
func (sub *subscription) sweep() {
	sub.ready = slices.DeleteFunc(sub.ready, func(d *delivery) bool { return d.state != ready })
}

// Seek acknowledges what was published before a time, and delivers again what was published since and is retained.
func (s *Server) Seek(_ context.Context, r *pb.SeekRequest) (*pb.SeekResponse, error) {
	if r.GetTime() == nil || r.GetTime().CheckValid() != nil {
		return nil, status.Errorf(codes.Unimplemented, "subscription %q: seek without a valid time: snapshots are not to be had here", r.GetSubscription())
	}
	return new(pb.SeekResponse), s.change(func() error {
		sub, err := s.subscription(r.GetSubscription())
		if err == nil {
			sub.seek(r.GetTime().AsTime())
		}
		return err
	})
}

func (sub *subscription) seek(to time.Time) {
	for e := sub.all.Front(); e != nil; {
		d := e.Value.(*delivery)
		e = e.Next() // d may go
		switch before := d.m.published.Before(to); {
		case before && d.state != acked:
			sub.finish(d)
		case !before && d.state == acked:
			sub.leave(d)
			d.attempt = 0
			sub.server.keep(d)
			sub.makeReady(d)
		}
	}
	sub.sweep()
	sub.wake()
}
