package harden

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	localscc "tiercel.dev/local/scc"
)

var errCut = errors.New("cut off")

// cut fails the n-th call, before or after it was carried out, and all that come later: where an instance died.
type cut struct {
	at    int
	after bool
	calls int
	mu    sync.Mutex
}

// here reports whether this call fails, and whether it is to be carried out.
func (c *cut) here() (fails, carriedOut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	return c.calls >= c.at, c.calls < c.at || c.calls == c.at && c.after
}

func (c *cut) do(call func() error) error {
	fails, carriedOut := c.here()
	var err error
	if carriedOut {
		err = call()
	}
	if fails {
		return errCut
	}
	return err
}

type cutStore struct {
	Store
	*cut
}

func (s cutStore) Get(ctx context.Context, name string) (o objects.Object, err error) {
	err = s.do(func() error { o, err = s.Store.Get(ctx, name); return err })
	return o, err
}

func (s cutStore) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (g int64, err error) {
	err = s.do(func() error { g, err = s.Store.Put(ctx, name, data, meta, generation); return err })
	return g, err
}

func (s cutStore) Delete(ctx context.Context, name string, generation int64) error {
	return s.do(func() error { return s.Store.Delete(ctx, name, generation) })
}

type cutFindings struct {
	Findings
	*cut
}

func (f cutFindings) Create(ctx context.Context, id string, finding *pb.Finding) error {
	return f.do(func() error { return f.Findings.Create(ctx, id, finding) })
}

func (f cutFindings) Change(ctx context.Context, id string, finding *pb.Finding, state bool) error {
	return f.do(func() error { return f.Findings.Change(ctx, id, finding, state) })
}

func (f cutFindings) End(ctx context.Context, id string, finding *pb.Finding) error {
	return f.do(func() error { return f.Findings.End(ctx, id, finding) })
}

func (w *world) dying(c *cut) *Worker {
	return w.worker(func(cfg *Config) { cfg.Store, cfg.Findings = cutStore{cfg.Store, c}, cutFindings{cfg.Findings, c} })
}

// An instance dies before and after each of its calls in turn, in the run that opens findings, in the one that changes, opens and
// ends some, and in the one after the cluster is gone. Whether its job is delivered again or only the next run makes up for it, the
// findings are what the last record says, and none that was opened is forgotten.
func TestDeathAnywhere(t *testing.T) {
	first := verdicts{"A": posture.Fail, "B": posture.Fail, "C": posture.Pass}
	second := verdicts{"A": posture.Pass, "B": posture.Unknown, "C": posture.Fail}
	last := verdicts{"A": posture.Pass, "B": posture.Pass, "C": posture.Pass}
	for dies := 1; dies <= 2; dies++ {
		for _, again := range []bool{true, false} {
			for _, after := range []bool{false, true} {
				for at := 1; ; at++ {
					w := newWorld(t, localscc.Config{})
					what := fmt.Sprintf("dies in run %d at call %d, carried out %v, delivered again %v", dies, at, after, again)
					died := false
					for n, results := range []verdicts{first, second} {
						w.on(n + 1)
						w.results = results
						if n+1 != dies {
							w.run(n+1, results)
							continue
						}
						died = w.dying(&cut{at: at, after: after}).Handle(t.Context(), job(n+1)) != nil
						if died && again {
							w.run(n+1, results)
						}
					}
					if dies == 1 || again {
						want := "A INACTIVE, B ACTIVE, C ACTIVE"
						if died && !again && dies == 1 {
							// The first run's findings may never have been written.
							if got := w.findings(); got != want && got != "C ACTIVE" && got != "A INACTIVE, C ACTIVE" && got != "B ACTIVE, C ACTIVE" {
								t.Errorf("%s: %s", what, got)
							}
						} else {
							w.expect(what, want, -1)
						}
					}
					w.run(3, last)
					for _, f := range w.scc.Findings() {
						if f.State == pb.Finding_ACTIVE {
							t.Errorf("%s: %s is open for ever", what, f.Category)
						}
					}
					if !died {
						if at < 6 {
							t.Fatalf("%s: that is all", what)
						}
						break
					}
				}
			}
		}
	}
}

// Instances that die at any call, several at once over the same cluster, and runs that overlap: in the end the findings are those of
// the last run.
func TestStorm(t *testing.T) {
	// Who is refused tries again at once here, and the clock stands, which no quota is for: each instance that dies has taken a piece of
	// what a minute and a day have.
	w := newWorld(t, localscc.Config{WritesPerMinute: 1 << 30, BytesPerDay: 1 << 60})
	w.budget.WritesPerMinute, w.budget.MaxInstances, w.budget.BytesPerDay = 1<<30, 1<<30, 1<<60
	for round := range 5 {
		results := verdicts{}
		for i := range 6 {
			if results[fmt.Sprint("C", i)] = posture.Pass; (i+round)%2 == 0 {
				results[fmt.Sprint("C", i)] = posture.Fail
			}
		}
		w.on(round + 1)
		w.mu.Lock()
		w.results = results
		w.mu.Unlock()
		var all sync.WaitGroup
		var alone sync.Mutex
		for instance := range 4 {
			all.Go(func() {
				for try := 1; ; try++ {
					if try == 20 { // Pub/Sub waits longer after each refusal, and so has one come alone in the end
						alone.Lock()
						defer alone.Unlock()
					}
					c := &cut{at: 1 + (instance*7+try*3)%17 + try/4, after: (instance+try)%2 == 0}
					err := w.dying(c).Handle(t.Context(), job(round+1))
					if err == nil {
						return
					}
					if try == 1000 { // long after the last that is cut off
						t.Errorf("round %d, instance %d: %v", round, instance, err)
						return
					}
					if round > 0 { // an old job that comes late, in between
						w.dying(&cut{at: 3 + try%9}).Handle(t.Context(), job(round))
					}
				}
			})
		}
		all.Wait()
		if err := w.worker(nil).Handle(t.Context(), job(round+1)); err != nil {
			t.Fatal(err)
		}
		for _, f := range w.scc.Findings() {
			check := f.Category[len("CATEGORY_"):]
			if want := results[check] == posture.Fail; (f.State == pb.Finding_ACTIVE) != want {
				t.Errorf("round %d: %s is %v", round, check, f.State)
			}
		}
	}
}
