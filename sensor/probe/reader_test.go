package probe

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// Both need a probe of their own, which takes an emulated machine up to twenty seconds to load: they share one.
func TestReader(t *testing.T) {
	var filter event.Filter
	filter[event.Openat] = event.All
	p := open(t, Config{Filter: filter})
	t.Run("sleeps", func(t *testing.T) { readerSleeps(t, p) })
	t.Run("ends with Close", func(t *testing.T) { readerEnds(t, p) })
}

// The reader sleeps only once it has read everything: a wake-up for each record would cost every process that causes one.
func readerSleeps(t *testing.T, p *Probe) {
	wait := p.sleep
	defer func() { p.sleep = wait }()
	sleeps := 0
	p.sleep = func(time.Duration) { sleeps++ }
	for range 100 {
		call(t, event.Openat, at(cwd), 1, 0)
	}
	next := func() {
		t.Helper()
		if _, err := p.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		next()
	}
	if sleeps != 0 {
		t.Errorf("slept %d times with records at hand", sleeps)
	}
	for p.reader.AvailableBytes() > 0 {
		next()
	}
	sleeps = 0
	call(t, event.Openat, at(cwd), 1, 0)
	next()
	if sleeps != 1 {
		t.Errorf("slept %d times after the last record, want once", sleeps)
	}
}

// With one processor the reader sleeps as the runtime knows it, so that the rest of the sensor runs meanwhile. Whether
// that ran within one sleep would depend on the machine's load.
func TestSleepLeavesTheProcessor(t *testing.T) {
	is := func(f, g func(time.Duration)) bool {
		return reflect.ValueOf(f).Pointer() == reflect.ValueOf(g).Pointer()
	}
	if !is(sleeper(1), time.Sleep) {
		t.Error("with one processor the reader does not leave it to others")
	}
	if !is(sleeper(2), nanosleep) {
		t.Error("with two processors the reader wakes more threads than it must")
	}
}

// A filter that comes after Stop does not set the programs going again.
func filterAfterStop(t *testing.T, p *Probe) {
	if p.calls == nil {
		t.Fatal("sys_exit was not attached before")
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.SetFilter(p.filter); !errors.Is(err, ErrClosed) {
		t.Errorf("SetFilter: %v", err)
	}
	if p.calls != nil {
		t.Error("sys_exit is attached again")
	}
}

func readerEnds(t *testing.T, p *Probe) {
	ended := make(chan error)
	go func() {
		for {
			if _, err := p.Next(); err != nil {
				ended <- err
				return
			}
		}
	}()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("Next ended with %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	if err := p.SetFilter(event.Filter{}); !errors.Is(err, ErrClosed) {
		t.Errorf("SetFilter: %v", err)
	}
	if err := p.SetCgroup(1, true); !errors.Is(err, ErrClosed) {
		t.Errorf("SetCgroup: %v", err)
	}
	if drops := p.Drops(); drops != nil {
		t.Errorf("drops: %v", drops)
	}
}

// What is stated is what the kernel charges, or a little more.
func TestMemoryStated(t *testing.T) {
	p := all(t).probe
	var charged uint64
	maps := []*ebpf.Map{}
	v := reflect.ValueOf(p.objs.bpfMaps)
	for i := range v.NumField() {
		maps = append(maps, v.Field(i).Interface().(*ebpf.Map))
	}
	for _, m := range maps {
		info, err := m.Info()
		if err != nil {
			t.Fatal(err)
		}
		n, ok := info.Memlock()
		if !ok {
			t.Skip("this kernel does not tell what maps cost")
		}
		t.Logf("%v: %d", m, n)
		charged += n
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		t.Fatal(err)
	}
	m := Config{}.Memory(cpus)
	stated := m.Ring + m.Maps + m.Scratch
	if charged > stated || charged < stated/2 {
		t.Errorf("the maps cost %d, stated were %d", charged, stated)
	}
}

// The clock that is added to a record's time follows the machine's.
func TestBootTime(t *testing.T) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	boot := time.Unix(0, bootTime())
	if up := time.Since(boot) - time.Duration(info.Uptime)*time.Second; up < -2*time.Second || up > 2*time.Second {
		t.Errorf("booted at %v, %d s ago by the kernel", boot, info.Uptime)
	}
	raw := header(999, 0, 0, 0)
	d := NewDecoder(5)
	var ev event.Event
	_ = d.Decode(raw, &ev)
	if ev.Time != ev.Boot+5 {
		t.Errorf("time %d", ev.Time)
	}
	d.SetBootTime(7)
	_ = d.Decode(raw, &ev)
	if ev.Time != ev.Boot+7 {
		t.Errorf("time %d", ev.Time)
	}
}
