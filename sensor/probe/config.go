package probe

import (
	"fmt"
	"math/bits"

	"tiercel.dev/internal/event"
)

// Config says what to load and how much memory to give it. The zero value, but for Filter, is a working one.
type Config struct {
	// RingBytes is the size of the ring buffer between kernel and sensor: a power of two, at least two pages.
	// 0: 8 MiB on up to 16 CPUs, above that 512 KiB for each, rounded up.
	RingBytes uint32
	// Cgroups is how many cgroups' ids the kernel side remembers. An id that was forgotten costs one more record, and
	// its events are taken for a container's until SetCgroup says otherwise. 0: 8192.
	Cgroups uint32
	// OtherBytes is what the rest of the process is expected to need, for the comparison with the cgroup's limit.
	// 0: 64 MiB.
	OtherBytes uint64
	// Filter is what to report at first; see SetFilter.
	Filter event.Filter

	// helperReads makes the programs read as on a kernel before 6.2, for the tests.
	helperReads bool
}

const (
	minRingBytes   = 8 << 10
	defaultCgroups = 8192
	defaultOther   = 64 << 20
)

// Validate names the first field that cannot be used.
func (c Config) Validate() error {
	if c.RingBytes != 0 && (bits.OnesCount32(c.RingBytes) != 1 || c.RingBytes < minRingBytes) {
		return fmt.Errorf("probe.Config.RingBytes: %d is not a power of two of at least %d", c.RingBytes, minRingBytes)
	}
	if c.Cgroups != 0 && c.Cgroups < 64 {
		return fmt.Errorf("probe.Config.Cgroups: %d is less than 64", c.Cgroups)
	}
	for k, scope := range c.Filter {
		if scope.Where() > event.All || scope&^(event.EveryMessage|event.Data|event.Environment) != scope.Where() {
			return fmt.Errorf("probe.Config.Filter: %v has no scope %d", event.Kind(k), scope)
		}
	}
	return nil
}

// withDefaults fills in what was left zero, for a machine of so many CPUs.
func (c Config) withDefaults(cpus int) Config {
	if c.RingBytes == 0 {
		c.RingBytes = defaultRingBytes(cpus)
	}
	if c.Cgroups == 0 {
		c.Cgroups = defaultCgroups
	}
	if c.OtherBytes == 0 {
		c.OtherBytes = defaultOther
	}
	return c
}

func defaultRingBytes(cpus int) uint32 {
	if cpus <= 16 {
		return 8 << 20
	}
	// 1 GiB is where doubling further would overflow what the kernel takes.
	want := min(uint64(cpus)*512<<10, 1<<30)
	return uint32(1) << bits.Len64(want-1)
}
