package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
)

// ErrBusy means that somebody else sends the mail now, or died while doing so. The caller tries again later.
var ErrBusy = errors.New("another sends this mail")

// claimFor is how long a mail is its claimer's alone.
const claimFor = 10 * time.Minute

// A Store keeps what was sent. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
}

// A Sender submits a mail; [SMTP] does, and errors are its.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// An Outbox sends each mail once. SMTP has no way to ask for that: a mail is claimed in the store before it is submitted, and
// noted as sent after. Who dies between the two leaves a claim of which nobody knows whether its mail was submitted. When it is
// void the same Message-ID is sent again, by which clients and servers may tell the two for one, and the mail says so.
//
// It is safe for concurrent use, in any number of processes over one store.
type Outbox struct {
	Store  Store
	Sender Sender
	Now    func() time.Time // default time.Now
}

// recordVersion is of the records' form.
const recordVersion = 1

// A record is what stands of a mail in the store: mail/KEY.json.
type record struct {
	Version   int       `json:"version"`
	Key       string    `json:"key"`
	To        string    `json:"to"`
	MessageID string    `json:"message_id"`
	State     state     `json:"state"`
	Time      time.Time `json:"time"` // of the state
	Tries     int       `json:"tries"`
	// Repeat is set once nobody knows of an earlier try whether the mail was accepted.
	Repeat bool   `json:"repeat,omitempty"`
	Error  string `json:"error,omitempty"` // of the last try
}

type state string

const (
	claimed state = "claimed"
	sent    state = "sent"
	failed  state = "failed" // it was not accepted; whoever comes next may try
)

// Send sends the mail of a key to somebody, unless it was. render makes it; its argument says that it may have been sent before.
// Errors: render's, the Sender's, the Store's, ErrBusy.
func (o *Outbox) Send(ctx context.Context, key string, to Address, render func(repeat bool) (Message, error)) error {
	for {
		err := o.try(ctx, key, to, render)
		if !errors.Is(err, objects.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

func (o *Outbox) try(ctx context.Context, key string, to Address, render func(repeat bool) (Message, error)) error {
	name := recordName(key, to)
	r, generation, err := o.read(ctx, name)
	if err != nil {
		return err
	}
	switch {
	case r.State == sent:
		return nil
	case r.State == claimed && o.now().Sub(r.Time) < claimFor:
		return fmt.Errorf("%s: %w since %s", name, ErrBusy, r.Time.Format(time.RFC3339))
	case r.State == claimed:
		r.Repeat = true
	}
	m, err := render(r.Repeat)
	if err != nil {
		return err
	}
	m.To, m.Repeat = to, r.Repeat
	if r.MessageID == "" {
		r.MessageID = MessageID(key, m.From, to)
	}
	m.ID = r.MessageID
	r.Key, r.To, r.State, r.Time, r.Error = key, to.Address, claimed, o.now(), ""
	r.Tries++
	if generation, err = o.write(ctx, name, r, generation); err != nil {
		return err
	}
	return o.submit(ctx, name, r, generation, m)
}

// submit sends a mail that is claimed, and notes what came of it.
func (o *Outbox) submit(ctx context.Context, name string, r record, generation int64, m Message) error {
	refused := o.Sender.Send(ctx, m)
	meter.Add(ctx, meter.Mails, 1, fate(refused))
	if errors.Is(refused, ErrUnknownFate) {
		return refused // the claim stays, and is void in a while
	}
	r.State, r.Time = sent, o.now()
	if refused != nil {
		r.State, r.Error = failed, refused.Error()
	}
	// The context may have ended, and with it the submission: the note is written all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if _, err := o.write(ctx, name, r, generation); errors.Is(err, objects.ErrConflict) {
		// Whoever came meanwhile sent it again.
		return errors.Join(refused, fmt.Errorf("%s: the claim was void before the mail was sent: %v", name, err))
	} else if err != nil {
		return errors.Join(refused, fmt.Errorf("what came of the mail could not be noted: %w", err))
	}
	return refused
}

// fate is a word for what came of a submission.
func fate(refused error) string {
	switch {
	case refused == nil:
		return "sent"
	case errors.Is(refused, ErrUnknownFate):
		return "unknown"
	}
	return "refused"
}

// noteTimeout bounds the note of what came of a mail.
const noteTimeout = 20 * time.Second

func (o *Outbox) read(ctx context.Context, name string) (r record, generation int64, err error) {
	found, err := o.Store.Get(ctx, name)
	if errors.Is(err, objects.ErrNotFound) {
		return r, 0, nil
	}
	if err != nil {
		return r, 0, err
	}
	if err := found.Read(recordVersion, &r); errors.Is(err, objects.ErrVersion) {
		return r, 0, err
	} else if err != nil {
		return r, 0, fault.Poison(err)
	}
	return r, found.Generation, nil
}

func (o *Outbox) write(ctx context.Context, name string, r record, generation int64) (int64, error) {
	r.Version = recordVersion
	data, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	return o.Store.Put(ctx, name, data, nil, generation)
}

func (o *Outbox) now() time.Time {
	if o.Now == nil {
		return time.Now().UTC()
	}
	return o.Now()
}

// recordName is where the record of a mail stands. What is no name of a file is a hash.
func recordName(key string, to Address) string {
	if key == "" || len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return !strings.ContainsRune(nameRunes+"/_", r) }) {
		key = hash(key)
	}
	return "mail/" + key + "-" + hash(strings.ToLower(to.Address))[:12] + ".json"
}

// MessageID is of a mail to somebody: the same each time.
func MessageID(key string, from, to Address) string {
	_, domain, _ := strings.Cut(from.Address, "@")
	return hash(key+"\x00"+strings.ToLower(to.Address)) + "@" + domain
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
