package node

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tiercel.dev/rules"
	"tiercel.dev/rules/field"
)

const (
	// maxDomains bounds the names that rules may have resolved, and maxDomainAddresses what one may resolve to.
	maxDomains         = 1000
	maxDomainAddresses = 64
	// domainTimeout is how long one look-up may take, and domainsAtOnce how many are under way.
	domainTimeout = 5 * time.Second
	domainsAtOnce = 4
)

// domains keeps the addresses that the domain names in rules resolve to, for rules to compare addresses with. Falco's
// fd.sip.name and its like are such comparisons. What an event's address is called is not asked, and rules never wait: a name
// that has not been resolved has no address, and one that no longer can be keeps those it had.
type domains struct {
	lists  *rules.Lists
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	log    *slog.Logger
	wake   chan struct{}

	mu     sync.Mutex
	wanted map[string][]string // names by list
	known  map[string][]netip.Addr
}

func newDomains(lists *rules.Lists, log *slog.Logger) *domains {
	return &domains{
		lists: lists, log: log, wake: make(chan struct{}, 1), known: make(map[string][]netip.Addr),
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
}

// want says which names are to be resolved from now on, by the list that gets their addresses.
func (d *domains) want(byList map[string][]string) {
	d.mu.Lock()
	d.wanted = maps.Clone(byList)
	names := d.names()
	maps.DeleteFunc(d.known, func(name string, _ []netip.Addr) bool { return !slices.Contains(names, name) })
	d.fill()
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default: // it is awake
	}
}

// names are those wanted, each once. d.mu is held.
func (d *domains) names() []string {
	var names []string
	for _, of := range d.wanted {
		names = append(names, of...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxDomains {
		d.log.Warn("rules name more domains than are resolved", "domains", len(names), "resolved", maxDomains)
		names = names[:maxDomains]
	}
	return names
}

// resolve keeps asking until ctx is done: every minute, and when the rules want others.
func (d *domains) resolve(ctx context.Context) {
	ticker := time.NewTicker(resolveEvery)
	defer ticker.Stop()
	for {
		d.resolveAll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-ticker.C:
		}
	}
}

func (d *domains) resolveAll(ctx context.Context) {
	d.mu.Lock()
	names := d.names()
	d.mu.Unlock()
	var beside sync.WaitGroup
	free := make(chan struct{}, domainsAtOnce)
	for _, name := range names {
		free <- struct{}{}
		beside.Go(func() {
			d.resolveOne(ctx, name)
			<-free
		})
	}
	beside.Wait()
}

func (d *domains) resolveOne(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, domainTimeout)
	defer cancel()
	addrs, err := d.lookup(ctx, name)
	if err != nil {
		d.log.Debug("resolve a domain that rules name", "domain", name, "err", err)
		return
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	addrs = addrs[:min(len(addrs), maxDomainAddresses)]
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.known[name], addrs) {
		d.known[name] = addrs
		d.fill()
	}
}

// fill puts the addresses into their lists. d.mu is held.
func (d *domains) fill() {
	byAddress := make(map[netip.Addr]string)
	for list, names := range d.wanted {
		var texts []string
		for _, name := range names {
			for _, a := range d.known[name] {
				texts = append(texts, a.String())
				if was := byAddress[a]; was == "" || name < was {
					byAddress[a] = name
				}
			}
		}
		d.lists.SetTexts(list, texts)
	}
	field.SetDomains(byAddress)
}
