package probe

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// calls are what the sensor's cost is measured on: two system calls that no rule names, of which fstat has the number of
// a 32-bit one that rules do name; one that is delivered with both paths; a process.
var calls = []struct {
	name string
	do   func() error
}{
	{"getpid", func() error {
		unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
		return nil
	}},
	{"fstat", func() error {
		var st unix.Stat_t
		return unix.Fstat(0, &st)
	}},
	{"openclose", func() error {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}},
	{"forkexec", func() error {
		p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{Env: []string{}})
		if err != nil {
			return err
		}
		_, err = p.Wait()
		return err
	}},
}

// BenchmarkCall times the calls with nothing attached and with every kind wanted and read. The difference of the two is
// what the sensor costs the caller; scripts/bench takes turns.
func BenchmarkCall(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, c := range calls {
		b.Run(c.name+"/nothing", func(b *testing.B) { repeat(b, c.do) })
		b.Run(c.name+"/attached", func(b *testing.B) {
			l := listen(b, Config{Filter: event.FilterOf(event.AllKinds())})
			b.ResetTimer()
			repeat(b, c.do)
			b.StopTimer()
			var lost uint64
			for _, d := range l.probe.Drops() {
				if d.Reason == RingFull || d.Reason == Reserved {
					lost += d.Count
				}
			}
			b.ReportMetric(float64(lost), "lost")
		})
	}
}

// BenchmarkRing times the same for an open by an io_uring, of which two records come, and for one that does nothing.
func BenchmarkRing(b *testing.B) {
	request := openRequest(cwd, "/dev/null", unix.O_RDONLY, 0)
	for _, bench := range []struct {
		name string
		do   func(*ring) error
	}{
		{"openclose", func(r *ring) error { return unix.Close(int(r.do(request))) }},
		{"nop", func(r *ring) error { r.do(sqe{opcode: opNop}); return nil }},
	} {
		b.Run(bench.name+"/nothing", func(b *testing.B) {
			r := newRing(b, 0)
			repeat(b, func() error { return bench.do(r) })
		})
		b.Run(bench.name+"/attached", func(b *testing.B) {
			r := newRing(b, 0)
			var filter event.Filter
			filter[event.Openat] = event.All
			listen(b, Config{Filter: filter})
			b.ResetTimer()
			repeat(b, func() error { return bench.do(r) })
		})
	}
}

func repeat(b *testing.B, do func() error) {
	b.ReportAllocs()
	for b.Loop() {
		if err := do(); err != nil {
			b.Fatal(err)
		}
	}
}
