package process

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tiercel.dev/sensor/process/procfs"
)

// elsewhere is a /proc of another pid namespace, in which the same numbers are other processes.
type elsewhere struct{ *kernel }

func (elsewhere) Check() error { return fmt.Errorf("/proc: %w", procfs.ErrPIDNamespace) }

func TestProcOfAnotherPIDNamespace(t *testing.T) {
	w := &world{kernel: newKernel(), t: t}
	phantoms := newKernel()
	phantoms.names["0/etc/passwd/1000"] = "phantom"
	w.table = New(Config{Source: elsewhere{phantoms}, ReadTimeout: time.Minute})
	if err := w.table.Check(); !errors.Is(err, procfs.ErrPIDNamespace) {
		t.Errorf("Check: %v", err)
	}
	p, fork := w.fork(w.tasks[1])
	phantoms.fork(phantoms.tasks[1]) // it has p's number
	p.uid = 1000
	w.exec(p, "lost")
	got := w.apply(w.does(p))
	if !got.Partial || got.Exited || got.Exe != "" || got.ExePath != "" || len(got.Args) != 0 || got.UserName != noName {
		t.Errorf("a record without a process: got %+v", got)
	}
	w.apply(fork)
	if err := w.table.Scan(); !errors.Is(err, procfs.ErrPIDNamespace) {
		t.Errorf("Scan: %v", err)
	}
	if got := w.apply(w.exec(p, "sh", "-c", "x")); got.Partial || got.Exited || got.Exe != "sh" {
		t.Errorf("its record told: got %+v", got)
	}
	w.exec(p, "lost, too")
	if got := w.apply(w.does(p)); !got.Partial || got.Exited || got.Exe != "" {
		t.Errorf("an exec was lost: got %+v", got)
	}
	if s := w.table.Stats(); s.Live == 0 || s.Unreadable != 0 {
		t.Errorf("stats %+v", s)
	}
	if len(phantoms.reads) != 0 || phantoms.asked != 0 {
		t.Errorf("read %v, asked %d times", phantoms.reads, phantoms.asked)
	}
}
