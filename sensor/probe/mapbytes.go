package probe

import (
	"reflect"

	"github.com/cilium/ebpf"
)

// MapBytes is what the kernel says that each map takes, the ring buffer among them, by name. It is what /proc says of it, which
// kernels differ in: some leave out their own bookkeeping.
func (p *Probe) MapBytes() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	bytes := map[string]uint64{}
	if p.closed {
		return bytes
	}
	maps := reflect.ValueOf(p.objs.bpfMaps)
	for i := range maps.NumField() {
		m, ok := maps.Field(i).Interface().(*ebpf.Map)
		if !ok || m == nil {
			continue
		}
		info, err := m.Info()
		if err != nil {
			continue // it is told of the others
		}
		if n, ok := info.Memlock(); ok {
			bytes[maps.Type().Field(i).Tag.Get("ebpf")] = n
		}
	}
	return bytes
}
