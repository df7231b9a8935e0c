package upgrade

import (
	"context"

	"tiercel.dev/internal/push"
	"tiercel.dev/internal/schedule"
)

// Job takes one cluster of a run. It is a [push.Config.Step]: what is no job is poison.
func (w *Worker) Job(ctx context.Context, m push.Message) error {
	j, err := schedule.ReadJob(m, schedule.Upgrade)
	if err != nil {
		return err
	}
	return w.Handle(ctx, j.Resource)
}
