package sample

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tiercel.dev/functions/report"
	"tiercel.dev/internal/mail"
)

// Version is that of the Tiercel that the sample's reports name.
const Version = "v0.9.0"

// Send fills in week after week, and has the reports of each sent.
func Send(ctx context.Context, store report.Store, sender mail.Sender) error {
	if err := Put(ctx, store, report.SettingsName, []byte(Settings)); err != nil {
		return err
	}
	for week := range Weeks {
		if err := Fill(ctx, store, week); err != nil {
			return err
		}
		r := report.NewReporter(report.Config{
			Store: store, Sender: sender, Version: Version, Log: slog.New(slog.DiscardHandler),
			Now: func() time.Time { return Monday(week).Add(3 * time.Hour) },
		})
		if err := r.Report(ctx, report.Request{}); err != nil {
			return fmt.Errorf("week %d: %w", week, err)
		}
	}
	return nil
}
