package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/objects"
)

// ErrNoReport means that no report has the name.
var ErrNoReport = errors.New("no such report")

// Preview is the mail that a report of now would be, which is not sent: the one of that name, or without a name the first of the
// settings; without settings one about all.
func Preview(ctx context.Context, store Store, now time.Time, name, version string) (m mail.Message, err error) {
	settings, err := readSettings(ctx, store)
	if errors.Is(err, objects.ErrNotFound) && name == "" {
		nobody := mail.Address{Name: "Tiercel", Address: "tiercel@localhost"}
		settings, err = Settings{From: nobody, Reports: []Audience{{Name: "all", To: []mail.Address{nobody}}}}, nil
	}
	if err != nil {
		return m, err
	}
	found := keep(settings.Reports, func(a Audience) bool { return name == "" || a.Name == name })
	if len(found) == 0 {
		return m, fmt.Errorf("%w in %s: %q", ErrNoReport, SettingsName, name)
	}
	in, err := Collect(ctx, store, now.UTC().Truncate(time.Second), version)
	if err != nil {
		return m, err
	}
	if m, err = Write(in, found[0], false); err != nil {
		return m, err
	}
	m.From, m.To = settings.From, found[0].To[0]
	m.ID = mail.MessageID("report/preview/"+in.Due.Format(time.RFC3339)+found[0].Name, m.From, m.To)
	return m, nil
}
