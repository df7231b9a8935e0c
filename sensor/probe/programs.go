package probe

import "github.com/cilium/ebpf"

// Programs is how many are attached, or are called by one that is. Calls that share a program count once.
func (p *Probe) Programs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	handlers := make(map[*ebpf.Program]bool)
	for kind := range p.handled.All() {
		handlers[p.handlers[kind]] = true
	}
	n := len(p.tasks) + len(handlers) + p.rings.programs()
	if p.calls != nil {
		n++
	}
	return n
}
