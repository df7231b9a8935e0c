package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
)

// LeakTag is the tag of rules that find a credential of a cluster in other hands.
const LeakTag = "credential-leak"

// maxLeaks bounds what a record keeps of them: a flood of alerts asks for no more than one does.
const maxLeaks = 8

// Propose takes one delivery of an alert. A verified one that is tagged as a leaked credential makes a rotation due at the next
// tick; one that nobody could verify never does, since whoever may publish could have made it up, and neither does one that a
// where list has muted. A message of no sensor's is [fault.ErrPoison].
func (t *Rotator) Propose(ctx context.Context, m push.Message) error {
	a, err := alert.Unmarshal(m.Data)
	if err == nil {
		err = alert.Validate(a)
	}
	if err != nil {
		return fault.Poison(fmt.Errorf("message %s: %w", m.ID, err))
	}
	leak, r, ok := leakOf(a)
	if !ok {
		return nil
	}
	for try := 0; ; try++ {
		one, err := t.kept.read(ctx, Name(r))
		if err != nil {
			return err
		}
		if !one.leaked(leak, t.cfg.Now(), t.cfg.Nonce()) {
			return nil
		}
		if err := t.kept.write(ctx, &one); !errors.Is(err, objects.ErrConflict) || try == approveTries {
			return err
		}
	}
}

// leakOf is what an alert says of a leak, and of which cluster.
func leakOf(a *alert.Alert) (Leak, posture.Resource, bool) {
	c := a.GetCluster()
	r := posture.Resource{Project: c.GetProject(), Location: c.GetLocation(), Cluster: c.GetName()}
	if a.GetKind() != alert.KindAlert || a.GetEnrichment().GetVerification() != alert.Verified || a.GetEnrichment().GetPolicy().GetMuted() ||
		!slices.Contains(a.GetRule().GetTags(), LeakTag) {
		return Leak{}, r, false
	}
	at, err := time.Parse(time.RFC3339Nano, a.GetTime())
	if _, named := resourceOf(Name(r)); err != nil || !named {
		return Leak{}, r, false
	}
	return Leak{Alert: a.GetAlertId(), Rule: a.GetRule().GetName(), At: at}, r, true
}

// leaked notes a leak, unless it is known, or older than the rotation that has ended since.
func (r *Record) leaked(l Leak, now time.Time, nonce string) bool {
	known := slices.ContainsFunc(r.Leaks, func(o Leak) bool { return o.Alert == l.Alert })
	if known || len(r.Leaks) >= maxLeaks || !r.Closed.IsZero() && !l.At.After(r.Closed) {
		return false
	}
	if r.State == "" {
		r.State, r.Since, r.Nonce = Idle, now, nonce
	}
	r.Leaks = append(r.Leaks, l)
	return true
}
