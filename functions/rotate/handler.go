package rotate

import (
	"context"
	"errors"

	"tiercel.dev/internal/objects"
)

// approveTries is how often an approval is tried where a tick writes the record at the same time.
const approveTries = 3

// Approve takes the request of a person whose address is verified. Errors: [ErrRefused], [ErrOld], or such as may pass.
func (t *Rotator) Approve(ctx context.Context, q Request, who string) (Answer, error) {
	policy, err := t.policy(ctx)
	if err != nil {
		return Answer{}, err
	}
	return t.approve(ctx, policy, q, who)
}

func (t *Rotator) approve(ctx context.Context, policy Policy, q Request, who string) (Answer, error) {
	for try := 0; ; try++ {
		one, err := t.kept.read(ctx, Name(q.Resource()))
		if err != nil {
			return Answer{}, err
		}
		r, answer, err := approve(t.cfg.Now(), one.Record, policy, q, who, t.cfg.Nonce())
		if err != nil {
			return Answer{}, err
		}
		one.Record = r
		if err := t.kept.write(ctx, &one); errors.Is(err, objects.ErrConflict) && try < approveTries {
			continue
		} else if err != nil {
			return Answer{}, err
		}
		// What is told only now and fails is told by the next tick.
		if err := t.tell(ctx, &one); err != nil {
			t.cfg.Log.WarnContext(ctx, "approval not told yet", "err", err)
		}
		return answer, nil
	}
}
