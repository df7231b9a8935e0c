package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
)

// Heartbeats stand in a few objects, a sensor's in one of them, by its node. What comes for one within linger is written at
// once: an object takes one write a second, and each write costs money whatever it holds. A thousand nodes that send one a
// minute make 48 writes a minute so, and not a thousand.
const (
	beatRoot   = "fleet/beats/"
	beatShards = 4
	linger     = 5 * time.Second
)

// Bounds of a shard: sensors, of which the one that was silent longest goes first, and how long one that is silent stays.
const (
	maxSensors = 5_000
	keepSilent = 7 * 24 * time.Hour
)

// beatVersion is of the objects' form.
const beatVersion = 1

// A shard is one of the objects.
type shard struct {
	Version    int        `json:"version"`
	Sensors    []*Sensor  `json:"sensors"` // by cluster and node
	Unverified Unverified `json:"unverified,omitzero"`
}

// Beats keeps the latest heartbeat of each sensor. It is safe for concurrent use, in any number of processes over one store.
type Beats struct {
	store  Store
	linger time.Duration

	mu      sync.Mutex
	waiting map[string]*batch      // by shard
	writing map[string]*sync.Mutex // by shard: held by whoever writes it
}

// A batch is what came for a shard while the first of it waited.
type batch struct {
	beats []beat
	done  chan struct{} // closed when err stands
	err   error
}

type beat struct {
	alert     *alert.Alert
	published time.Time
}

// NewBeats makes no request. each is how long a heartbeat waits for others; negative for not at all, 0 for 5 s.
func NewBeats(store Store, each time.Duration) *Beats {
	if each == 0 {
		each = linger
	}
	return &Beats{store: store, linger: max(each, 0), waiting: make(map[string]*batch), writing: make(map[string]*sync.Mutex)}
}

// Record takes one delivery of a heartbeat. When it returns nil the heartbeat is kept, or is none that counts. A message of
// no sensor's is [fault.ErrPoison].
func (b *Beats) Record(ctx context.Context, m push.Message) error {
	a, err := alert.Unmarshal(m.Data)
	if err == nil {
		err = alert.Validate(a)
	}
	if err != nil {
		return fault.Poison(fmt.Errorf("message %s: %w", m.ID, err))
	}
	if a.GetKind() != alert.KindHeartbeat {
		return nil
	}
	published := m.Published
	if published.IsZero() {
		return fault.Poison(fmt.Errorf("message %s: when it was published is missing", m.ID))
	}
	if err := b.add(ctx, shardOf(nodeOf(a)), beat{a, published}); err != nil {
		return fmt.Errorf("heartbeat %s: %w", a.AlertId, err)
	}
	return nil
}

// nodeOf is the node's name, or the sensor's, which is mostly the same.
func nodeOf(a *alert.Alert) string {
	if name := a.GetNode().GetName(); name != "" {
		return clip(name)
	}
	return a.GetSensorId()
}

func shardOf(node string) string {
	h := fnv.New32a()
	h.Write([]byte(node))
	return fmt.Sprintf("%s%02d", beatRoot, h.Sum32()%beatShards)
}

// add has a heartbeat written with those that come meanwhile. The first waits and writes, the others wait for it. While a shard is
// being written, the next of its batches grows: an instance whose own writes met would try them again and again, the slower the store
// is the more of them.
func (b *Beats) add(ctx context.Context, name string, one beat) error {
	b.mu.Lock()
	mine, others := b.waiting[name]
	if !others {
		mine = &batch{done: make(chan struct{})}
		b.waiting[name] = mine
	}
	if b.writing[name] == nil {
		b.writing[name] = new(sync.Mutex)
	}
	writing := b.writing[name]
	mine.beats = append(mine.beats, one)
	b.mu.Unlock()
	if others {
		select {
		case <-mine.done:
			return mine.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-time.After(b.linger):
	case <-ctx.Done():
	}
	writing.Lock()
	defer writing.Unlock()
	b.mu.Lock()
	delete(b.waiting, name)
	b.mu.Unlock()
	// Others rely on it, and the store has a deadline of its own.
	mine.err = b.write(context.WithoutCancel(ctx), name, mine.beats)
	close(mine.done)
	return mine.err
}

// maxTries bounds how often a write may find that somebody else was first.
const maxTries = 20

func (b *Beats) write(ctx context.Context, name string, beats []beat) error {
	// In the order of publishing none of a batch is lost to another.
	slices.SortStableFunc(beats, func(x, y beat) int { return x.published.Compare(y.published) })
	for try := 0; ; try++ {
		s, generation, err := readShard(ctx, b.store, name)
		if err != nil {
			return err
		}
		changed := false
		for _, one := range beats {
			changed = s.hear(one) || changed
		}
		if !changed {
			return nil
		}
		s.bound(beats[len(beats)-1].published)
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if _, err = b.store.Put(ctx, name, data, nil, generation); !errors.Is(err, objects.ErrConflict) || try == maxTries {
			return err
		}
	}
}

func readShard(ctx context.Context, store Store, name string) (*shard, int64, error) {
	o, err := store.Get(ctx, name)
	if errors.Is(err, objects.ErrNotFound) {
		return &shard{Version: beatVersion}, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	s := new(shard)
	if err := o.Read(beatVersion, s); err != nil {
		return nil, 0, err
	}
	return s, o.Generation, nil
}

// hear takes in one heartbeat. One that is not verified is no proof of life, and none of a sensor's being there either.
func (s *shard) hear(one beat) bool {
	a := one.alert
	c := a.GetCluster()
	of := &Sensor{Project: clip(c.GetProject()), Location: clip(c.GetLocation()), Cluster: clip(c.GetName()), Node: nodeOf(a)}
	i, found := slices.BinarySearchFunc(s.Sensors, of, bySensor)
	if e := a.GetEnrichment(); e.GetVerification() != alert.Verified {
		why := clip(e.GetVerificationReason())
		s.Unverified.note(one.published, why)
		if found && one.published.After(s.Sensors[i].UnverifiedAt) {
			s.Sensors[i].UnverifiedAt, s.Sensors[i].UnverifiedWhy = one.published, why
		}
		return true
	}
	if !found {
		s.Sensors = slices.Insert(s.Sensors, i, of)
	}
	return s.Sensors[i].hear(a, one.published)
}

// An Unverified counts heartbeats that were not taken for proof of life, since nobody could say that they are from where they
// say. One that is delivered twice may count twice.
type Unverified struct {
	Count uint64    `json:"count,omitempty"`
	At    time.Time `json:"at,omitzero"` // the last
	Why   string    `json:"why,omitempty"`
}

func (u *Unverified) note(at time.Time, why string) {
	u.Count++
	if at.After(u.At) {
		u.At, u.Why = at, why
	}
}

func bySensor(a, b *Sensor) int {
	return slices.Compare([]string{a.Project, a.Location, a.Cluster, a.Node}, []string{b.Project, b.Location, b.Cluster, b.Node})
}

// heard is when a sensor last said anything.
func (s *Sensor) heard() time.Time {
	if s.OddAt.After(s.At) {
		return s.OddAt
	}
	return s.At
}

// bound forgets who was silent for long, and who is too many.
func (s *shard) bound(now time.Time) {
	s.Sensors = slices.DeleteFunc(s.Sensors, func(o *Sensor) bool { return now.Sub(o.heard()) > keepSilent })
	if len(s.Sensors) <= maxSensors {
		return
	}
	slices.SortFunc(s.Sensors, func(a, b *Sensor) int { return b.heard().Compare(a.heard()) })
	s.Sensors = s.Sensors[:maxSensors]
	slices.SortFunc(s.Sensors, bySensor)
}

// Read returns all sensors that were heard of.
func (b *Beats) Read(ctx context.Context) (heard Heard, err error) {
	for o, err := range b.store.List(ctx, beatRoot) {
		if err != nil {
			return Heard{}, err
		}
		if strings.Contains(strings.TrimPrefix(o.Name, beatRoot), "/") {
			continue
		}
		s, _, err := readShard(ctx, b.store, o.Name)
		if err != nil {
			return Heard{}, err
		}
		heard.Sensors = append(heard.Sensors, s.Sensors...)
		if u := s.Unverified; u.At.After(heard.Unverified.At) {
			heard.Unverified.At, heard.Unverified.Why = u.At, u.Why
		}
		heard.Unverified.Count += s.Unverified.Count
	}
	return heard, nil
}

// Heard is what heartbeats said.
type Heard struct {
	Sensors    []*Sensor
	Unverified Unverified
}
