package report

import (
	"context"
	"errors"
	"time"

	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// A Notifier mails notices to those whom the report's settings name; to nobody where there are none.
type Notifier struct {
	Store  Store
	Sender mail.Sender
	Now    func() time.Time // default time.Now
}

// Notify sends a notice to each of them once. Errors are [mail.Notices.Notify]'s, or those of the settings.
func (n Notifier) Notify(ctx context.Context, notice posture.Notice) error {
	settings, err := readSettings(ctx, n.Store)
	if errors.Is(err, objects.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	to := &mail.Notices{Outbox: &mail.Outbox{Store: n.Store, Sender: n.Sender, Now: n.Now}, From: settings.From, To: settings.Notices}
	return to.Notify(ctx, notice)
}
