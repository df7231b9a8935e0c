package rotate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/internal/posture"
)

// A model is one cluster at GKE, with what goes wrong around it: as much as takes a microsecond. Tests against the simulator show
// that it is not far from the truth.
type model struct {
	rng     *rand.Rand
	now     time.Time     // GKE's
	skew    time.Duration // of our clock
	chaos   bool          // faults, crashes and second operators
	cluster *pb.Cluster
	gone    bool // deleted
	ca      posture.CA
	running bool      // a rotation
	began   time.Time // of it
	ops     []*modelOp
	audit   []modelEvent
	nodes   []Node
	tokens  []string
	uses    []Use // of static tokens, that the audit log tells of
	issued  []Certificate
	hidden  map[string]bool // what may not be read: audit, operations, nodes, tokens, budgets, cluster
	budgets []string
	number  int

	kept      record
	away      []string // ids of clusters whose records were put away
	told      []Telling
	wrote     func() // called when a request of somebody's may have been written
	nest      func() // called where another instance may come in between
	calls     map[Phase]int
	approvals map[Phase]int
	answered  map[string]bool // tokens, nodes and clients that people answer for in this round
	bad       []string
}

type modelOp struct {
	Operation
	ends time.Time
	then func() string // its error
}

type modelEvent struct {
	Event
	visible time.Time
}

const (
	us    = "tiercel@p.iam.gserviceaccount.com"
	alice = "alice@example.com"
	bob   = "bob@example.com"
)

var shop = posture.Resource{Project: "p", Location: "europe-west1", Cluster: "shop"}

var modelPolicy = Policy{
	Guided: true, Clusters: []string{"*"}, Approvers: []string{alice, bob}, TwoPeople: true, NoGo: []time.Weekday{time.Friday}, Soak: 12 * time.Hour,
}

func newModel(seed uint64) *model {
	m := &model{
		rng: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), hidden: map[string]bool{}, chaos: true,
		calls: map[Phase]int{}, approvals: map[Phase]int{}, answered: map[string]bool{}, kept: record{Record: Record{Version: recordVersion, Resource: shop}},
	}
	m.cluster = &pb.Cluster{
		Name: "shop", Location: "europe-west1", Id: "1", Status: pb.Cluster_RUNNING, CurrentMasterVersion: "1.33.4-gke.1",
		NodePools: []*pb.NodePool{{Name: "a", Version: "1.33.4-gke.1", Status: pb.NodePool_RUNNING}, {Name: "b", Version: "1.32.1-gke.1", Status: pb.NodePool_RUNNING}},
	}
	m.authority(m.now.Add(-5*365*day), m.now.Add(time.Duration(m.rng.IntN(250)-5)*day))
	for _, pool := range []string{"a", "a", "b"} {
		m.nodes = append(m.nodes, m.node(pool, m.now.Add(-30*day)))
	}
	for range m.rng.IntN(3) {
		m.tokens = append(m.tokens, m.name("ns/token"))
	}
	return m
}

func (m *model) name(prefix string) string {
	m.number++
	return fmt.Sprintf("%s-%d", prefix, m.number)
}

func (m *model) authority(from, until time.Time) {
	m.ca = posture.CA{Fingerprint: m.name("fingerprint"), NotBefore: from, NotAfter: until}
}

func (m *model) node(pool string, at time.Time) Node {
	return Node{Name: m.name(pool), Pool: pool, Created: at, Ready: true}
}

func (m *model) chance(percent int) bool { return m.rng.IntN(100) < percent }

func (m *model) clock() time.Time { return m.now.Add(m.skew) }

func (m *model) fail(format string, args ...any) {
	m.bad = append(m.bad, m.now.Format(time.DateTime)+": "+fmt.Sprintf(format, args...))
}

// pass has time go by at GKE.
func (m *model) pass(d time.Duration) {
	for end := m.now.Add(d); m.now.Before(end); {
		m.now = m.now.Add(min(end.Sub(m.now), 6*time.Hour))
		m.finish()
		m.advance()
	}
}

func (m *model) finish() {
	for _, op := range m.ops {
		if !op.Done && !m.now.Before(op.ends) {
			op.Done, op.End = true, op.ends
			op.Error = op.then()
		}
	}
}

func (m *model) busy() bool {
	return slices.ContainsFunc(m.ops, func(op *modelOp) bool { return !op.Done })
}

func (m *model) operate(typ pb.Operation_Type, pool string, takes time.Duration, then func() string) string {
	op := &modelOp{Operation: Operation{Name: m.name("operation"), Type: typ, Pool: pool, Start: m.now}, ends: m.now.Add(takes), then: then}
	m.ops = append(m.ops, op)
	return op.Name
}

// advance is what GKE does by itself.
func (m *model) advance() {
	if m.gone || m.busy() {
		return
	}
	if !m.running && m.ca.NotAfter.Sub(m.now) < early && m.ca.NotAfter.After(m.now) && m.chance(20) {
		m.begin("", m.name("operation-gke"))
		return
	}
	if !m.running {
		return
	}
	if old := m.oldPool(); old != "" && m.chance(40) {
		fails := m.chaos && m.chance(15)
		m.operate(pb.Operation_UPGRADE_NODES, old, 2*time.Hour, func() string {
			if fails {
				return "a budget was in the way"
			}
			for i := range m.nodes {
				if m.nodes[i].Pool == old {
					m.nodes[i] = m.node(old, m.now)
				}
			}
			return ""
		})
		return
	}
	if m.now.Sub(m.began) >= automatic && m.oldPool() == "" {
		m.swap()
	}
}

func (m *model) oldPool() string {
	for _, n := range m.nodes {
		if n.Created.Before(m.began) {
			return n.Pool
		}
	}
	return ""
}

func (m *model) swap() {
	m.running = false
	m.authority(m.began, m.began.Add(30*365*day))
	m.tokens, m.uses, m.issued = nil, nil, nil
	clear(m.answered)
}

func (m *model) log(e Event) {
	e.Time = m.now
	m.audit = append(m.audit, modelEvent{e, m.now.Add(time.Duration(m.rng.IntN(9)) * time.Minute)})
}

// remove deletes the cluster, whatever is under way.
func (m *model) remove() {
	m.gone, m.running, m.ops = true, false, nil
	m.tokens, m.uses, m.issued = nil, nil, nil
	clear(m.answered)
}

// remake makes another cluster of the same name, which has taken some minutes. The audit log still tells of the one before.
func (m *model) remake() {
	m.gone, m.cluster = false, proto.CloneOf(m.cluster)
	m.cluster.Id = m.name("id")
	m.authority(m.now.Add(-5*time.Minute), m.now.Add(time.Duration(20+m.rng.IntN(250))*day))
	for i := range m.nodes {
		m.nodes[i] = m.node(m.nodes[i].Pool, m.now)
	}
}

// begin starts a rotation, whoever asks.
func (m *model) begin(who, operation string) {
	m.running, m.began = true, m.now
	m.log(Event{Phase: Start, Principal: who, Operation: operation})
}

// ask is a call that changes the cluster.
func (m *model) ask(phase Phase, who string) (string, error) {
	if m.gone || m.busy() || m.running != (phase == Complete) {
		return "", fmt.Errorf("%w: the cluster is not to be asked for that now", ErrNot)
	}
	takes, fails := time.Duration(5+m.rng.IntN(30))*time.Minute, m.chaos && m.chance(10)
	var op *modelOp
	name := m.operate(pb.Operation_UPDATE_CLUSTER, "", takes, func() string {
		switch pool := m.oldPool(); {
		case fails && phase == Start:
			m.running = false
			m.audit = append(m.audit, modelEvent{Event{Time: m.now, Phase: phase, Principal: who, Operation: op.Name, Failed: true}, m.now})
			return "internal error"
		case phase == Complete && pool != "":
			m.audit = append(m.audit, modelEvent{Event{Time: m.now, Phase: phase, Principal: who, Operation: op.Name, Failed: true}, m.now})
			return fmt.Sprintf("Node pool %q requires recreation", pool)
		case phase == Complete && fails:
			m.audit = append(m.audit, modelEvent{Event{Time: m.now, Phase: phase, Principal: who, Operation: op.Name, Failed: true}, m.now})
			return "internal error"
		case phase == Complete:
			m.swap()
		}
		return ""
	})
	op = m.ops[len(m.ops)-1]
	if phase == Start {
		m.begin(who, name)
	} else {
		m.log(Event{Phase: Complete, Principal: who, Operation: name})
	}
	return name, nil
}

// between is where another instance may do all it does.
func (m *model) between() {
	if nest := m.nest; nest != nil && m.chaos && m.chance(5) {
		m.nest = nil
		nest()
		m.nest = nest
	}
}

var errLost = errors.New("deadline exceeded")

// crash ends an instance where it stands.
type crash struct{}

func (m *model) crash() {
	if m.chaos && m.chance(2) {
		panic(crash{})
	}
}

// Start and Complete are the rotator's hands, which the world holds to what must never be.
func (m *model) Start(_ context.Context, r posture.Resource) (string, error) {
	m.crash()
	m.between()
	m.calls[Start]++
	if m.calls[Start] > m.approvals[Start] {
		m.fail("asked to start %d times with %d approvals", m.calls[Start], m.approvals[Start])
	}
	if m.hidden["audit"] || m.hidden["operations"] {
		m.fail("started without knowing whether somebody else had")
	}
	if m.running && slices.ContainsFunc(m.visible(), func(e Event) bool { return e.Phase == Start && e.Time.Equal(m.began) }) {
		m.fail("asked to start while a rotation ran that the audit log told of")
	}
	clear(m.answered)
	return m.answer(Start)
}

func (m *model) answer(phase Phase) (string, error) {
	if m.chaos && m.chance(10) {
		return "", errLost
	}
	name, err := m.ask(phase, us)
	if err == nil && m.chaos && m.chance(15) {
		return "", errLost
	}
	m.crash()
	return name, err
}

func (m *model) Complete(_ context.Context, r posture.Resource) (string, error) {
	m.crash()
	m.between()
	m.calls[Complete]++
	if m.calls[Complete] > m.approvals[Complete] {
		m.fail("asked to complete %d times with %d approvals", m.calls[Complete], m.approvals[Complete])
	}
	if m.running {
		m.unanswered()
	}
	return m.answer(Complete)
}

// unanswered finds what a completion would lock out without that a person said so.
func (m *model) unanswered() {
	for _, token := range m.tokens {
		if !m.answered[token] && !(m.hidden["tokens"] && m.answered[ackTokens]) {
			m.fail("completed with token %s", token)
		}
	}
	// What the log told of since before the rotation began was told to people by name, though nobody may list Secrets.
	if m.hidden["tokens"] && !m.hidden["uses"] {
		for _, u := range m.uses {
			if m.now.Sub(u.Last) < 20*day && !m.answered[u.key()] {
				m.fail("completed with %s, which the audit log saw used", u.key())
			}
		}
	}
	if old := m.oldPool(); old != "" && !m.answered["nodes "+old] {
		m.fail("completed with old nodes in pool %s", old)
	}
	for _, c := range m.issued {
		if !m.hidden["uses"] && !m.answered[c.Request] {
			m.fail("completed with certificate %s", c.Request)
		}
	}
	if !m.answered[ackIssued] {
		m.fail("completed without that anybody answers for certificates")
	}
	if !m.answered["clients"] {
		m.fail("completed without that anybody answers for clients")
	}
}

func (m *model) rotator() *Rotator {
	t := New(Config{
		Eyes: m, Hands: m, Now: m.clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Nonce: func() string { return m.name("nonce") },
		Publish: func(context.Context, []byte, map[string]string) error {
			m.crash()
			if m.chaos && m.chance(5) {
				return errLost
			}
			return nil
		},
		Notify: func(_ context.Context, n posture.Notice) error {
			if m.chaos && m.chance(5) {
				return errLost
			}
			m.told = append(m.told, Telling{Time: n.Time, To: State(n.Subject[strings.LastIndexAny(n.Subject, " ")+1:]), Text: n.Text})
			return nil
		},
	})
	t.kept = flaky{m}
	return t
}

// tick is one call of the schedule, which may end anywhere.
func (m *model) tick(t *Rotator) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crash); !ok {
				panic(p)
			}
		}
	}()
	ctx := context.Background()
	one, _ := t.kept.read(ctx, Name(shop))
	world := m.World(ctx)
	if one.State == "" && len(world.Seen) == 0 {
		return // no record, and no cluster
	}
	// Errors are of the faults that are about.
	_ = t.cluster(ctx, one, world.of(shop), modelPolicy)
}
