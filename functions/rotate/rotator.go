package rotate

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"golang.org/x/sync/errgroup"

	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc"
)

// A Store keeps records. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
	Delete(ctx context.Context, name string, generation int64) error
	List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error]
}

// Eyes look at clusters; [Lookout] is one.
type Eyes interface {
	// World looks at all clusters from outside. What could not be seen it says in the world.
	World(ctx context.Context) World
	// Inside adds to what was observed of a cluster what only its own API and its audit log tell.
	Inside(ctx context.Context, r posture.Resource, o *Observed)
}

// Hands ask GKE, once each: they never try again by themselves. An error of [ErrNot] means that nothing was done, any other that
// nobody knows.
type Hands interface {
	Start(ctx context.Context, r posture.Resource) (operation string, err error)
	Complete(ctx context.Context, r posture.Resource) (operation string, err error)
}

// ErrNot means that GKE refused a call.
var ErrNot = errors.New("not done")

// Findings are written to; [scc.Writer] does, and errors are its. The method may be called twice with the same arguments.
type Findings interface {
	Create(ctx context.Context, id string, f *pb.Finding) error
}

// Config is what a [Rotator] is made of. Store, Eyes, Publish and Notify must be set.
type Config struct {
	Store Store
	// Policy is the name of the object in the store that holds the policy; without one nothing is ever called.
	Policy string
	Eyes   Eyes
	Hands  Hands // nil where nothing is ever called
	// Publish sends an alert to the topic that sensors send theirs to.
	Publish func(ctx context.Context, data []byte, attributes map[string]string) error
	// Findings is nil where there is no organization to hold them.
	Findings Findings
	// Notify has a mail sent, once for each key.
	Notify func(context.Context, posture.Notice) error
	Now    func() time.Time // default time.Now
	Nonce  func() string    // a text that nobody can guess, new each time; default crypto/rand
	Log    *slog.Logger     // default slog.Default()
}

// A Rotator is safe for concurrent use, in any number of processes over one store: of two at once one gives up.
type Rotator struct {
	cfg  Config
	kept keeper
}

// New makes no request.
func New(cfg Config) *Rotator {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Nonce == nil {
		cfg.Nonce = rand.Text
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Rotator{cfg, records{cfg.Store}}
}

const (
	// abreast is how many clusters are looked into at once.
	abreast = 8
	// callTimeout is the client's own for what changes clusters.
	callTimeout = 45 * time.Second
	// maxSteps bounds how many states a cluster goes on in one tick.
	maxSteps = 5
)

// Tick looks at all clusters and goes on with each. A schedule calls it every few minutes; nothing due is success. What goes wrong
// with one cluster keeps no other from being looked at.
func (t *Rotator) Tick(ctx context.Context) error {
	policy, err := t.policy(ctx)
	if err != nil {
		t.cfg.Log.ErrorContext(ctx, "policy of rotations not taken: nothing is called", "err", err)
	}
	errs := []error{err}
	// Records are read before the clusters are looked at: what is decided on is never older than the record.
	kept, err := t.kept.all(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	world := t.cfg.Eyes.World(ctx)
	for r := range world.Seen {
		if _, ok := kept[r]; !ok {
			kept[r] = record{Record: Record{Version: recordVersion, Resource: r}}
		}
	}
	count(ctx, kept)
	var group errgroup.Group
	group.SetLimit(abreast)
	failed := make(chan error, len(kept))
	for r, one := range kept {
		group.Go(func() error {
			if err := t.cluster(ctx, one, world.of(r), policy); err != nil {
				failed <- fmt.Errorf("rotation of %s: %w", r.ClusterName(), err)
			}
			return nil
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// count says how many clusters a tick finds in each state.
func count(ctx context.Context, kept map[posture.Resource]record) {
	clusters := map[State]int{}
	for _, one := range kept {
		clusters[cmp.Or(one.State, Idle)]++
	}
	for _, s := range States {
		meter.Set(ctx, meter.Rotations, float64(clusters[s]), string(s))
	}
}

// cluster goes on with one: each step is written before the next thing is done, so that whoever comes after a crash, or at the same
// time, finds what was meant.
func (t *Rotator) cluster(ctx context.Context, one record, o Observed, p Policy) error {
	looked := false
	for range maxSteps {
		if !looked && o.Cluster != nil && !restful(one.Stage()) {
			o.UsesSince, o.IssuedSince = one.usesSince(o.At), one.issuedSince(o.At)
			t.cfg.Eyes.Inside(ctx, one.Resource, &o)
			looked = true
		}
		o.Nonce = t.cfg.Nonce()
		step := Next(t.cfg.Now(), o, one.Record, p)
		if !step.Changed {
			break
		}
		was := one.State
		if one.UID != "" && step.Record.UID != one.UID { // the name is another cluster's now
			if err := t.kept.copyAway(ctx, &one.Record); err != nil {
				return err
			}
		}
		one.Record = step.Record
		if err := t.kept.write(ctx, &one); errors.Is(err, objects.ErrConflict) {
			t.cfg.Log.InfoContext(ctx, "somebody else goes on with this rotation", "cluster", one.Resource.ClusterName())
			return nil
		} else if err != nil {
			return err
		}
		if step.Call != "" {
			if err := t.call(ctx, &one, step.Call); err != nil {
				return err
			}
			break
		}
		if one.State == was {
			break
		}
	}
	if err := t.tell(ctx, &one); err != nil || !one.over(t.cfg.Now()) {
		return err
	}
	return t.kept.putAway(ctx, &one)
}

// restful are the states in which nothing but the cluster itself is looked at.
func restful(s State) bool { return s == "" || s == Idle || s == Done || s == Expired }

// call asks GKE for what the record says was asked for, and notes the answer. If there is none, the next tick looks for traces.
func (t *Rotator) call(ctx context.Context, one *record, phase Phase) error {
	c, ask := one.Start, t.cfg.Hands.Start
	if phase == Complete {
		c, ask = one.Finish, t.cfg.Hands.Complete
	}
	// Who slept since the record was written may have been taken for dead.
	if t.cfg.Now().Sub(c.At) > callWithin {
		return fmt.Errorf("%s: not asked for in time", phase)
	}
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	operation, err := ask(asking, one.Resource)
	switch {
	case err == nil:
		c.Operation = operation
	case errors.Is(err, ErrNot):
		c.Refused = clip(err.Error())
	default:
		return fmt.Errorf("%s: nobody knows whether GKE has done it: %w", phase, err)
	}
	return t.kept.write(ctx, one)
}

// clip bounds what a service says before it is kept.
func clip(text string) string {
	const most = 500
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

// tell publishes, writes and mails what is pending, in order, and notes what it has told. A crash in between has it told again,
// under the same ids.
func (t *Rotator) tell(ctx context.Context, one *record) error {
	if len(one.Pending) == 0 {
		return nil
	}
	var errs []error
	changed, written := false, true
	for i := range one.Pending {
		p := &one.Pending[i]
		was := *p
		if !p.Alerted {
			p.Alerted = note(&errs, t.publish(ctx, one.Resource, p))
		}
		if !p.Noticed {
			p.Noticed = note(&errs, t.cfg.Notify(ctx, p.notice(one.Resource)))
		}
		// Findings of one cluster follow each other: a later one must not be undone by an earlier.
		if written && !p.Written {
			p.Written = note(&errs, t.find(ctx, one.Resource, p))
		}
		written = written && p.Written
		changed = changed || was.Alerted != p.Alerted || was.Noticed != p.Noticed || was.Written != p.Written
	}
	if !changed {
		return errors.Join(errs...)
	}
	var left []Telling
	for _, p := range one.Pending {
		if !p.Alerted || !p.Noticed || !p.Written {
			left = append(left, p)
		}
	}
	one.Pending = left
	if err := t.kept.write(ctx, one); err != nil && !errors.Is(err, objects.ErrConflict) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func note(errs *[]error, err error) bool {
	if err != nil {
		*errs = append(*errs, err)
	}
	return err == nil
}

// find writes what a telling changes of findings.
func (t *Rotator) find(ctx context.Context, r posture.Resource, p *Telling) error {
	if t.cfg.Findings == nil {
		return nil
	}
	for _, f := range p.findings(r, t.cfg.Now()) {
		if err := t.cfg.Findings.Create(ctx, f.id, f.f); err != nil {
			return err
		}
	}
	return nil
}

var _ Findings = (*scc.Writer)(nil)
