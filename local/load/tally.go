package load

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/internal/scc"
	"tiercel.dev/local"
)

// A Tally follows each alert by its id: from its sensor to both topics and into a finding. It is safe for concurrent use.
type Tally struct {
	now func() time.Time

	mu       sync.Mutex
	alerts   map[string]*followed // by alert_id
	unknown  map[string]int       // messages of ids that no sensor gave, by topic
	arrived  map[string]int       // alerts that are on a topic, by topic
	doubled  map[string]int       // messages more than one for an alert
	sizes    []int                // of alerts on the enriched topic, with attributes
	beats    map[string]int       // the largest heartbeat, by topic
	findings map[string]*Finding  // by id
	Minutes  map[time.Time]*Minute
	bytes    []int // of findings written
}

type followed struct {
	finding string
	on      map[string]bool
	events  uint64
}

// A Finding is what alerts come to.
type Finding struct {
	Severity  alert.Severity
	Alerts    int
	Events    uint64        // that its alerts stand for
	Says      uint64        // as it was last written
	Since     time.Time     // when the first alert was published, in the time that stands
	Wait      time.Duration // from there to the first write; negative before
	began     time.Time     // in real time
	Took      time.Duration // the same in real time
	published bool
}

// A Minute is one of the time that stands.
type Minute struct {
	Alerts, Events, Writes int
	Bytes                  int64
}

func newTally(now func() time.Time) *Tally {
	return &Tally{
		now: now, beats: make(map[string]int), alerts: make(map[string]*followed), unknown: make(map[string]int), arrived: make(map[string]int), doubled: make(map[string]int),
		findings: make(map[string]*Finding), Minutes: make(map[time.Time]*Minute),
	}
}

func (t *Tally) minute() *Minute {
	at := t.now().Truncate(time.Minute)
	if t.Minutes[at] == nil {
		t.Minutes[at] = new(Minute)
	}
	return t.Minutes[at]
}

func (t *Tally) finding(id string) *Finding {
	if t.findings[id] == nil {
		t.findings[id] = &Finding{Wait: -1, Took: -1}
	}
	return t.findings[id]
}

// published is told of each alert that a sensor has numbered.
func (t *Tally) published(a *alert.Alert) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id, events := scc.ID(a), 1+a.GetSuppressed().GetCount()
	t.alerts[a.AlertId] = &followed{finding: id, on: make(map[string]bool, 2), events: events}
	m := t.minute()
	m.Alerts++
	m.Events += int(events)
	f := t.finding(id)
	if !f.published {
		f.published, f.Since, f.began = true, t.now(), time.Now()
	}
	f.Alerts++
	f.Events += events
	f.Severity = max(f.Severity, a.GetSeverity())
}

// message is told of each that a subscriber of a topic was given.
func (t *Tally) message(topic, id string, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.alerts[id]
	switch {
	case a == nil:
		t.unknown[topic]++
		return
	case a.on[topic]:
		t.doubled[topic]++
		return
	}
	a.on[topic] = true
	t.arrived[topic]++
	if topic == local.EnrichedTopic {
		t.sizes = append(t.sizes, size)
	}
}

// beat is told of one sensor's heartbeats.
func (t *Tally) beat(topic, _ string, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.beats[topic] = max(t.beats[topic], size)
}

// wrote is told of each write of a finding.
func (t *Tally) wrote(w *pb.Finding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.minute()
	m.Writes++
	m.Bytes += int64(proto.Size(w))
	t.bytes = append(t.bytes, proto.Size(w))
	f := t.finding(w.Name[strings.LastIndex(w.Name, "/")+1:])
	f.Says = uint64(w.SourceProperties["count"].GetNumberValue())
	if f.Wait < 0 && f.published {
		f.Wait, f.Took = t.now().Sub(f.Since), time.Since(f.began)
	}
}

// read reports whether subscribers of both topics have every alert.
func (t *Tally) read() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.arrived[local.RawTopic] == len(t.alerts) && t.arrived[local.EnrichedTopic] == len(t.alerts)
}

// written reports whether all findings say what their alerts came to.
func (t *Tally) written() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.findings {
		if f.published && f.Says != f.Events {
			return false
		}
	}
	return true
}

func (t *Tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%d alerts, %d on the raw topic, %d on the enriched one", len(t.alerts), t.arrived[local.RawTopic], t.arrived[local.EnrichedTopic])
}

// A Sum is what a tally came to.
type Sum struct {
	Alerts        int
	Events        uint64 // that the alerts stand for
	Raw, Enriched int    // alerts that subscribers of the topics were given
	Doubled       int    // messages more than one for an alert, on both
	Unknown       int    // messages of ids that no sensor gave
	Findings      int    // that the alerts should be in
	Wrong         int    // of those, not written yet or with another count
	Writes        int
	MostWrites    int // in a minute
	BeatRaw, Beat int // a heartbeat on the topics, as SizeP50
	SizeP50       int // of an alert on the enriched topic, with its attributes, in bytes
	SizeP99       int
	FindingP50    int                              // of a finding's write
	Wait, Took    map[alert.Severity]time.Duration // to the first write, of 99 of 100 findings
	Slowest       map[alert.Severity]time.Duration // to the first write
	Unwritten     map[alert.Severity]int
	FindingsOf    map[alert.Severity]int
}

// Sum adds up.
func (t *Tally) Sum() Sum {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Sum{
		Alerts: len(t.alerts), Raw: t.arrived[local.RawTopic], Enriched: t.arrived[local.EnrichedTopic],
		BeatRaw: t.beats[local.RawTopic], Beat: t.beats[local.EnrichedTopic],
		SizeP50: at(t.sizes, 0.5), SizeP99: at(t.sizes, 0.99), FindingP50: at(t.bytes, 0.5),
		Wait: make(map[alert.Severity]time.Duration), Took: make(map[alert.Severity]time.Duration),
		Slowest: make(map[alert.Severity]time.Duration), Unwritten: make(map[alert.Severity]int), FindingsOf: make(map[alert.Severity]int),
	}
	for _, topic := range []string{local.RawTopic, local.EnrichedTopic} {
		s.Doubled += t.doubled[topic]
		s.Unknown += t.unknown[topic]
	}
	for _, m := range t.Minutes {
		s.Writes += m.Writes
		s.MostWrites = max(s.MostWrites, m.Writes)
	}
	waits, took := make(map[alert.Severity][]time.Duration), make(map[alert.Severity][]time.Duration)
	for _, f := range t.findings {
		if !f.published {
			continue // of the fleet's
		}
		s.Findings++
		s.Events += f.Events
		s.FindingsOf[f.Severity]++
		if f.Says != f.Events {
			s.Wrong++
		}
		if f.Wait < 0 {
			s.Unwritten[f.Severity]++
			continue
		}
		s.Slowest[f.Severity] = max(s.Slowest[f.Severity], f.Wait)
		waits[f.Severity], took[f.Severity] = append(waits[f.Severity], f.Wait), append(took[f.Severity], f.Took)
	}
	for severity := range waits {
		s.Wait[severity], s.Took[severity] = at(waits[severity], 0.99), at(took[severity], 0.99)
	}
	return s
}

// at is the value below which a share of xs is; xs is sorted in place.
func at[T int | time.Duration](xs []T, share float64) T {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	return xs[int(share*float64(len(xs)-1))]
}

// Each returns the minutes from one on, to the last in which there was anything.
func (t *Tally) Each(from time.Time) (all []Minute) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, m := range t.Minutes {
		i := int(at.Sub(from) / time.Minute)
		all = append(all, make([]Minute, max(0, i+1-len(all)))...)
		if i >= 0 {
			all[i] = *m
		}
	}
	return all
}
