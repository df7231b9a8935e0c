package rotate

import (
	"context"
	"flag"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tiercel.dev/internal/race"
)

var (
	firstSeed = flag.Uint64("seed", 0, "seed of the only run; 0 for as many as there are")
	runs      = flag.Int("runs", 20_000, "runs of the property test")
)

// Whatever goes wrong (answers that are lost, crashes between any two steps, ticks that come twice or at once, clocks that jump, a
// second operator, permissions that go and come): nothing is completed that nobody answers for, nothing is started twice, what
// runs is told of, and each rotation ends or says what blocks it.
func TestRotationHoldsInAnyWeather(t *testing.T) {
	if *firstSeed != 0 {
		if bad := weather(*firstSeed); len(bad) > 0 {
			t.Fatalf("seed %d:\n%s", *firstSeed, strings.Join(bad, "\n"))
		}
		return
	}
	n := *runs
	switch {
	case race.Enabled: // each run is one goroutine, and the gate has them all without the detector
		n /= 50
	case testing.Short():
		n /= 10
	}
	var next, ended, started, completed atomic.Uint64
	var failed atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for {
				seed := next.Add(1)
				if seed > uint64(n) || failed.Load() > 3 {
					return
				}
				m := newModel(seed)
				m.live()
				if len(m.bad) > 0 {
					failed.Add(1)
					t.Errorf("seed %d (go test -run AnyWeather -args -seed %d):\n%s", seed, seed, strings.Join(m.bad, "\n"))
				}
				started.Add(uint64(m.calls[Start]))
				completed.Add(uint64(m.calls[Complete]))
				if m.kept.Round > 0 {
					ended.Add(1)
				}
			}
		})
	}
	group.Wait()
	t.Logf("seeds 1 to %d: %d starts, %d completions asked for, %d runs with a rotation that ended", n, started.Load(), completed.Load(), ended.Load())
	if started.Load() < uint64(n)/10 || completed.Load() < uint64(n)/20 || ended.Load() < uint64(n)/4 {
		t.Error("the runs show too little")
	}
}

func weather(seed uint64) []string {
	m := newModel(seed)
	m.live()
	return m.bad
}

// live is one run: foul weather, then fair weather in which everything must come to an end.
func (m *model) live() {
	t := m.rotator()
	m.nest = func() { m.tick(t) }
	for range 15 + m.rng.IntN(25) {
		m.pass([]time.Duration{10 * time.Minute, time.Hour, 7 * time.Hour, 26 * time.Hour}[m.rng.IntN(4)])
		m.meddle()
		m.tick(t)
		m.people(t)
	}
	m.chaos, m.skew = false, 0
	clear(m.hidden)
	// Within a day of fair weather all that runs is known of, and has been told.
	for range 4 {
		m.pass(6 * time.Hour)
		m.tick(t)
	}
	m.known()
	for i := 0; i < 60 && (i < 3 || m.running || m.kept.Stage().open()); i++ {
		m.pass(12 * time.Hour)
		m.tick(t)
		m.named()
		m.people(t)
	}
	m.over()
}

// meddle is what others do, and what breaks.
func (m *model) meddle() {
	for _, what := range []string{"audit", "operations", "nodes", "tokens", "uses", "budgets", "cluster"} {
		if m.chance(4) {
			m.hidden[what] = !m.hidden[what]
		} else if m.chance(30) {
			delete(m.hidden, what)
		}
	}
	switch m.rng.IntN(40) {
	case 0:
		m.skew = time.Duration(m.rng.IntN(int(40*time.Hour))) - 20*time.Hour
	case 1:
		m.skew = 0
	case 2:
		_, _ = m.ask(Start, "mallory@example.com")
	case 3:
		if m.oldPool() == "" {
			_, _ = m.ask(Complete, "mallory@example.com")
		}
	case 4:
		m.tokens = append(m.tokens, m.name("ns/token"))
	case 5:
		m.tokens = nil
	case 6:
		m.budgets = []string{m.name("ns/budget")}
	case 7:
		m.budgets = nil
	case 8, 9:
		m.use()
	case 11:
		if !m.gone {
			m.remove()
		}
	case 12, 13:
		if m.gone {
			m.remake()
		}
	case 10:
		m.issued = append(m.issued, Certificate{Request: m.name("request"), By: "admin@example.com", At: m.now})
	}
}

// use has a static token used: one that there is, or one of which nobody else knows.
func (m *model) use() {
	u := Use{Account: "ns/ci", Secret: m.name("unseen"), Last: m.now}
	if len(m.tokens) > 0 {
		u.Secret = strings.TrimPrefix(m.tokens[m.rng.IntN(len(m.tokens))], "ns/")
	}
	m.uses = append(m.uses, u)
}

// people look at the record, and answer or approve as it asks; now and then they are late, or wrong.
func (m *model) people(t *Rotator) {
	seen := m.kept.clone()
	r := &seen
	if m.chaos && m.chance(40) {
		return
	}
	phase, who := Start, alice
	if r.Stage().open() && r.Stage() != Starting || r.Stage() == Verifying {
		phase, who = Complete, bob
	}
	if m.chaos && m.chance(10) {
		who = []string{alice, bob, "mallory@example.com"}[m.rng.IntN(3)]
	}
	q := Request{
		Project: "p", Location: "europe-west1", Cluster: "shop", Phase: phase, CA: r.CA.Fingerprint, Nonce: r.Nonce,
		Expires: m.clock().Add(time.Duration(1+m.rng.IntN(72)) * time.Hour),
	}
	for _, b := range r.Blockers {
		if b.Acknowledge != "" && (!m.chaos || m.chance(80)) {
			q.Acknowledge = append(q.Acknowledge, b.Acknowledge)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crash); !ok {
				panic(p)
			}
		}
		m.wrote = nil
	}()
	m.wrote = func() { m.accepted(r, q) }
	_, _ = t.approve(context.Background(), modelPolicy, q, who)
}

// accepted notes what the record took of a request, for the world to hold it to that.
func (m *model) accepted(was *Record, q Request) {
	r := &m.kept.Record
	if r.Nonce == was.Nonce || r.Given == was.Given && len(r.Acks) <= len(was.Acks) {
		return
	}
	m.wrote = nil
	if g := r.Given; g != nil && (was.Given == nil || *was.Given != *g) {
		m.approvals[g.Phase]++
		if g.By != alice && g.By != bob {
			m.fail("%s may not approve", g.By)
		}
		if g.Phase == Complete && r.Start != nil && r.Start.Approval.By == g.By && !r.Began.IsZero() {
			m.fail("%s approved both", g.By)
		}
	}
	for _, b := range was.Blockers {
		if q.Phase != Complete || !r.acked(b.Acknowledge, Complete) || !slices.Contains(q.Acknowledge, b.Acknowledge) {
			continue
		}
		m.answered[b.Acknowledge] = true
		switch {
		case strings.HasPrefix(b.Acknowledge, "tokens-"):
			for _, token := range m.tokens {
				if strings.Contains(b.What, token) {
					m.answered[token] = true
				}
			}
		case strings.HasPrefix(b.Acknowledge, kindUsed+"-"):
			for _, u := range m.uses {
				if strings.Contains(b.What, u.key()+" ") {
					m.answered[u.key()] = true
				}
			}
		case strings.HasPrefix(b.Acknowledge, kindIssued+"-") && b.Acknowledge != ackIssued:
			for _, c := range m.issued {
				if strings.Contains(b.What, c.Request+" (") {
					m.answered[c.Request] = true
				}
			}
		case b.Acknowledge == "clients-moved":
			m.answered["clients"] = true
		case strings.HasPrefix(b.Acknowledge, "nodes-unknown"):
			for _, pool := range []string{"a", "b"} {
				if strings.Contains(b.What, "node pool "+pool+" ") {
					m.answered["nodes "+pool] = true
				}
			}
		}
	}
}

// known holds what is kept against what is so.
func (m *model) known() {
	r := &m.kept.Record
	if m.gone && r.State != "" && (!slices.Contains([]State{Idle, Done}, r.State) || r.Gone.IsZero()) {
		m.fail("the cluster is gone, and the record says %s", r.State)
	}
	if m.running && m.now.Sub(m.began) < lag {
		return // the audit log may not tell of it yet
	}
	if m.running != (r.Stage().open() && r.Stage() != Starting) && !m.busy() && r.State != Expired {
		m.fail("a rotation runs: %v, and the record says %s (from %s): %s", m.running, r.State, r.From, r.Reason)
	}
	if len(r.Pending) > 0 {
		m.fail("%d are not told", len(r.Pending))
	}
	if m.running && !slices.ContainsFunc(m.told, func(t Telling) bool { return t.To.open() || t.To == Blocked }) && r.State != Expired {
		m.fail("nobody was told of a rotation that runs since %s", m.began)
	}
}

// named asks that a state that waits says what for.
func (m *model) named() {
	r := &m.kept.Record
	switch {
	case r.State == "":
	case r.Shown.Next == "":
		m.fail("%s says nothing of what comes next", r.State)
	case r.State == Blocked && (len(r.Blockers) == 0 || r.Reason == ""):
		m.fail("blocked from %s without a reason", r.From)
	case r.State == ClientsPending && len(r.Blockers) == 0:
		m.fail("%s waits for nobody", r.State)
	case r.Stage().open() && len(r.Shown.Deadlines) == 0:
		m.fail("%s has no deadline", r.State)
	}
}

func (m *model) over() {
	r := &m.kept.Record
	if m.running || r.Stage().open() {
		m.fail("after a month of fair weather a rotation runs: %v, and the record says %s (from %s): %s; %v", m.running, r.State, r.From, r.Reason, r.Kinds)
	}
	if r.State == Blocked && r.Reason == "" {
		m.fail("blocked for no reason")
	}
	if m.gone && r.State != "" {
		m.fail("the cluster is gone, and its record is carried on: %s since %s", r.State, r.Gone)
	}
	if !m.gone && r.UID != m.cluster.Id {
		m.fail("the record is of cluster %s, and the name is %s's", r.UID, m.cluster.Id)
	}
}
