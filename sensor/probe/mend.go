package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"tiercel.dev/internal/event"
)

// Mend compares what decides in the kernel which calls are told with what [Probe.SetFilter] put there, and puts it there
// again. It returns how many of these tables were not as they should be: nobody but root can have changed them, and nothing
// that went past meanwhile was seen or counted. What the kernel side notes of cgroups is not compared. After Stop and Close
// it does nothing. Safe for concurrent use.
func (p *Probe) Mend() (changed int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.stopped {
		return 0, nil
	}
	wanted := wantedCalls(p.filter)
	var errs []error
	for _, differs := range []func() (bool, error){
		func() (bool, error) { return restore(p.objs.Calls, callTable(wanted)) },
		func() (bool, error) { return restore(p.objs.SocketCalls, socketTable(wanted)) },
		func() (bool, error) { return restore(p.objs.Scopes, scopeTable(p.filter)) },
		func() (bool, error) { return p.restoreHandlers(wanted) },
	} {
		did, err := differs()
		if did {
			changed++
		}
		errs = append(errs, err)
	}
	return changed, errors.Join(errs...)
}

// restore sets a variable of the kernel side to what it should be, and says whether it was something else.
func restore[T comparable](v *ebpf.Variable, want T) (bool, error) {
	var is T
	if err := v.Get(&is); err != nil {
		return false, fmt.Errorf("read %v: %w", v, err)
	}
	if is == want {
		return false, nil
	}
	if err := v.Set(want); err != nil {
		return true, fmt.Errorf("set %v: %w", v, err)
	}
	return true, nil
}

// restoreHandlers is restore for the table of programs, which the kernel shows by their numbers.
func (p *Probe) restoreHandlers(wanted event.KindSet) (changed bool, err error) {
	for kind := range wanted.All() {
		info, err := p.handlers[kind].Info()
		if err != nil {
			return changed, fmt.Errorf("ask for the program of %v: %w", kind, err)
		}
		want, known := info.ID()
		if !known {
			return changed, nil
		}
		var is uint32
		err = p.objs.Handlers.Lookup(uint32(kind), &is)
		if err == nil && is == uint32(want) {
			continue
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return changed, fmt.Errorf("look up the program of %v: %w", kind, err)
		}
		changed = true
		if err := p.objs.Handlers.Put(uint32(kind), p.handlers[kind]); err != nil {
			return changed, fmt.Errorf("set program for %v: %w", kind, err)
		}
	}
	return changed, nil
}
