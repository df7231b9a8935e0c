package load

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/functions"
	"tiercel.dev/functions/fleet"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local"
)

// Beaten is what a while of heartbeats came to.
type Beaten struct {
	Sent, Missed uint64        // by the sensors
	Kept         int64         // calls of the function that keeps them
	Again        int64         // of those, that failed and came again
	Late         time.Duration // from the last one sent until all were kept
	For          time.Duration
	Held         time.Duration // that a call lasted, on average
	Object       int           // bytes of the largest object that they stand in
	Objects      int
}

// underWay is how many heartbeats may be on their way: what the instances take at once. A machine that is too slow for the pace
// takes longer, and does not fall over.
const underWay = 1000

// Beat has every sensor send so many heartbeats, in real time, each from a moment of its own on and every so often.
func (w *World) Beat(ctx context.Context, rounds int, every time.Duration) (b Beaten, err error) {
	began, n := time.Now(), len(w.sensors)
	kept := w.Costs.Of(functions.RecordHeartbeat)
	for next := 0; next < rounds*n && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		due := int(float64(n) * float64(time.Since(began)) / float64(every))
		for ; next < min(due, rounds*n) && int64(next)-kept.good() < underWay; next++ {
			w.sensors[next%n].Beat(time.Now())
		}
	}
	for kept.good() < int64(rounds*n) {
		if ctx.Err() != nil {
			return b, fmt.Errorf("%d heartbeats sent and %d kept: %w", rounds*n, kept.good(), ctx.Err())
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.For = time.Since(began)
	for _, s := range w.sensors {
		st := s.topic.Stats()
		b.Sent, b.Missed = b.Sent+st.Heartbeats, b.Missed+st.Missed
	}
	b.Kept, b.Again = kept.good(), kept.Failed.Load()
	b.Held = time.Duration(kept.Took.Load() / max(1, kept.Count.Load()))
	return b, w.beatObjects(ctx, &b)
}

func (w *World) bucket(ctx context.Context) (*objects.Bucket, error) {
	return objects.NewBucket(ctx, local.Bucket, option.WithEndpoint("http://"+w.cloud.Calls()+"/storage/v1/"), option.WithoutAuthentication())
}

func (w *World) beatObjects(ctx context.Context, b *Beaten) error {
	bucket, err := w.bucket(ctx)
	if err != nil {
		return err
	}
	for o, err := range bucket.List(ctx, "fleet/beats/") {
		if err == nil {
			o, err = bucket.Get(ctx, o.Name)
		}
		if err != nil {
			return err
		}
		b.Objects++
		b.Object = max(b.Object, len(o.Data))
	}
	return nil
}

// Checked is what a look at the fleet came to.
type Checked struct {
	Took                time.Duration
	Heap                uint64 // bytes that the process's heap had more at the most, stand-ins included
	Nodes, Well, Broken int
	Status              int // bytes of the record
}

// Check has the fleet looked at.
func (w *World) Check(ctx context.Context) (c Checked, err error) {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		top := before.HeapAlloc
		for {
			runtime.ReadMemStats(&now)
			top = max(top, now.HeapAlloc)
			select {
			case <-done:
				most <- top - before.HeapAlloc
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	began := time.Now()
	err = w.cloud.CheckFleet(ctx)
	c.Took = time.Since(began)
	close(done)
	c.Heap = <-most
	if err != nil {
		return c, err
	}
	status, err := w.cloud.Fleet(ctx)
	if err != nil {
		return c, err
	}
	for _, l := range status.Clusters {
		if l.Name != local.Cluster {
			c.Nodes, c.Well = c.Nodes+l.Nodes, c.Well+l.Well
		}
	}
	for _, l := range status.Lines {
		if l.Cluster != local.Cluster {
			c.Broken++
		}
	}
	bucket, err := w.bucket(ctx)
	if err != nil {
		return c, err
	}
	o, err := bucket.Get(ctx, fleet.StatusName)
	c.Status = len(o.Data)
	return c, err
}
