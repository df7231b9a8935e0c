package field

import (
	"net/netip"
	"sync/atomic"

	"tiercel.dev/internal/event"
)

// domains are the names that rules compare addresses with, by the addresses that they resolve to.
var domains atomic.Pointer[map[netip.Addr]string]

// SetDomains says which of the domain names in rules resolve to which addresses, for fd.sip.name and its like. Who resolves
// names calls it, whenever that changes.
func SetDomains(names map[netip.Addr]string) { domains.Store(&names) }

// domainField is the name of one end, for outputs: conditions compare the end's address with what names resolve to.
func domainField(name, end string, of func(*event.Event) netip.AddrPort) Field {
	return Field{Name: name, Type: Text, Kinds: socketKinds,
		Doc: "The domain name that rules name and that resolves to the address of the " + end + ". No address is looked up: missing if none does.",
		TextOf: func(ev *event.Event) (string, bool) {
			known := domains.Load()
			if known == nil || !ev.FD.Valid {
				return "", false
			}
			s, ok := (*known)[of(ev).Addr().Unmap()]
			return s, ok
		}}
}
