package probe

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"
)

// Memory is what a [Config] costs, in bytes. All of it is charged to the cgroup of the process that opens the probe.
type Memory struct {
	Ring     uint64 // the ring buffer
	Maps     uint64 // the other maps
	Scratch  uint64 // where records are built: one for each possible CPU
	Programs uint64 // the programs as the kernel holds them
	Other    uint64 // Config.OtherBytes
}

const (
	// A ring has a page for the kernel's bookkeeping and one each for consumer and producer.
	ringPages = 3
	// An entry of an LRU hash: its element, its bucket and the per-CPU lists, rounded up.
	hashEntryBytes = 128
	// How many sockets' peers are remembered: of map peers in bpf/maps.h.
	peers = 8192
	// The JIT's code, the instructions it came from and their type information, measured on 6.18 and rounded up.
	programBytes = 2 << 20
)

// Memory is what c costs on a machine of so many possible CPUs.
func (c Config) Memory(cpus int) Memory {
	c = c.withDefaults(cpus)
	page := uint64(os.Getpagesize())
	globals := uint64(unsafe.Sizeof([maxCalls]uint16{})) + uint64(kernelKinds)*(1+8*uint64(dropReasons))
	return Memory{
		Ring:     uint64(c.RingBytes) + ringPages*page,
		Maps:     (uint64(c.Cgroups)+3*maxOperations+peers)*hashEntryBytes + globals + 8*page,
		Scratch:  uint64(cpus) * uint64(unsafe.Sizeof(bpfScratch{})),
		Programs: programBytes,
		Other:    c.OtherBytes,
	}
}

// Total is all of it, the rest of the process included.
func (m Memory) Total() uint64 { return m.Ring + m.Maps + m.Scratch + m.Programs + m.Other }

// LogValue names the parts.
func (m Memory) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("ring", m.Ring), slog.Uint64("maps", m.Maps), slog.Uint64("scratch", m.Scratch),
		slog.Uint64("programs", m.Programs), slog.Uint64("other", m.Other), slog.Uint64("total", m.Total()))
}

// noLimit is what memoryLimit returns where there is none.
const noLimit = math.MaxUint64

// fits compares with the cgroup's limit.
func (m Memory) fits(limit uint64) error {
	if m.Total() <= limit {
		return nil
	}
	return fmt.Errorf("%w: %d bytes are expected (ring %d, maps %d, scratch %d, programs %d, the rest of the process %d) "+
		"and the cgroup's limit is %d: raise the container's memory limit or lower the ring's size",
		ErrMemory, m.Total(), m.Ring, m.Maps, m.Scratch, m.Programs, m.Other, limit)
}

// memoryLimit returns the lowest limit on the way from this process's cgroup to the root, as far as it is to be seen.
func memoryLimit() uint64 {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return noLimit
	}
	root, file, path := "/sys/fs/cgroup", "memory.max", ""
	for line := range strings.Lines(string(text)) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		names, at, _ := strings.Cut(rest, ":")
		if names == "memory" {
			root, file, path = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", at
			break
		}
		if id == "0" {
			path = at
		}
	}
	return lowestLimit(root, path, file)
}

// lowestLimit also looks at root itself: within a cgroup namespace, or where only the container's own cgroup is
// mounted, path does not exist below it.
func lowestLimit(root, path, file string) uint64 {
	limit := uint64(noLimit)
	for dir := filepath.Join("/", path); ; dir = filepath.Dir(dir) {
		if text, err := os.ReadFile(filepath.Join(root, dir, file)); err == nil {
			if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil {
				limit = min(limit, n)
			}
		}
		if dir == "/" {
			return limit
		}
	}
}
