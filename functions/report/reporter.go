package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/schedule"
)

// Config is what a [Reporter] is made of. Store and Sender must be set.
type Config struct {
	Store   Store
	Sender  mail.Sender
	Version string           // of Tiercel
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// patience is how long after its time a report waits for the records of its run. Then it goes out and names what is missing.
const patience = 2 * time.Hour

// A Reporter sends reports. It is safe for concurrent use, in any number of processes over one store: each mail is sent once.
type Reporter struct {
	cfg    Config
	outbox *mail.Outbox
}

// NewReporter makes no request.
func NewReporter(cfg Config) *Reporter {
	cfg = cfg.withDefaults()
	return &Reporter{cfg, &mail.Outbox{Store: cfg.Store, Sender: cfg.Sender, Now: func() time.Time { return cfg.Now().UTC() }}}
}

// A Request is what a call asks for besides what is due. The zero value asks for nothing.
type Request struct {
	// Demand asks for a report of now; a call with the same word is the same report. It is not remembered: the next weekly one
	// compares with the last weekly one.
	Demand string `json:"demand,omitempty"`
	Report string `json:"report,omitempty"` // the only one to be sent, by its name
}

// ReadRequest reads the body of a call: nothing, {} or a request.
func ReadRequest(body []byte) (r Request, err error) {
	if len(body) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, fault.Poison(fmt.Errorf("report's request: %w", err))
	}
	if r.Demand != "" && !nameForm.MatchString(r.Demand) {
		return r, fault.Poison(fmt.Errorf("report's request: demand %q is not of lower-case letters, digits and hyphens, at most 40", r.Demand))
	}
	if r.Report != "" && r.Demand == "" {
		return r, fault.Poison(fmt.Errorf("report's request: report %q is asked for without a demand, which names this one mail", r.Report))
	}
	return r, nil
}

// Report sends what is due, and what is asked for. It is called every few minutes: when nothing is due, or the run that is to be
// reported of is not whole yet, it does nothing.
func (r *Reporter) Report(ctx context.Context, request Request) error {
	settings, err := readSettings(ctx, r.cfg.Store)
	if err != nil {
		return err
	}
	if request.Demand != "" {
		settings.Reports = keep(settings.Reports, func(a Audience) bool { return request.Report == "" || a.Name == request.Report })
		if len(settings.Reports) == 0 {
			return fault.Poison(fmt.Errorf("report %q is not in %s", request.Report, SettingsName))
		}
		due := r.cfg.Now().UTC().Truncate(time.Second)
		in, err := Collect(ctx, r.cfg.Store, due, r.cfg.Version)
		if err != nil {
			return err
		}
		return r.send(ctx, in, settings, "report/demand/"+request.Demand)
	}
	due := settings.Weekly.Last(r.cfg.Now())
	ready, err := r.ready(ctx, due)
	if err != nil || !ready {
		return err
	}
	in, err := Collect(ctx, r.cfg.Store, due, r.cfg.Version)
	if err != nil {
		return err
	}
	sent := r.send(ctx, in, settings, "report/"+schedule.RunAt(due).String())
	if sent != nil && !errors.Is(sent, fault.ErrPoison) {
		return sent
	}
	// A report that somebody cannot be sent has been made all the same.
	_, state := in.State.Compare(in.Due, in.Clusters, in.Manifest.Gone, in.Checks)
	return errors.Join(sent, remember(ctx, r.cfg.Store, in.summary(settings.Reports, r.cfg.Now().UTC()), state))
}

// ready reports whether the report of a time is to be made now.
func (r *Reporter) ready(ctx context.Context, due time.Time) (bool, error) {
	if made, err := made(ctx, r.cfg.Store, due); err != nil || made {
		return false, err
	}
	m, err := newest(ctx, r.cfg.Store, due)
	if errors.Is(err, ErrNoRun) {
		return false, nil // nothing has run yet
	}
	if err != nil {
		return false, err
	}
	none, err := absent(ctx, r.cfg.Store, m)
	if err != nil {
		return false, err
	}
	return len(none) == 0 && len(m.Clusters) > 0 || !r.cfg.Now().Before(due.Add(patience)), nil
}

// made reports whether the report of a time was made.
func made(ctx context.Context, store Store, due time.Time) (bool, error) {
	_, err := store.Get(ctx, historyName(due))
	if errors.Is(err, objects.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func readSettings(ctx context.Context, store Store) (Settings, error) {
	o, err := store.Get(ctx, SettingsName)
	if err != nil {
		return Settings{}, err
	}
	return ReadSettings(SettingsName, o.Data)
}

// send sends everybody theirs; see [mail.Each] for its error.
func (r *Reporter) send(ctx context.Context, in *Input, settings Settings, key string) error {
	type copied struct {
		Audience
		mail.Address
	}
	var all []copied
	for _, a := range settings.Reports {
		for _, to := range a.To {
			all = append(all, copied{a, to})
		}
	}
	return mail.Each(all, func(c copied) error {
		return r.outbox.Send(ctx, key+"/"+c.Audience.Name, c.Address, func(repeat bool) (mail.Message, error) {
			m, err := Write(in, c.Audience, repeat)
			m.From, m.Thread = settings.From, mail.MessageID("thread/report/"+c.Audience.Name, settings.From, c.Address)
			m.List = c.Audience.Name + "." + listOf(settings.From)
			return m, err
		})
	})
}
