package pubsub

import (
	"context"
	"time"
)

// The window is how many pushes of one subscription are under way at once. It begins small, doubles with each success that
// fills it and halves with each failure, as the service's slow start does.
// https://cloud.google.com/pubsub/docs/push#push_delivery_rate
const (
	firstWindow = 3
	maxWindow   = 1000
)

// pusher delivers one subscription's messages.
type pusher struct {
	sub    *subscription
	window int
	flying int
	back   chan bool // how each push ended
}

// startPush has messages pushed if the subscription says so. The caller has the lock.
func (sub *subscription) startPush() {
	if s := sub.server; !sub.pushing && sub.pushes() {
		sub.pushing = true
		s.beside.Go(sub.push)
	}
}

func (sub *subscription) pushes() bool {
	return !sub.server.closed && !sub.ended && !sub.spec.Detached && isPush(sub.spec)
}

// push runs until the subscription or the server ends, or the subscription is pulled from.
func (sub *subscription) push() {
	p := &pusher{sub: sub, window: firstWindow, back: make(chan bool, maxWindow)}
	for {
		leases, changed, over := p.take()
		if over {
			break
		}
		for _, l := range leases {
			p.flying++
			go func() { p.back <- p.deliver(l) }()
		}
		select {
		case ok := <-p.back:
			p.landed(ok)
		case <-changed:
		}
	}
	for ; p.flying > 0; p.flying-- {
		<-p.back
	}
}

func (p *pusher) take() (leases []lease, changed chan struct{}, over bool) {
	s := p.sub.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.sub.pushes() {
		p.sub.pushing = false
		return nil, nil, true
	}
	if room := p.window - p.flying; room > 0 {
		leases = p.sub.take(want{n: room, bytes: maxPull})
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
func (p *pusher) deliver(l lease) bool {
	sub, s := p.sub, p.sub.server
	ctx, cancel := context.WithTimeout(s.ctx, time.Duration(l.spec.AckDeadlineSeconds)*time.Second)
	defer cancel()
	err := s.post(ctx, l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		sub.ack(l.ackID)
		return true
	}
	if s.closed {
		return false // broken off: the next server delivers it again, and it must not become a dead letter for that
	}
	sub.stats.LastError, sub.stats.LastErrorAt = err.Error(), time.Now()
	sub.extend(l.ackID, 0)
	return false
}
