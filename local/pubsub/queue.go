package pubsub

import (
	"container/list"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// A subscription has a delivery of each message that it was given, from the oldest. The server's lock guards all of it.
type subscription struct {
	server *Server
	spec   *pb.Subscription // replaced, never changed: whoever delivers reads it without the lock
	filter filter

	all         list.List            // of *delivery, in the order of publishing
	ready       []*delivery          // to be delivered
	outstanding map[string]*delivery // by acknowledgement id
	waiting     int                  // for a retry
	unwritten   int                  // to disk
	retained    int                  // acknowledged
	bytes       int64                // of messages not acknowledged
	changed     chan struct{}        // closed when something becomes ready or the subscription changes
	pushing     bool
	ended       bool
	lapse       *time.Timer // for the oldest

	stats SubscriptionStats
}

// A state is where a delivery stands.
type state int

const (
	unwritten state = iota // to disk yet: until then a crash could lose what was delivered
	ready
	outstanding // with somebody who may acknowledge it
	waiting     // for a retry
	acked       // and retained, so that a seek can bring it back
	gone
)

// A delivery is a message as one subscription has it.
type delivery struct {
	m       *message
	sub     *subscription
	state   state
	attempt int // of the delivery under way, or the last
	ackID   string
	holder  *stream       // whose flow control it is in, if any
	place   *list.Element // in the subscription's list
	at      time.Time     // when the clock calls
	index   int           // in the clock's heap, from 1
}

// A lease is a delivery under way, as whoever makes it sees it: the delivery itself may move on meanwhile.
type lease struct {
	m       *message
	ackID   string
	attempt int
	spec    *pb.Subscription
}

// A want is what somebody can take.
type want struct {
	n        int
	bytes    int64
	deadline time.Duration // 0 for the subscription's
	holder   *stream
}

func newSubscription(s *Server, spec *pb.Subscription, f filter) *subscription {
	return &subscription{server: s, spec: spec, filter: f, outstanding: make(map[string]*delivery), changed: make(chan struct{})}
}

func (sub *subscription) wake() {
	close(sub.changed)
	sub.changed = make(chan struct{})
}

// add gives the subscription a message. It is ready once it is on disk, if there is one, as the service's are.
func (sub *subscription) add(m *message) {
	d := &delivery{m: m, sub: sub}
	sub.hold(d)
	sub.server.keep(d)
	if st := sub.server.store; st != nil && !st.closed {
		sub.unwritten++
		st.open.fresh = append(st.open.fresh, d)
		return
	}
	sub.makeReady(d)
}

// hold gives a delivery its place among the others.
func (sub *subscription) hold(d *delivery) {
	s := sub.server
	if d.m.holders++; d.m.holders == 1 {
		s.bytes += d.m.size
		s.keepMessage(d.m)
	}
	d.place = sub.all.PushBack(d)
	sub.bytes += d.m.size
	sub.armLapse()
}

func (sub *subscription) makeReady(d *delivery) {
	d.state = ready
	sub.ready = append(sub.ready, d)
	if len(sub.ready) == 1 {
		sub.wake()
	}
}

// take begins the delivery of as many messages as are wanted, but at least one.
func (sub *subscription) take(w want) []lease {
	var taken []lease
	if w.deadline == 0 {
		w.deadline = time.Duration(sub.spec.AckDeadlineSeconds) * time.Second
	}
	deadline := time.Now().Add(w.deadline)
	for len(taken) < w.n && len(sub.ready) > 0 {
		d := sub.ready[0]
		if w.bytes -= d.m.size; w.bytes < 0 && len(taken) > 0 {
			break
		}
		sub.ready[0] = nil
		sub.ready = sub.ready[1:]
		taken = append(taken, sub.begin(d, w.holder, deadline))
	}
	return taken
}

func (sub *subscription) begin(d *delivery, holder *stream, deadline time.Time) lease {
	s := sub.server
	s.nextAck++
	d.state, d.attempt, d.holder = outstanding, d.attempt+1, holder
	d.ackID = sub.spec.Name + ":" + strconv.FormatUint(s.nextAck, 10)
	sub.outstanding[d.ackID] = d
	sub.stats.Delivered++
	s.clock.set(d, deadline)
	s.keep(d)
	if holder != nil {
		holder.hold(d.m.size)
	}
	return lease{d.m, d.ackID, d.attempt, sub.spec}
}

// leave ends what d's state needed. A ready delivery stays in the queue: whoever removes it there sweeps.
func (sub *subscription) leave(d *delivery) {
	switch d.state {
	case unwritten:
		sub.unwritten--
	case outstanding:
		delete(sub.outstanding, d.ackID)
		if d.holder != nil {
			d.holder.release(d.m.size)
		}
		d.ackID, d.holder = "", nil
	case waiting:
		sub.waiting--
	case acked:
		sub.retained--
		sub.bytes += d.m.size
	}
	sub.server.clock.unset(d)
}

// ack ends a message's stay. An id that is not outstanding is none of this subscription's any more, and no error: the
// service says the same of both.
func (sub *subscription) ack(id string) {
	if d := sub.outstanding[id]; d != nil {
		sub.stats.Acked++
		sub.finish(d)
	}
}

// finish keeps an acknowledged message if the subscription shall, else lets go of it.
func (sub *subscription) finish(d *delivery) {
	if !sub.spec.GetRetainAckedMessages() {
		sub.drop(d)
		return
	}
	sub.leave(d)
	d.state = acked
	sub.retained++
	sub.bytes -= d.m.size
	sub.server.keep(d)
}

// drop lets go of the message.
func (sub *subscription) drop(d *delivery) {
	sub.leave(d)
	d.state = gone
	sub.all.Remove(d.place)
	sub.bytes -= d.m.size
	sub.server.forget(d)
	if d.m.holders--; d.m.holders == 0 {
		sub.server.bytes -= d.m.size
		sub.server.forgetMessage(d.m)
	}
}

// clear drops everything.
func (sub *subscription) clear() {
	for e := sub.all.Front(); e != nil; e = sub.all.Front() {
		sub.drop(e.Value.(*delivery))
	}
	sub.sweep()
	sub.wake()
}
