package container

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container/cri"
)

// Stats are counts since the Resolver was made, but for the first three, which are of now.
type Stats struct {
	Cgroups    uint64 // ids kept
	Containers uint64 // kept, with metadata or without
	Runtimes   uint64 // sockets with a runtime behind them

	// How cgroup ids became known.
	CgroupRecords   uint64 // from a record of the kernel
	CgroupsResent   uint64 // of these, for ids that the kernel's own table had forgotten: it is too small
	CgroupsFound    uint64 // from /proc, and it is this cgroup for sure
	CgroupsGuessed  uint64 // from /proc or the process, for a short time: it could not be made sure
	CgroupsUnknown  uint64 // not at all: the process was gone, and is shown as on the host for a short time
	EventsNoCgroup  uint64 // events that carried no cgroup id
	CgroupsEvicted  uint64 // because MaxCgroups was reached
	ContainersFull  uint64 // containers evicted because MaxContainers was reached
	ContainersEnded uint64 // containers dropped after they ended, or had not been seen for long

	// Look-ups of metadata. Lookups is the sum of the next eight.
	Lookups     uint64
	Found       uint64
	NotFound    uint64
	Timeouts    uint64
	Unavailable uint64 // the connection broke, or nobody listens
	Refused     uint64 // the answer was about something else, or not plausible
	Unsupported uint64
	Errors      uint64
	NoRuntime   uint64 // there was nobody to ask

	RefusedPod uint64 // metadata that names another pod than the cgroup does
	QueueFull  uint64 // look-ups not made, or later, because too many waited
	BadIDs     uint64 // ids in the runtime's lists and events that are none

	Holds        uint64 // containers whose events were to be held
	HoldsExpired uint64 // of these, those whose time was up before an answer came

	Connects       uint64
	ConnectErrors  uint64
	Disconnects    uint64
	ListErrors     uint64
	RuntimeEvents  uint64
	Latency        Latency // of questions that reached a runtime
	LabelsCut      uint64  // see [cri.Cuts]
	MountsCut      uint64
	InfoMissing    uint64
	SandboxMissing uint64
}

// LatencyBounds are the upper bounds of a [Latency]'s buckets; the longest is the time that a look-up may take.
var LatencyBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, askTimeout,
}

// A Latency is how long runtimes took to answer.
type Latency struct {
	Sum, Max time.Duration
	Buckets  [len(LatencyBounds) + 1]uint64 // not added up; the last is for what took longer
}

type counters struct {
	cgroups, containers, runtimes                                                             atomic.Uint64
	records, forgotten, found, guessed, unknown, noCgroup, cgroupsFull, containersFull, ended atomic.Uint64
	outcome                                                                                   [outcomes]atomic.Uint64
	refusedPod, queueFull, badIDs, holds, expired                                             atomic.Uint64
	connects, connectErrors, disconnects, listErrors, runtimeEvents, latency, latencyMax      atomic.Uint64
	latencies                                                                                 [len(LatencyBounds) + 1]atomic.Uint64
	cuts                                                                                      cri.Cuts
}

// outcome is how a look-up ended.
type outcome int

const (
	outFound outcome = iota
	outNotFound
	outTimeout
	outUnavailable
	outRefused
	outUnsupported
	outError
	outNoRuntime
	outcomes
)

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return outFound
	case errors.Is(err, errNoRuntime):
		return outNoRuntime
	case errors.Is(err, cri.ErrNotFound):
		return outNotFound
	case errors.Is(err, cri.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return outTimeout
	case errors.Is(err, cri.ErrUnavailable), errors.Is(err, context.Canceled): // canceled: the session ended
		return outUnavailable
	case errors.Is(err, cri.ErrRefused):
		return outRefused
	case errors.Is(err, cri.ErrUnsupported):
		return outUnsupported
	}
	return outError
}

// Unnamed is how many of the kept containers have no metadata. It belongs to the goroutine that calls Attach.
func (r *Resolver) Unnamed() int {
	n := 0
	for _, k := range r.containers {
		if k.c.Metadata == event.MetadataMissing {
			n++
		}
	}
	return n
}

// Stats may be called from any goroutine.
func (r *Resolver) Stats() Stats {
	c := &r.stats
	s := Stats{
		Cgroups: c.cgroups.Load(), Containers: c.containers.Load(), Runtimes: c.runtimes.Load(),
		CgroupRecords: c.records.Load(), CgroupsResent: c.forgotten.Load(), CgroupsFound: c.found.Load(), CgroupsGuessed: c.guessed.Load(),
		CgroupsUnknown: c.unknown.Load(), EventsNoCgroup: c.noCgroup.Load(), CgroupsEvicted: c.cgroupsFull.Load(),
		ContainersFull: c.containersFull.Load(), ContainersEnded: c.ended.Load(),
		Found: c.outcome[outFound].Load(), NotFound: c.outcome[outNotFound].Load(), Timeouts: c.outcome[outTimeout].Load(),
		Unavailable: c.outcome[outUnavailable].Load(), Refused: c.outcome[outRefused].Load(),
		Unsupported: c.outcome[outUnsupported].Load(), Errors: c.outcome[outError].Load(), NoRuntime: c.outcome[outNoRuntime].Load(),
		RefusedPod: c.refusedPod.Load(), QueueFull: c.queueFull.Load(), BadIDs: c.badIDs.Load(),
		Holds: c.holds.Load(), HoldsExpired: c.expired.Load(),
		Connects: c.connects.Load(), ConnectErrors: c.connectErrors.Load(), Disconnects: c.disconnects.Load(),
		ListErrors: c.listErrors.Load(), RuntimeEvents: c.runtimeEvents.Load(),
		Latency:   Latency{Sum: time.Duration(c.latency.Load()), Max: time.Duration(c.latencyMax.Load())},
		LabelsCut: c.cuts.Labels.Load(), MountsCut: c.cuts.Mounts.Load(),
		InfoMissing: c.cuts.NoInfo.Load(), SandboxMissing: c.cuts.NoPod.Load(),
	}
	for i := range c.outcome {
		s.Lookups += c.outcome[i].Load()
	}
	for i := range c.latencies {
		s.Latency.Buckets[i] = c.latencies[i].Load()
	}
	return s
}

func (c *counters) took(d time.Duration) {
	n := uint64(max(d, 0))
	c.latency.Add(n)
	bucket, _ := slices.BinarySearch(LatencyBounds[:], d) // the first bound that is not below d
	c.latencies[bucket].Add(1)
	for {
		old := c.latencyMax.Load()
		if n <= old || c.latencyMax.CompareAndSwap(old, n) {
			return
		}
	}
}
