package probe

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// Whoever writes the sensor's maps blinds it, until it looks whether they are as they should be.
func TestMend(t *testing.T) {
	var filter event.Filter
	filter[event.Openat] = event.All
	p := open(t, Config{Filter: filter})
	if n, err := p.Mend(); n != 0 || err != nil {
		t.Fatalf("%d tables differ before anybody changed them: %v", n, err)
	}
	var ev event.Event
	opens := func() (seen int) {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		for range ringRecords(t, p, &ev) {
			if ev.Kind == event.Openat && ev.Task.TGID == int32(os.Getpid()) {
				seen++
			}
		}
		return seen
	}
	for _, attack := range []struct {
		name string
		do   func() error
	}{
		{"calls", func() error { return p.objs.Calls.Set([maxCalls]uint16{}) }},
		{"programs", func() error { return p.objs.Handlers.Delete(uint32(event.Openat)) }},
	} {
		if opens() == 0 {
			t.Fatalf("%s: no open is seen", attack.name)
		}
		if err := attack.do(); err != nil {
			t.Fatal(err)
		}
		if n := opens(); n != 0 {
			t.Fatalf("%s: changed, and %d opens are seen all the same", attack.name, n)
		}
		if n, err := p.Mend(); n != 1 || err != nil {
			t.Errorf("%s: %d tables were mended, %v", attack.name, n, err)
		}
		if opens() == 0 {
			t.Errorf("%s: mended, and no open is seen", attack.name)
		}
	}
}
