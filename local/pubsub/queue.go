package pubsub

import (
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// A subscription's messages are ready to be delivered, outstanding with somebody, or waiting for a retry. The server's
// lock guards all of it.
type subscription struct {
	server *Server
	spec   *pb.Subscription
	filter filter

	ready       []*delivery
	outstanding map[string]*delivery // by acknowledgement id
	waiting     int                  // for a retry
	changed     chan struct{}        // closed when something becomes ready or the subscription ends
	ended       bool
	nextAck     uint64

	stats SubscriptionStats
}

// A delivery is a message as one subscription has it.
type delivery struct {
	m       *message
	sub     *subscription
	attempt int    // of the delivery under way, or the last
	ackID   string // "" unless outstanding
	turn    int    // which of its appointments holds
	gone    bool
}

// A lease is a delivery under way, as whoever makes it sees it: the delivery itself may move on meanwhile.
type lease struct {
	m       *message
	ackID   string
	attempt int
}

func newSubscription(s *Server, spec *pb.Subscription, f filter) *subscription {
	return &subscription{server: s, spec: spec, filter: f, outstanding: make(map[string]*delivery), changed: make(chan struct{})}
}

func (sub *subscription) wake() {
	close(sub.changed)
	sub.changed = make(chan struct{})
}

func (sub *subscription) add(m *message) {
	if m.holders++; m.holders == 1 {
		sub.server.bytes += m.size
	}
	sub.makeReady(&delivery{m: m, sub: sub})
}

func (sub *subscription) makeReady(d *delivery) {
	sub.ready = append(sub.ready, d)
	if len(sub.ready) == 1 {
		sub.wake()
	}
}

// take begins the delivery of up to n messages, of at most max bytes together but at least one.
func (sub *subscription) take(n int, max int64) []lease {
	var taken []lease
	deadline := time.Now().Add(time.Duration(sub.spec.AckDeadlineSeconds) * time.Second)
	for len(taken) < n && len(sub.ready) > 0 {
		d := sub.ready[0]
		if max -= d.m.size; max < 0 && len(taken) > 0 {
			break
		}
		sub.ready[0] = nil
		sub.ready = sub.ready[1:]
		d.attempt++
		sub.nextAck++
		d.ackID = sub.spec.Name + ":" + strconv.FormatUint(sub.nextAck, 10)
		sub.outstanding[d.ackID] = d
		sub.stats.Delivered++
		sub.server.clock.add(d, deadline)
		taken = append(taken, lease{d.m, d.ackID, d.attempt})
	}
	return taken
}

// ack ends a message's stay. An id that is not outstanding is none of this subscription's any more, and no error: the
// service says the same of both.
func (sub *subscription) ack(id string) {
	if d := sub.outstanding[id]; d != nil {
		delete(sub.outstanding, id)
		sub.stats.Acked++
		sub.drop(d)
	}
}

// drop lets go of the message.
func (sub *subscription) drop(d *delivery) {
	d.turn++
	d.gone, d.ackID = true, ""
	if d.m.holders--; d.m.holders == 0 {
		sub.server.bytes -= d.m.size
	}
	d.m = nil // the clock may hold d for a while
}

// extend moves an acknowledgement deadline; 0 ends the delivery.
func (sub *subscription) extend(id string, seconds int32) {
	d := sub.outstanding[id]
	switch {
	case d == nil:
	case seconds == 0:
		sub.nack(d)
	default:
		sub.server.clock.add(d, time.Now().Add(time.Duration(seconds)*time.Second))
	}
}

// nack ends a delivery without an acknowledgement: the message becomes a dead letter or is tried again.
func (sub *subscription) nack(d *delivery) {
	delete(sub.outstanding, d.ackID)
	d.ackID = ""
	sub.stats.Nacked++
	if dead := sub.spec.GetDeadLetterPolicy(); dead != nil && d.attempt >= int(dead.MaxDeliveryAttempts) && sub.deadLetter(d, dead.DeadLetterTopic) {
		return
	}
	wait := sub.backOff(d.attempt)
	if wait == 0 {
		d.turn++
		sub.makeReady(d)
		return
	}
	sub.waiting++
	sub.server.clock.add(d, time.Now().Add(wait))
}

// backOff doubles with each attempt from the policy's least to its most. Without a policy a message is tried again at
// once. A policy's zero durations stand for 10 s and 600 s.
// https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
func (sub *subscription) backOff(attempt int) time.Duration {
	policy := sub.spec.GetRetryPolicy()
	if policy == nil {
		return 0
	}
	least, most := 10*time.Second, 600*time.Second
	if policy.GetMinimumBackoff() != nil {
		least = policy.MinimumBackoff.AsDuration()
	}
	if policy.GetMaximumBackoff() != nil {
		most = policy.MaximumBackoff.AsDuration()
	}
	d := least
	for i := 1; i < attempt && d < most; i++ {
		d *= 2
	}
	return sub.server.waiting(min(d, most))
}

// due is called by the clock: acknowledgement deadlines end, and waits for a retry.
func (s *Server) due() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for d, ok := s.clock.next(now); ok; d, ok = s.clock.next(now) {
		switch {
		case d.gone:
		case d.ackID != "":
			d.sub.stats.Expired++
			d.sub.nack(d)
		default:
			d.sub.waiting--
			d.sub.makeReady(d)
		}
	}
	s.clock.arm()
}

// end drops everything.
func (sub *subscription) end() {
	sub.ended = true
	for _, d := range sub.ready {
		sub.drop(d)
	}
	for _, d := range sub.outstanding {
		sub.drop(d)
	}
	for _, a := range sub.server.clock.heap {
		if a.d.sub == sub && !a.d.gone {
			sub.drop(a.d)
		}
	}
	sub.ready, sub.outstanding, sub.waiting = nil, make(map[string]*delivery), 0
	sub.wake()
}
