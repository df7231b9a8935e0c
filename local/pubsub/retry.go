package pubsub

import (
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// extend moves an acknowledgement deadline; 0 ends the delivery.
func (sub *subscription) extend(id string, seconds int32) {
	d := sub.outstanding[id]
	switch {
	case d == nil:
	case seconds == 0:
		sub.nack(d)
	default:
		sub.server.clock.set(d, time.Now().Add(time.Duration(seconds)*time.Second))
	}
}

// nack ends a delivery without an acknowledgement: the message becomes a dead letter or is tried again.
func (sub *subscription) nack(d *delivery) {
	sub.leave(d)
	d.state = waiting
	sub.waiting++
	sub.stats.Nacked++
	if dead := sub.spec.GetDeadLetterPolicy(); dead != nil && d.attempt >= int(dead.MaxDeliveryAttempts) && sub.deadLetter(d, dead.DeadLetterTopic) {
		return
	}
	wait := sub.server.waiting(backOff(sub.spec, d.attempt))
	if wait == 0 {
		sub.waiting--
		sub.makeReady(d)
		return
	}
	sub.server.clock.set(d, time.Now().Add(wait))
}

// backOff doubles with each attempt from the policy's least to its most. A policy's missing durations stand for 10 s and
// 600 s. Without a policy a message is tried again at once, and pushed again after 100 ms to 60 s.
// https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
// https://cloud.google.com/pubsub/docs/push#push_backoff
func backOff(spec *pb.Subscription, attempt int) time.Duration {
	policy := spec.GetRetryPolicy()
	least, most := 10*time.Second, 600*time.Second
	switch {
	case policy == nil && !isPush(spec):
		return 0
	case policy == nil:
		least, most = 100*time.Millisecond, 60*time.Second
	}
	if policy.GetMinimumBackoff() != nil {
		least = policy.MinimumBackoff.AsDuration()
	}
	if policy.GetMaximumBackoff() != nil {
		most = policy.MaximumBackoff.AsDuration()
	}
	wait := least
	for i := 1; i < attempt && wait < most && wait > 0; i++ {
		wait *= 2
	}
	return min(wait, most)
}

// due is called by the clock: acknowledgement deadlines end, and waits for a retry.
func (s *Server) due() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.next = time.Time{}
	if s.closed {
		return
	}
	now := time.Now()
	for d := s.clock.due(now); d != nil; d = s.clock.due(now) {
		if d.state == outstanding {
			d.sub.stats.Expired++
			d.sub.nack(d)
			continue
		}
		d.sub.waiting--
		d.sub.makeReady(d)
	}
	s.clock.arm()
}
