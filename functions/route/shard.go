package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
)

// The ledger. ledger/FINDING/00 to /15 hold which alerts were counted, each sensor's in one of them: an object takes one
// write a second, and a thousand nodes may have the same to tell at once. ledger/FINDING/head holds what was written of
// them (head.go). Sums stand in the objects' metadata, so that one listing tells of every finding whether it is written.
const (
	shards     = 16
	ledgerRoot = "ledger/"
)

// A shard is a part of a finding's ledger.
type shard struct {
	Events uint64    `json:"events"` // an alert stands for itself and those it suppressed
	Alerts uint64    `json:"alerts"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Counts []*counts `json:"counts"`
}

// counts are the numbers that were counted of one count of a sensor's.
type counts struct {
	Sensor string   `json:"sensor"`
	Boot   string   `json:"boot"`
	Floor  uint64   `json:"floor,omitempty"` // numbers up to this one are taken for counted
	Seqs   []uint64 `json:"seqs"`            // ascending
}

// maxSeqs bounds the numbers that a shard remembers. Beyond it the lowest are forgotten: an alert that comes again must
// be known, and comes again within the month that Pub/Sub keeps a message. One that comes for the first time after
// 20,000 later ones of the same finding is taken for one that was counted.
const maxSeqs = 20_000

func shardName(id, sensor string) string {
	h := fnv.New32a()
	h.Write([]byte(sensor))
	return fmt.Sprintf("%s%s/%02d", ledgerRoot, id, h.Sum32()%shards)
}

// count adds an alert to the ledger. It may be there already.
func (r *Router) count(ctx context.Context, id string, a *alert.Alert) error {
	name := shardName(id, a.GetSensorId())
	for {
		o, err := r.cfg.Store.Get(ctx, name)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return err
		}
		s := new(shard)
		if err == nil {
			if err := json.Unmarshal(o.Data, s); err != nil {
				return fault.Poison(fmt.Errorf("%s, generation %d: %w", name, o.Generation, err))
			}
		}
		if isNew, err := s.add(a); err != nil || !isNew {
			return err
		}
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		_, err = r.cfg.Store.Put(ctx, name, data, s.meta(), o.Generation)
		if !errors.Is(err, objects.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: others write it all the time: %w", name, ctx.Err())
		}
	}
}

// add counts an alert and reports whether it was new.
func (s *shard) add(a *alert.Alert) (bool, error) {
	at, err := alert.ParseTime(a.GetTime())
	if err != nil {
		return false, fault.Poison(fmt.Errorf("time: %w", err))
	}
	if !s.of(a.GetSensorId(), a.GetBootId()).add(a.GetSeq()) {
		return false, nil
	}
	s.Alerts++
	s.Events += 1 + a.GetSuppressed().GetCount()
	if s.First.IsZero() || at.Before(s.First) {
		s.First = at
	}
	if last, err := alert.ParseTime(a.GetSuppressed().GetLastTime()); err == nil && last.After(at) {
		at = last
	}
	if at.After(s.Last) {
		s.Last = at
	}
	s.bound()
	return true, nil
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

func (c *counts) add(seq uint64) bool {
	i, found := slices.BinarySearch(c.Seqs, seq)
	if found || seq <= c.Floor {
		return false
	}
	c.Seqs = slices.Insert(c.Seqs, i, seq)
	return true
}

// bound forgets the lower half of the longest list.
func (s *shard) bound() {
	sum, longest := 0, s.Counts[0]
	for _, c := range s.Counts {
		sum += len(c.Seqs)
		if len(c.Seqs) > len(longest.Seqs) {
			longest = c
		}
	}
	if sum <= maxSeqs {
		return
	}
	half := len(longest.Seqs) / 2
	longest.Floor = max(longest.Floor, longest.Seqs[half-1])
	longest.Seqs = slices.Clone(longest.Seqs[half:])
}

// Metadata of a shard.
const (
	metaEvents = "events"
	metaFirst  = "first"
	metaLast   = "last"
)

func (s *shard) meta() map[string]string {
	return map[string]string{
		metaEvents: strconv.FormatUint(s.Events, 10),
		metaFirst:  s.First.UTC().Format(time.RFC3339Nano), metaLast: s.Last.UTC().Format(time.RFC3339Nano),
	}
}
