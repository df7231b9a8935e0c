package probe

import (
	"fmt"

	"github.com/cilium/ebpf"

	"tiercel.dev/internal/event"
)

// A Reason says why something that should have been reported was not, or not in full. Those below dropReasons are
// counted by the kernel side, and are enum drop_reason of bpf/wire.h.
type Reason uint8

const (
	// RingFull: the ring buffer had no room left. The reader was too slow.
	RingFull = Reason(bpfDropReasonDROP_RING_FULL)
	// Reserved: only the quarter of the ring was left that is kept for process records.
	Reserved = Reason(bpfDropReasonDROP_RESERVED)
	// TailCall: no program was found for a wanted call.
	TailCall = Reason(bpfDropReasonDROP_TAIL_CALL)
	// UserMemory: an argument's memory was not resident. The event came, without that argument.
	UserMemory = Reason(bpfDropReasonDROP_USER_MEMORY)
	// PathUnresolved: a path had too many components or bytes to be followed. The event came, without that path.
	PathUnresolved = Reason(bpfDropReasonDROP_PATH_UNRESOLVED)
	// MapFull: the kernel side's table of cgroups took no further entry.
	MapFull = Reason(bpfDropReasonDROP_MAP_FULL)
	// X32: a call by the x32 table came, and was decoded as the native call of its number; of kind Unknown: it has a number
	// of that table alone, as execve and ptrace do, and was not decoded.
	X32 = Reason(bpfDropReasonDROP_X32)

	dropReasons = Reason(bpfDropReasonDROP_REASONS)
	kernelKinds = int(bpfEventKindEVENT_KINDS)

	// Recursion: the kernel skipped a program because it was running already.
	Recursion = dropReasons
	// Uncounted: records whose numbers are missing in those of a CPU, and that are neither RingFull nor Reserved. There should be
	// none: whoever loses a record counts it.
	Uncounted = dropReasons + 1
)

var reasonNames = [...]string{
	RingFull: "ring_full", Reserved: "reserved", TailCall: "tail_call", UserMemory: "user_memory",
	PathUnresolved: "path_unresolved", MapFull: "map_full", X32: "x32",
	Recursion: "recursion", Uncounted: "uncounted",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// A Drop is a counted loss. Kind is Unknown where a loss belongs to none.
type Drop struct {
	Reason Reason
	Kind   event.Kind
	Count  uint64 // since Open
}

// Drops returns every counter that is not zero, in the order of reason and kind.
func (p *Probe) Drops() []Drop {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	gaps := p.decoder.Gaps() // first: what is missing by now was counted before
	var counts [kernelKinds * int(dropReasons)]uint64
	if err := p.objs.Drops.Get(&counts); err != nil {
		p.log.Error("read drop counters", "err", err)
	}
	drops := dropsOf(counts[:])
	drops = append(drops, p.recursion()...)
	// A loss whose gap nobody has seen yet makes the difference smaller for a while, and a count does not fall.
	p.uncounted = max(p.uncounted, uncounted(gaps, drops))
	if p.uncounted != 0 {
		drops = append(drops, Drop{Uncounted, event.Unknown, p.uncounted})
	}
	return drops
}

// uncounted is how many of the missing records are in no count.
func uncounted(gaps uint64, drops []Drop) uint64 {
	for _, d := range drops {
		if d.Reason == RingFull || d.Reason == Reserved {
			gaps -= min(gaps, d.Count)
		}
	}
	return gaps
}

func dropsOf(counts []uint64) []Drop {
	var drops []Drop
	for i, n := range counts {
		if n != 0 {
			drops = append(drops, Drop{Reason(i / kernelKinds), event.Kind(i % kernelKinds), n})
		}
	}
	return drops
}

// recursion asks the kernel what it skipped.
func (p *Probe) recursion() []Drop {
	var drops []Drop
	for _, prog := range []struct {
		program *ebpf.Program
		kind    event.Kind
	}{
		{p.objs.OnSysExit, event.Unknown}, {p.objs.OnFork, event.Fork}, {p.objs.OnExec, event.Exec},
		{p.objs.OnExit, event.Exit}, {p.objs.OnCgroupAttach, event.CgroupMove},
		{p.objs.OnUringSubmit, event.Operation}, {p.objs.OnUringComplete, event.Operation},
		{p.objs.OnUringAccepted, event.Accept4}, {p.objs.OnUringOverflow, event.Accept4},
	} {
		stats, err := prog.program.Stats()
		if err == nil && stats.RecursionMisses != 0 {
			drops = append(drops, Drop{Recursion, prog.kind, stats.RecursionMisses})
		}
	}
	return drops
}
