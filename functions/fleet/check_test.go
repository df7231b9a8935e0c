package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/scc"
	localscc "tiercel.dev/local/scc"
)

const source = "organizations/1/sources/2"

// sky is a cloud with one fleet under it.
type sky struct {
	t       *testing.T
	now     time.Time
	store   *counted
	beats   *Beats
	world   World
	scc     *localscc.Server
	alerts  []*alert.Alert
	publish error // what publishing answers
	refuse  error // what writing findings answers
	checker *Checker
	log     strings.Builder
	mu      sync.Mutex // over what the cloud's goroutines read too
}

// set changes what the cloud answers.
func (s *sky) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *sky) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *sky) refused(*pb.Finding) (error, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refuse, false
}

func newSky(t *testing.T, world World) *sky {
	t.Helper()
	s := &sky{t: t, now: now, store: newStore(t), world: world}
	s.beats = NewBeats(s.store, -1)
	s.scc = localscc.New(localscc.Config{Now: s.clock, Fail: s.refused})
	if err := s.scc.AddSource(source, "Tiercel"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	s.scc.Register(g)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	client, err := securitycenter.NewClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	s.checker = NewChecker(Config{
		Store: s.store, Beats: s.beats, World: func(context.Context) (World, error) { return s.world, nil },
		Publish: s.published, Findings: scc.NewWriter(client, source), Now: s.clock, Log: slog.New(slog.NewJSONHandler(&s.log, nil)),
	})
	return s
}

func (s *sky) published(_ context.Context, data []byte, attributes map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publish != nil {
		return s.publish
	}
	a, err := alert.Unmarshal(data)
	if err == nil {
		err = alert.Validate(a)
	}
	if err != nil || attributes["kind"] != "alert" {
		s.t.Errorf("published %v: %v", attributes, err)
	}
	s.alerts = append(s.alerts, a)
	return nil
}

func (s *sky) check(after time.Duration) error {
	s.set(func() { s.now = s.now.Add(after) })
	return s.checker.Check(s.t.Context())
}

// pass has time go by with a check each minute.
func (s *sky) pass(d time.Duration) {
	s.t.Helper()
	for ; d > 0; d -= time.Minute {
		s.must(time.Minute)
	}
}

func (s *sky) must(after time.Duration) {
	s.t.Helper()
	if err := s.check(after); err != nil {
		s.t.Fatal(err)
	}
}

// findings are their rules and states.
func (s *sky) findings() string {
	var all []string
	for _, f := range s.scc.Findings() {
		all = append(all, f.SourceProperties["rule"].GetStringValue()+" "+f.State.String())
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (s *sky) expect(what string, alerts int, findings string) {
	s.t.Helper()
	if got := s.findings(); got != findings || len(s.alerts) != alerts {
		s.t.Errorf("%s: %d alerts, want %d; findings %q, want %q", what, len(s.alerts), alerts, got, findings)
	}
}

// A sensor's life: not expected yet, missing, there, missing again, gone with its node.
func TestCheck(t *testing.T) {
	s := newSky(t, cluster(node("n1")))
	s.must(0)
	s.expect("at the first check", 0, "")
	s.pass(11 * time.Minute)
	s.expect("without a heartbeat", 1, "tiercel_sensor_missing ACTIVE")
	s.must(time.Minute)
	s.expect("still without", 1, "tiercel_sensor_missing ACTIVE")
	s.must(time.Hour)
	s.expect("after an hour without checks, too early to say", 1, "tiercel_sensor_missing ACTIVE")
	record(t, s.beats, heartbeat("n1", s.now), s.now)
	s.must(10 * time.Second)
	s.expect("with one", 1, "tiercel_sensor_missing INACTIVE")
	s.pass(time.Hour)
	s.expect("silent again", 2, "tiercel_sensor_missing ACTIVE")
	if a, b := s.alerts[0], s.alerts[1]; a.Identity != b.Identity || a.AlertId == b.AlertId {
		t.Errorf("identities %s and %s, ids %s and %s", a.Identity, b.Identity, a.AlertId, b.AlertId)
	}
	s.world = cluster()
	s.must(time.Minute)
	s.expect("without its node", 2, "tiercel_sensor_missing INACTIVE")
	if said := s.log.String(); strings.Count(said, `"fleet checked","clusters":1,"silent":1`) < 3 || !strings.HasSuffix(said, `"silent":0}`+"\n") {
		t.Errorf("logged:\n%s", said)
	}

	f := s.scc.Findings()[0]
	if f.FindingClass != pb.Finding_SCC_ERROR || f.Category != "Sensor missing" || f.ResourceName != "//c" || f.NextSteps == "" ||
		f.SourceProperties["node"].GetStringValue() != "n1" || f.SourceProperties["ended"].GetStringValue() == "" {
		t.Errorf("%v", f)
	}
}

// A cluster that cannot be read is told, and what was known of it stays.
func TestCheckUnreadable(t *testing.T) {
	s := newSky(t, cluster(node("n1")))
	s.must(0)
	s.pass(11 * time.Minute)
	known := s.world
	s.world = World{Clusters: []Cluster{{Project: "p", Location: "l", Name: "c", Resource: "//c", Unknown: "list nodes: forbidden"}}}
	s.must(time.Minute)
	s.expect("without an answer", 1, "tiercel_sensor_missing ACTIVE")
	s.pass(11 * time.Minute)
	s.expect("unreadable", 2, "tiercel_cluster_unreadable ACTIVE, tiercel_sensor_missing ACTIVE")
	st, _, err := s.checker.status(t.Context())
	if err != nil || st.Clusters[0].Unknown == "" || st.Clusters[0].Well != 0 || !st.Lines[0].Unknown {
		t.Errorf("%+v, %v", st, err)
	}
	s.world = known
	s.must(time.Minute)
	s.expect("readable again", 2, "tiercel_cluster_unreadable INACTIVE, tiercel_sensor_missing ACTIVE")
}

// Whatever goes wrong between deciding and telling, all is told in the end, and what was told twice is the same.
func TestCheckAgain(t *testing.T) {
	s := newSky(t, cluster(node("n1")))
	s.must(0)
	s.pass(9 * time.Minute)
	s.set(func() { s.publish = errors.New("no topic") })
	if err := s.check(2 * time.Minute); err == nil {
		t.Error("no error from publishing")
	}
	s.expect("no topic", 0, "tiercel_sensor_missing ACTIVE")
	s.set(func() { s.publish = nil })
	s.must(time.Minute)
	s.expect("a topic", 1, "tiercel_sensor_missing ACTIVE")
	record(t, s.beats, heartbeat("n1", s.now), s.now)
	s.set(func() { s.refuse = status.Error(codes.ResourceExhausted, "quota") })
	if err := s.check(time.Minute); err == nil {
		t.Error("no error from writing")
	}
	s.expect("no quota", 1, "tiercel_sensor_missing ACTIVE")
	s.set(func() { s.refuse = nil })
	s.must(time.Second)
	s.expect("all well", 1, "tiercel_sensor_missing INACTIVE")

	// Two checks at once: what the second finds is what the first has noted.
	before := len(s.alerts)
	s.world = cluster(node("n1"), node("n2"))
	s.set(func() { s.now = s.now.Add(9 * time.Minute) })
	other := s.checker.cfg
	other.World = func(ctx context.Context) (World, error) { return s.world, s.checker.Check(ctx) }
	if err := NewChecker(other).Check(t.Context()); err == nil {
		t.Error("a check that was overtaken went on")
	}
	if len(s.alerts) != before+2 {
		t.Errorf("%d alerts of one problem", len(s.alerts)-before)
	}
	// A check that died after it published and before it noted that.
	st, generation, err := s.checker.status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range st.Lines {
		l.Alerted, l.Written = false, false
	}
	if _, err := s.checker.keep(t.Context(), st, generation); err != nil {
		t.Fatal(err)
	}
	s.must(time.Minute)
	ids := make(map[string]bool)
	for _, a := range s.alerts {
		ids[a.AlertId] = true
	}
	if len(ids) != 3 {
		t.Errorf("%d ids of three problems in %d alerts", len(ids), len(s.alerts))
	}
}

// What cannot be read is an error, and not a fleet in which all is well, or all is missing.
func TestCheckErrors(t *testing.T) {
	for name, broken := range map[string]func(*sky){
		"heartbeats":     func(s *sky) { s.put(beatRoot+"00", "{") },
		"the record":     func(s *sky) { s.put(StatusName, "{") },
		"a newer record": func(s *sky) { s.put(StatusName, `{"version":9}`) },
		"the clusters": func(s *sky) {
			s.checker.cfg.World = func(context.Context) (World, error) { return World{}, errors.New("no GKE") }
		},
	} {
		s := newSky(t, cluster(node("n1")))
		broken(s)
		if err := s.check(time.Hour); err == nil {
			t.Errorf("%s: no error", name)
		}
		s.expect(name, 0, "")
	}
}

func (s *sky) put(name, data string) {
	s.t.Helper()
	if _, err := s.store.Put(s.t.Context(), name, []byte(data), nil, 0); err != nil {
		s.t.Fatal(err)
	}
}

// A fleet that falls silent as a whole is told in parts.
func TestCheckMany(t *testing.T) {
	var nodes []kube.Node
	for range maxTold + 5 {
		nodes = append(nodes, node("n"+string(rune('a'+len(nodes)%26))+strings.Repeat("x", len(nodes)/26)))
	}
	s := newSky(t, cluster(nodes...))
	s.must(0)
	s.checker.cfg.Findings = nil
	told := 0
	s.checker.cfg.Publish = func(context.Context, []byte, map[string]string) error { return nil }
	s.pass(9 * time.Minute)
	s.must(2 * time.Minute)
	st, _, err := s.checker.status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range st.Lines {
		if l.Alerted {
			told++
		}
	}
	if told != maxTold || len(st.pending()) != 5 {
		t.Errorf("%d told, %d wait", told, len(st.pending()))
	}
	s.must(time.Minute)
	if st, _, _ = s.checker.status(t.Context()); len(st.pending()) != 0 {
		t.Errorf("%d wait", len(st.pending()))
	}
}

// internal/scc knows every kind by its name, and each has words.
func TestKinds(t *testing.T) {
	for kind, r := range rules {
		if !scc.OfTiercel(&alert.Alert{Rule: &alert.Rule{Name: string(kind)}}) {
			t.Errorf("%s: its alerts would become threats", kind)
		}
		if r.title == "" || r.description == "" || r.nextSteps == "" || r.severity == 0 {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

// What the others have left of the minute's writes is all that a check writes; alerts go out all the same, and the next check
// writes the rest.
func TestCheckLeavesTheBudget(t *testing.T) {
	const silent = 40
	var nodes []kube.Node
	for i := range silent {
		nodes = append(nodes, node(fmt.Sprint("n", i)))
	}
	s := newSky(t, cluster(nodes...))
	s.must(0)
	s.pass(9 * time.Minute)
	others := budget.New(budget.Config{Store: s.store})
	for _, urgent := range []bool{false, true} {
		for others.Allow(t.Context(), s.clock().Add(2*time.Minute), urgent) {
			others.Spent(3000)
		}
	}
	s.must(2 * time.Minute)
	if got := len(s.scc.Findings()); got != 0 || len(s.alerts) != silent {
		t.Errorf("%d findings and %d alerts while others have the budget", got, len(s.alerts))
	}
	s.must(2 * time.Minute)
	if got := len(s.scc.Findings()); got != silent || len(s.alerts) != silent {
		t.Errorf("%d findings and %d alerts of %d nodes", got, len(s.alerts), silent)
	}
}
