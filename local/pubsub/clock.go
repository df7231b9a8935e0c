package pubsub

import (
	"container/heap"
	"time"
)

// clock calls fire when the earliest of its deliveries is due: when an acknowledgement deadline ends, or the wait for a
// retry. The server's lock guards it; fire runs without it.
type clock struct {
	fire  func()
	heap  appointments
	timer *time.Timer
	next  time.Time // of the timer; zero when it does not run
	ended bool
}

// set makes d due at a time, and at no other.
func (c *clock) set(d *delivery, at time.Time) {
	d.at = at
	if d.index > 0 {
		heap.Fix(&c.heap, d.index-1)
	} else {
		heap.Push(&c.heap, d)
	}
	c.arm()
}

// unset leaves nothing of d, so that what was acknowledged is not held until its deadline.
func (c *clock) unset(d *delivery) {
	if d.index > 0 {
		heap.Remove(&c.heap, d.index-1)
	}
}

// arm has the timer fire for the earliest delivery. A timer that is early for want of that delivery does no harm.
func (c *clock) arm() {
	if c.ended || len(c.heap) == 0 {
		return
	}
	first := c.heap[0].at
	if !c.next.IsZero() && !first.Before(c.next) {
		return
	}
	c.next = first
	wait := max(time.Until(first), 0)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.fire)
		return
	}
	c.timer.Reset(wait)
}

// due takes the earliest delivery whose time has come.
func (c *clock) due(now time.Time) *delivery {
	if len(c.heap) == 0 || c.heap[0].at.After(now) {
		return nil
	}
	return heap.Pop(&c.heap).(*delivery)
}

func (c *clock) stop() {
	c.ended = true
	if c.timer != nil {
		c.timer.Stop()
	}
}

// appointments is a heap of deliveries, each of which knows its place from 1: 0 is nowhere.
type appointments []*delivery

func (a appointments) Len() int           { return len(a) }
func (a appointments) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a appointments) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].index, a[j].index = i+1, j+1
}

func (a *appointments) Push(x any) {
	d := x.(*delivery)
	*a = append(*a, d)
	d.index = len(*a)
}

func (a *appointments) Pop() any {
	last := (*a)[len(*a)-1]
	(*a)[len(*a)-1] = nil // the delivery may go
	*a = (*a)[:len(*a)-1]
	last.index = 0
	return last
}
