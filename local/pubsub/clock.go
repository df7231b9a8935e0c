package pubsub

import (
	"container/heap"
	"time"
)

// clock calls fire when the earliest of its appointments is due. The server's lock guards it; fire runs without it.
type clock struct {
	fire  func()
	heap  appointments
	timer *time.Timer
	ended bool
}

// An appointment is a delivery's next time: the end of its acknowledgement deadline, or of its wait for a retry. It is
// void once the delivery's turn has moved on.
type appointment struct {
	at   time.Time
	d    *delivery
	turn int
}

func (c *clock) add(d *delivery, at time.Time) {
	d.turn++
	heap.Push(&c.heap, appointment{at, d, d.turn})
	c.arm()
}

func (c *clock) arm() {
	if c.ended || len(c.heap) == 0 {
		return
	}
	wait := max(time.Until(c.heap[0].at), 0)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.fire)
		return
	}
	c.timer.Reset(wait)
}

// next takes the earliest appointment that is due, leaving out void ones.
func (c *clock) next(now time.Time) (*delivery, bool) {
	for len(c.heap) > 0 && !c.heap[0].at.After(now) {
		a := heap.Pop(&c.heap).(appointment)
		if a.turn == a.d.turn {
			return a.d, true
		}
	}
	return nil, false
}

func (c *clock) stop() {
	c.ended = true
	if c.timer != nil {
		c.timer.Stop()
	}
}

type appointments []appointment

func (a appointments) Len() int           { return len(a) }
func (a appointments) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a appointments) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *appointments) Push(x any)        { *a = append(*a, x.(appointment)) }
func (a *appointments) Pop() any {
	last := (*a)[len(*a)-1]
	(*a)[len(*a)-1] = appointment{} // the delivery may go
	*a = (*a)[:len(*a)-1]
	return last
}
