// Package pipeline takes events to alerts: it holds an event whose container is not known yet, runs the rules, throttles,
// redacts and hands finished alerts on. It does not read the kernel and does not send: sensor/node gives it events, from
// the probe or from a capture, and takes its alerts.
//
// A Pipeline belongs to one goroutine at a time; sensor/node guards it with the lock that guards the process table.
package pipeline

import (
	"maps"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

// Containers is what the pipeline asks of sensor/container.
type Containers interface {
	// Pending reports whether the metadata of the event's container may still come in time.
	Pending(*event.Event) bool
	// Lookup returns what is known of a container by its full id now, or nil.
	Lookup(fullID string) *event.Container
}

// Config wires a Pipeline. Rules, Safe, Build and Publish are required.
type Config struct {
	// Rules returns the set in force. It is asked once per event.
	Rules func() *rules.Set
	// Safe returns a copy of an event that may be shown: without secrets.
	Safe func(*event.Event) *event.Event
	// Build makes the alert of a rule that matched. It numbers nothing: Publish does, since a throttled alert has no number.
	Build func(safe *event.Event, r *rules.Rule) *alert.Alert
	// Publish takes a finished alert and must not block.
	Publish func(*alert.Alert)
	// Kept is called when the throttle keeps an alert for later, and when a first event is held: [Pipeline.Wake] may have
	// another answer then. May be nil.
	Kept func()
	// Containers may be nil: then no event is held.
	Containers Containers
	// Tap sees every event that the rules see, before them; nil for none. With a tap every event is held for its
	// container, whether a rule asks for it or not.
	Tap func(*event.Event)
	// MaxHeld bounds the events held at once. Default 8192: about 20 MiB with three ancestors each, so that MaxHeldBytes is
	// the bound for most.
	MaxHeld int
	// MaxHeldBytes bounds what the held events take by estimate: each with its lineage, which is 1 to 28 KiB, and with its
	// paths and arguments, but for the map of who is held. Default 16 MiB.
	MaxHeldBytes int
	// HoldFor bounds how long an event is held should Containers call it pending for ever. It is longer than Containers
	// wait by themselves. Default 2 s.
	HoldFor time.Duration
	// MaxWindows bounds the throttle's open windows. Default 16384, at most about 8 MiB with what they are known by.
	MaxWindows int
	// MaxThrottleBytes bounds the alerts that those windows keep, in bytes on the wire. In memory an alert of long strings
	// takes as much, one of many short arguments several times that. Default 8 MiB.
	MaxThrottleBytes int
}

// A Pipeline is made by [New].
type Pipeline struct {
	config   Config
	throttle *throttle
	hold     *hold

	set  *rules.Set   // of the event being matched
	ev   *event.Event // the event being matched
	safe *event.Event // its copy without secrets, made for the first rule that matches
	fire func(*rules.Rule)
	key  []byte // what per returned last, to be used again

	events     [event.Kinds]uint64
	alerts     uint64
	matches    map[string]uint64 // by rule
	untimed    int               // events since the last that was timed
	evaluation Evaluation
}

// New returns a pipeline without events.
func New(c Config) *Pipeline {
	if c.MaxHeld == 0 {
		c.MaxHeld = 8192
	}
	if c.MaxWindows == 0 {
		c.MaxWindows = 16384
	}
	if c.MaxThrottleBytes == 0 {
		c.MaxThrottleBytes = defaultThrottleBytes
	}
	if c.MaxHeldBytes == 0 {
		c.MaxHeldBytes = defaultHeldBytes
	}
	if c.HoldFor == 0 {
		c.HoldFor = defaultHoldFor
	}
	p := &Pipeline{config: c, hold: newHold(c.MaxHeld), matches: make(map[string]uint64)}
	p.hold.maxBytes, p.hold.holdFor = c.MaxHeldBytes, int64(c.HoldFor)
	p.throttle = newThrottle(c.MaxWindows, p.send)
	p.throttle.maxBytes = c.MaxThrottleBytes
	if c.Kept != nil {
		p.throttle.kept, p.hold.kept = c.Kept, c.Kept
	}
	// One closure for all events: a literal in match would be one allocation an event.
	p.fire = p.fired
	return p
}

// Wants reports whether any rule, or the tap, is to see events of this kind.
func (p *Pipeline) Wants(ev *event.Event) bool {
	return p.config.Tap != nil || p.config.Rules().Filter()[ev.Kind] != event.Off
}

// Handle takes one event that rules see. It keeps nothing of it but copies.
func (p *Pipeline) Handle(ev *event.Event) {
	p.events[ev.Kind]++
	p.expire(ev.Time)
	if p.mustHold(ev) && p.hold.add(ev) {
		return
	}
	p.match(ev)
}

func (p *Pipeline) mustHold(ev *event.Event) bool {
	if p.config.Containers == nil || ev.Container.Metadata == event.MetadataComplete && p.hold.size == 0 {
		return false
	}
	if p.hold.has(ev.Container.FullID) {
		return true
	}
	return ev.Container.Metadata == event.MetadataMissing &&
		(p.config.Tap != nil || p.config.Rules().NeedsMetadata(ev.Kind)) && p.config.Containers.Pending(ev)
}

// Release lets go the held events whose container is known now or whose time is up.
func (p *Pipeline) Release() {
	for _, id := range append([]string(nil), p.hold.order...) {
		first := p.hold.queues[id].events[0]
		if p.config.Containers.Pending(first) {
			continue
		}
		p.letGo(id)
	}
}

func (p *Pipeline) letGo(id string) {
	c := p.config.Containers.Lookup(id)
	for _, ev := range p.hold.take(id) {
		if c == nil || c.Metadata == event.MetadataMissing {
			p.hold.expired++
		} else {
			ev.Container = c
		}
		p.match(ev)
	}
}

// Tick does by the clock, for when no event comes that would, what is due: it ends throttle windows and lets go events
// whose container stays pending for too long.
func (p *Pipeline) Tick(now time.Time) { p.expire(now.UnixNano()) }

func (p *Pipeline) expire(now int64) {
	for at, ok := p.hold.wake(); ok && at <= now; at, ok = p.hold.wake() {
		p.letGo(p.hold.oldest())
	}
	p.throttle.expire(now)
}

// Wake returns when Tick has something to do; false if it has not.
func (p *Pipeline) Wake() (time.Time, bool) {
	at, ok := p.throttle.wake()
	if held, holding := p.hold.wake(); holding && (!ok || held < at) {
		at, ok = held, true
	}
	return time.Unix(0, at), ok
}

// Drain lets everything go: held events as they are, and what the throttle kept.
func (p *Pipeline) Drain() {
	for id := p.hold.oldest(); id != ""; id = p.hold.oldest() {
		p.letGo(id)
	}
	p.throttle.flush()
}

func (p *Pipeline) match(ev *event.Event) {
	if p.config.Tap != nil {
		p.config.Tap(ev)
	}
	p.set, p.ev = p.config.Rules(), ev
	if p.untimed++; p.untimed == timedOf {
		p.untimed = 0
		start := time.Now()
		p.set.Match(ev, p.fire)
		p.evaluation.note(time.Since(start))
	} else {
		p.set.Match(ev, p.fire)
	}
	p.set, p.ev, p.safe = nil, nil, nil
}

// fired is called for each rule that matches p.ev.
func (p *Pipeline) fired(r *rules.Rule) {
	p.matches[r.Name]++
	if r.Throttle.Every <= 0 {
		p.send(p.config.Build(p.safeCopy(), r))
		return
	}
	k := keyOf(r.Name, p.per(r))
	if p.throttle.add(k, p.ev.Time) {
		p.throttle.put(k, r.Throttle.Every, p.ev.Time, p.config.Build(p.safeCopy(), r))
	}
}

// per joins the values of the fields that a throttle counts apart, each with NUL behind it; they hold until the next
// call. A rule that names none counts by container and executable, which is what makes two alerts the same thing to a
// person.
func (p *Pipeline) per(r *rules.Rule) []byte {
	key := p.key[:0]
	if len(r.Throttle.Per) == 0 {
		key = append(append(key, p.ev.Container.FullID...), 0)
		key = append(append(key, p.ev.Process.ExePath...), 0)
	}
	for _, f := range r.Throttle.Per {
		key, _ = f.Append(key, p.ev)
		key = append(key, 0)
	}
	p.key = key
	return key
}

func (p *Pipeline) safeCopy() *event.Event {
	if p.safe == nil {
		p.safe = p.config.Safe(p.ev)
	}
	return p.safe
}

func (p *Pipeline) send(a *alert.Alert) {
	p.alerts++
	p.config.Publish(a)
}

// Stats are counts since the start.
type Stats struct {
	Events      [event.Kinds]uint64 // that rules saw, by kind
	Alerts      uint64              // published
	Suppressed  uint64              // events counted in another's alert
	Evicted     uint64              // throttle windows closed early, because there were too many or too much in them
	Held        uint64              // events that waited for their container
	HoldExpired uint64              // of those, let go without metadata when their time was up
	HoldFull    uint64              // events that should have waited and could not: too many were held, or too much
	Matches     map[string]uint64   // events that a rule matched, throttled ones too, by rule
	Evaluation  Evaluation
}

// Stats returns the counts as they are.
func (p *Pipeline) Stats() Stats {
	return Stats{
		Events: p.events, Alerts: p.alerts,
		Suppressed: p.throttle.suppressed, Evicted: p.throttle.evicted,
		Held: p.hold.held, HoldExpired: p.hold.expired, HoldFull: p.hold.full,
		Matches: maps.Clone(p.matches), Evaluation: p.evaluation,
	}
}
