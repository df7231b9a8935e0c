package main

import (
	"context"
	"log/slog"
	"time"

	"tiercel.dev/cmd/tiercel/board"
	"tiercel.dev/local"
)

// fleetEvery is how often the records of the scheduled functions are looked at.
const fleetEvery = 2 * time.Second

// followFleet has the board show what the scheduled functions say of clusters, until ctx is done.
func (s *show) followFleet(ctx context.Context, cloud *local.Cloud, log *slog.Logger) {
	ticker := time.NewTicker(fleetEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		f, err := fleetOf(ctx, cloud, s.project == "")
		switch {
		case err != nil && ctx.Err() == nil:
			log.Debug("clusters are not shown yet", "err", err)
		case err == nil && f != nil:
			for _, line := range s.board.Fleet(*f) {
				s.out.line("%s %s", s.out.style.dim("clusters:"), line)
			}
		}
	}
}

// fleetOf is how the clusters are; nil before anything is known.
func fleetOf(ctx context.Context, cloud *local.Cloud, sample bool) (*board.Fleet, error) {
	in, now, err := cloud.Posture(ctx)
	if err != nil || in == nil || len(in.Absent) > 0 {
		return nil, err // a run that is not whole yet would look like things that were fixed
	}
	f := &board.Fleet{
		Now: now, Sample: sample, Run: in.Run.Time().Format(time.RFC3339), Checks: in.Checks, Clusters: in.Clusters, Upgrades: in.Upgrades,
		Rotations: in.Rotations,
	}
	for _, m := range cloud.Mails() {
		mail := board.Mail{Number: m.Number, Time: m.Received.Format(time.RFC3339), Subject: m.Subject}
		if len(m.EnvelopeTo) > 0 {
			mail.To = m.EnvelopeTo[0]
		}
		f.Mails = append(f.Mails, mail)
	}
	return f, nil
}
