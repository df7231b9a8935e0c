package node

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tiercel.dev/rules"
	"tiercel.dev/rules/field"
)

const domainRules = `
- rule: contact
  desc: contact of a miner's pool
  condition: evt.type = connect and fd.sip.name in (pool.example, "xmr.example")
  output: contact of %fd.sip.name
  priority: WARNING
`

// TestDomainsFollowTheirNames plays a resolver's answers over an hour.
func TestDomainsFollowTheirNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lists := rules.NewLists()
		set, err := rules.Load([]rules.Source{{Name: "miner.yaml", Data: []byte(domainRules)}}, rules.Options{Lists: lists})
		if err != nil {
			t.Fatal(err)
		}
		ev, err := field.Build([]field.Value{{Name: "evt.type", Text: "connect"}, {Name: "fd.sip", Text: "10.1.2.3"}, {Name: "fd.sport", Text: "3333"}})
		if err != nil {
			t.Fatal(err)
		}
		matches := func() (is bool) {
			set.Match(ev, func(*rules.Rule) { is = true })
			return is
		}
		var mu sync.Mutex
		answer := map[string][]netip.Addr{"pool.example": {netip.MustParseAddr("::ffff:10.1.2.3")}}
		answers := func(of map[string][]netip.Addr) {
			mu.Lock()
			defer mu.Unlock()
			answer = of
		}
		d := newDomains(lists, slog.New(slog.DiscardHandler))
		d.lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
			mu.Lock()
			defer mu.Unlock()
			if answer[host] == nil {
				return nil, errors.New("no such host")
			}
			return append([]netip.Addr(nil), answer[host]...), nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go d.resolve(ctx)
		synctest.Wait()
		if matches() {
			t.Error("matches before anything was asked")
		}
		d.want(set.Domains())
		synctest.Wait()
		if !matches() {
			t.Error("no match of the address that the name resolves to")
		}
		if got := set.Rule("contact").Output(ev); got != "contact of pool.example" {
			t.Error(got)
		}
		answers(nil)
		time.Sleep(2 * resolveEvery)
		if !matches() {
			t.Error("no match since the resolver stopped to answer")
		}
		answers(map[string][]netip.Addr{"pool.example": {netip.MustParseAddr("10.9.9.9")}})
		time.Sleep(2 * resolveEvery)
		if matches() {
			t.Error("matches by an address that the name had before")
		}
		d.want(nil)
		if d.known["pool.example"] != nil {
			t.Error("a name that no rule has any more is still known")
		}
	})
}
