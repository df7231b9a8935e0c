package process

import (
	"iter"

	"tiercel.dev/internal/event"
)

// All yields the processes that live, parents not necessarily before their children. Only for the goroutine that calls
// Apply, which must not do so before the loop has ended.
func (t *Table) All() iter.Seq[*event.Process] {
	t.takeScanned()
	return func(yield func(*event.Process) bool) {
		for _, e := range t.byPID {
			if !e.proc.Exited && !yield(&e.proc) {
				return
			}
		}
	}
}
