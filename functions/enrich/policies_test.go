package enrich_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/functions/enrich"
	"tiercel.dev/internal/objects"
)

// shelf is a store with one object.
type shelf struct {
	mu         sync.Mutex
	data       string
	generation int64
	err        error
	reads      int
	hang       bool
}

func (s *shelf) Get(ctx context.Context, name string) (objects.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.hang {
		<-ctx.Done()
		return objects.Object{}, ctx.Err()
	}
	return objects.Object{Name: name, Generation: s.generation, Data: []byte(s.data)}, s.err
}

func (s *shelf) put(data string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.err = data, err
	s.generation++
}

// judged is an enricher with a where list.
func judged(w *world, list string) (*enrich.Enricher, *shelf, *strings.Builder) {
	s, log := &shelf{data: list, generation: 1}, new(strings.Builder)
	return w.enricher(func(cfg *enrich.Config) {
		cfg.Policy, cfg.Store = "where.yaml", s
		cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	}), s, log
}

func policy(name, where, effect string) string {
	return fmt.Sprintf("- {name: %s, where: '%s', %s, reason: because, until: 2026-01-31}\n", name, where, effect)
}

func TestPolicies(t *testing.T) {
	list := "policies:\n" +
		policy("other", `rule == "other"`, "mute: true") +
		policy("lab", `cluster.label["env"] == "lab"`, "mute: true") +
		policy("front", `k8s.exposed && k8s.workload.name == "web" && "front" in k8s.services && severity == HIGH`, "severity: CRITICAL") +
		policy("shop", `k8s.ns.name == "shop"`, "mute: true")
	w := newWorld(t)
	e, _, _ := judged(w, list)
	w.handled(t, e, acted(1))
	a := w.last(t)
	if p := a.Enrichment.Policy; p.GetName() != "front" || p.Reason != "because" || p.Muted || p.OriginalSeverity != alert.High || a.Severity != alert.Critical ||
		p.Until != "2026-02-01T00:00:00.000000000Z" {
		t.Errorf("%v", a)
	}
	if m := w.published[0].attributes; m["severity"] != "CRITICAL" || m["muted"] != "" {
		t.Errorf("%v", m)
	}
	low := acted(2)
	low.Severity = alert.Low
	w.handled(t, e, low)
	a = w.last(t)
	if p := a.Enrichment.Policy; p.GetName() != "shop" || !p.Muted || p.OriginalSeverity != alert.Low || a.Severity != alert.Low || w.published[1].attributes["muted"] != "true" {
		t.Errorf("%v", a)
	}
}

// What nobody could find out decides nothing, and the alert says so.
func TestPolicyOnWhatIsNotKnown(t *testing.T) {
	w := newWorld(t)
	w.gke.answer, w.gke.err = nil, status.Error(codes.PermissionDenied, "no right")
	e, s, _ := judged(w, "policies:\n"+policy("all-but-production", `cluster.label["env"] != "prod"`, "mute: true")+policy("shell", `rule.contains("shell")`, "mute: true"))
	got := w.handled(t, e, acted(1))
	expect(t, "labels not known", got, "GKE could not tell", "cluster: ", "policy all-but-production: depends on what is not known: cluster.label")
	if got.Policy != nil {
		t.Errorf("a policy behind it decided: %v", got.Policy)
	}
	s.put("policies:\n"+policy("shell", `rule.contains("shell")`, "mute: true")+policy("all-but-production", `cluster.label["env"] != "prod"`, "mute: true"), nil)
	w.later(time.Minute)
	if got := w.handled(t, e, acted(2)); got.Policy.GetName() != "shell" {
		t.Errorf("a policy that knows enough: %v", got)
	}
}

// The workload is known from the pod's labels where the cluster does not tell.
func TestPolicyOnTheSensorsWorkload(t *testing.T) {
	w := newWorld(t)
	w.kube.refuse(podPath, 403)
	e, _, _ := judged(w, "policies:\n"+policy("web", `k8s.workload.name == "web"`, "mute: true"))
	a := acted(1)
	if got := w.handled(t, e, a); got.Policy != nil || !strings.Contains(got.Missing[2], "policy web: depends on what is not known") {
		t.Errorf("%v", got)
	}
	a.Pod.WorkloadKind, a.Pod.WorkloadName = "Deployment", "web"
	if got := w.handled(t, e, a); !got.Policy.GetMuted() {
		t.Errorf("%v", got)
	}
}

// A list with an error leaves the one before in force, and the log says where the error is.
func TestPolicyWithAnError(t *testing.T) {
	w := newWorld(t)
	e, s, log := judged(w, "policies:\n"+policy("shop", `k8s.ns.nam == "shop"`, "mute: true"))
	got := w.handled(t, e, acted(1))
	expect(t, "no list yet", got, "", "policies: where.yaml:2:24: unknown name k8s.ns.nam: did you mean k8s.ns.name?")
	if got.Policy != nil || !strings.Contains(log.String(), `^\"`) && !strings.Contains(log.String(), `^"`) {
		t.Errorf("%v; logged %s", got.Policy, log)
	}
	s.put("policies:\n"+policy("shop", `k8s.ns.name == "shop"`, "mute: true"), nil)
	w.later(time.Minute)
	if got := w.handled(t, e, acted(2)); !got.Policy.GetMuted() || len(got.Missing) > 0 {
		t.Errorf("mended: %v", got)
	}
	for name, change := range map[string]func(){
		"broken":      func() { s.put("policies: [", nil) },
		"unreachable": func() { s.put("", errors.New("out of order")) },
	} {
		change()
		w.later(2 * time.Minute)
		log.Reset()
		if got := w.handled(t, e, acted(3)); !got.Policy.GetMuted() || len(got.Missing) > 0 || !strings.Contains(log.String(), "stays in force") {
			t.Errorf("%s: %v; logged %s", name, got, log)
		}
	}
	s.put("", objects.ErrNotFound)
	w.later(2 * time.Minute)
	if got := w.handled(t, e, acted(4)); got.Policy != nil || len(got.Missing) > 0 || !strings.Contains(log.String(), "nothing is muted") {
		t.Errorf("taken away: %v; logged %s", got, log)
	}
}

// An alert waits for the first list a while, and then goes on unmuted.
func TestPolicyStoreHangs(t *testing.T) {
	w := newWorld(t)
	w.handled(t, w.enricher(nil), acted(1)) // what the place answers is kept
	e, s, _ := judged(w, "")
	s.hang = true
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := e.Handle(ctx, message(acted(2))); err != nil {
		t.Fatal(err)
	}
	expect(t, "slow store", w.last(t).Enrichment, "", "policies: context deadline exceeded")
}

// A policy that has ended counts no more, and the log says so once.
func TestPolicyEnds(t *testing.T) {
	w := newWorld(t)
	e, s, log := judged(w, "policies:\n"+policy("shop", `k8s.ns.name == "shop"`, "mute: true"))
	if got := w.handled(t, e, acted(1)); !got.Policy.GetMuted() {
		t.Fatalf("%v", got)
	}
	w.later(40 * 24 * time.Hour)
	for seq := range uint64(5) {
		if got := w.handled(t, e, acted(seq+2)); got.Policy != nil {
			t.Errorf("%v", got)
		}
	}
	if n := strings.Count(log.String(), "policy has ended"); n != 1 || !strings.Contains(log.String(), "policy=shop") {
		t.Errorf("told %d times: %s", n, log)
	}
	if s.reads != 2 {
		t.Errorf("the list was read %d times", s.reads)
	}
}

// What is over a node's rate is published, and asks the cluster nothing.
func TestRate(t *testing.T) {
	w := newWorld(t)
	w.kube.node("n2")
	w.kube.change(podPath, "uid-1", "uid-0") // no answer about pods helps the next alert
	e := w.enricher(func(cfg *enrich.Config) { cfg.AlertsPerMinute = 10 })
	seq := uint64(0)
	send := func(node string) *alert.Enrichment {
		seq++
		a := acted(seq)
		a.Node.Name, a.Pod.Uid = node, fmt.Sprint("made-up-", seq)
		return w.handled(t, e, a)
	}
	over := func(got *alert.Enrichment) bool {
		return strings.Contains(strings.Join(got.Missing, "\n"), "more than 10 alerts a minute come from there")
	}
	for range 10 {
		if got := send("n1"); over(got) {
			t.Fatalf("%v", got.Missing)
		}
	}
	asked := len(w.kube.asked)
	for range 100 {
		if got := send("n1"); !over(got) || got.Verification != alert.Verified {
			t.Fatalf("%v", got)
		}
	}
	if n := len(w.kube.asked); n != asked || len(w.published) != 110 {
		t.Errorf("the cluster was asked %d times more; %d published", n-asked, len(w.published))
	}
	if got := send("n2"); over(got) {
		t.Errorf("another node: %v", got.Missing)
	}
	w.later(time.Minute)
	if got := send("n1"); over(got) {
		t.Errorf("a minute later: %v", got.Missing)
	}
	for i := range 11 {
		if got := send(fmt.Sprint("made-up-", i)); over(got) != (i == 10) {
			t.Errorf("made-up node %d: %v", i, got.Missing)
		}
	}
}
