package route

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
)

// The ledger. ledger/FINDING/00 to /15 hold which alerts were counted, each sensor's in one of them: an object takes one
// write a second, and a thousand nodes may have the same to tell at once. ledger/FINDING/head holds what was written of
// them (head.go). Sums stand in the objects' metadata, so that one listing tells of every finding whether it is written.
const (
	shards     = 16
	ledgerRoot = "ledger/"
)

// shardVersion is of the shards' form.
const shardVersion = 1

// A shard is a part of a finding's ledger.
type shard struct {
	Version int `json:"version"`

	Events uint64    `json:"events"` // an alert stands for itself and those it suppressed
	Alerts uint64    `json:"alerts"`
	Late   uint64    `json:"late,omitempty"` // deliveries that may have been counted before, or never: see maxSeqs
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Counts []*counts `json:"counts"`
	// Days are the events of each day (UTC, YYYYMMDD) of the last keepDays, and About what they are about.
	Days  map[string]uint64 `json:"days,omitempty"`
	About about             `json:"about,omitzero"`
}

// counts are the numbers that were counted of one count of a sensor's.
type counts struct {
	Sensor string    `json:"sensor"`
	Boot   string    `json:"boot"`
	Newest time.Time `json:"newest"`          // alert
	Floor  uint64    `json:"floor,omitempty"` // numbers up to this one are taken for counted
	Seqs   []uint64  `json:"seqs"`            // ascending
}

// maxSeqs bounds the numbers that a shard remembers. Beyond it the lowest of whoever has most are forgotten, and taken for
// counted from then on: an alert that comes for the first time after so many later ones of the same finding and sensor is
// not counted, but noted as late. maxCounts bounds the sensors, and their counts; beyond it the one that was silent longest is
// forgotten altogether. Pub/Sub keeps a message for a month at most, so this takes more new nodes than that in a month.
const (
	maxSeqs   = 8_000
	maxCounts = 2_000
)

func shardName(id, sensor string) string {
	h := fnv.New32a()
	h.Write([]byte(sensor))
	return fmt.Sprintf("%s%s/%02d", ledgerRoot, id, h.Sum32()%shards)
}

// maxEvents is where sums end: beyond it, numbers in JSON are not exact.
const maxEvents = 1 << 53

// add counts an alert, unless it is counted already, or so old that nobody knows. What a node's clock says of times to come
// is taken for now.
func (s *shard) add(a *alert.Alert, now time.Time) error {
	at, err := alert.ParseTime(a.GetTime())
	if err != nil {
		return fault.Poison(fmt.Errorf("time: %w", err))
	}
	at = earlier(at, now)
	c := s.of(a.GetSensorId(), a.GetBootId())
	i, seen := slices.BinarySearch(c.Seqs, a.GetSeq())
	switch {
	case seen:
		return nil
	case a.GetSeq() <= c.Floor:
		s.Late++
		return nil
	}
	c.Seqs = slices.Insert(c.Seqs, i, a.GetSeq())
	if at.After(c.Newest) {
		c.Newest = at
	}
	s.Alerts++
	events := 1 + min(a.GetSuppressed().GetCount(), maxEvents)
	s.Events = min(s.Events+events, maxEvents)
	s.count(a, at, now, events)
	if s.First.IsZero() || at.Before(s.First) {
		s.First = at
	}
	if last, err := alert.ParseTime(a.GetSuppressed().GetLastTime()); err == nil && last.After(at) {
		at = earlier(last, now)
	}
	if at.After(s.Last) {
		s.Last = at
	}
	s.bound(c)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

func (s *shard) of(sensor, boot string) *counts {
	for _, c := range s.Counts {
		if c.Sensor == sensor && c.Boot == boot {
			return c
		}
	}
	c := &counts{Sensor: sensor, Boot: boot}
	s.Counts = append(s.Counts, c)
	return c
}

// bound forgets what is too much after something was added to c.
func (s *shard) bound(c *counts) {
	if len(s.Counts) > maxCounts {
		silent := s.silent(c)
		s.Counts = slices.DeleteFunc(s.Counts, func(o *counts) bool { return o == silent })
	}
	sum, longest := 0, c
	for _, o := range s.Counts {
		sum += len(o.Seqs)
		if len(o.Seqs) > len(longest.Seqs) {
			longest = o
		}
	}
	if sum <= maxSeqs {
		return
	}
	half := len(longest.Seqs) / 2 // more than one, since maxSeqs is more than maxCounts
	longest.Floor = longest.Seqs[half-1]
	longest.Seqs = slices.Clone(longest.Seqs[half:])
}

// silent is the one whose newest alert is the oldest, other than c.
func (s *shard) silent(c *counts) *counts {
	var oldest *counts
	for _, o := range s.Counts {
		if o != c && (oldest == nil || o.Newest.Before(oldest.Newest)) {
			oldest = o
		}
	}
	return oldest
}

// Metadata of a shard.
const (
	metaEvents = "events"
	metaFirst  = "first"
	metaLast   = "last"
)

func (s *shard) meta() map[string]string {
	meta := map[string]string{
		metaEvents: strconv.FormatUint(s.Events, 10),
		metaFirst:  s.First.UTC().Format(time.RFC3339Nano), metaLast: s.Last.UTC().Format(time.RFC3339Nano),
	}
	s.tell(meta)
	return meta
}
