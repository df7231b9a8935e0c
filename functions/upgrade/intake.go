package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
)

// An Intake takes GKE's cluster notifications from a push subscription, keeps them, and has a cluster looked at again at once where that is
// urgent. It is safe for concurrent use.
// https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-notifications
type Intake struct {
	Store Store
	// Find tells which cluster a notification is about: it names the project by its number. An error that is [ErrStranger] means that it
	// is none of ours.
	Find func(ctx context.Context, number, location, name string) (posture.Resource, error)
	// Look is [Worker.Handle].
	Look func(context.Context, posture.Resource) error
	Now  func() time.Time // default time.Now
	Log  *slog.Logger     // default slog.Default()
}

// ErrStranger means that there is no such cluster among ours: whoever may publish to the topic may have made it up.
var ErrStranger = errors.New("no cluster of ours")

// The attributes of a notification. Clusters' names are GKE's.
var (
	numberForm   = regexp.MustCompile(`^[0-9]{1,20}$`)
	locationForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,40}$`)
	clusterForm  = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,62}[a-z0-9])?$`)
)

// maxPayload bounds a payload: bulletins have some kilobytes.
const maxPayload = 256 << 10

// Take takes one delivery. It is a [push.Config.Step]: what is malformed, or about no cluster of ours, is poison with the attribute or the
// field named; a type that is not known is logged and done with.
func (n *Intake) Take(ctx context.Context, m push.Message) error {
	kind, ok := kindOf(m.Attributes["type_url"])
	if !ok {
		n.log().WarnContext(ctx, "notification of an unknown type", "message_id", m.ID, "type_url", alert.Escape(m.Attributes["type_url"]))
		return nil
	}
	note, err := noteOf(kind, m)
	if err != nil {
		return fault.Poison(fmt.Errorf("message %s: %w", m.ID, err))
	}
	number, location, name := m.Attributes["project_id"], m.Attributes["cluster_location"], m.Attributes["cluster_name"]
	r, err := n.Find(ctx, number, location, name)
	if errors.Is(err, ErrStranger) {
		return fault.Poison(fmt.Errorf("message %s: attributes project_id, cluster_location and cluster_name: %w", m.ID, err))
	}
	if err != nil {
		return err
	}
	if err := n.keep(ctx, r, note); err != nil {
		return err
	}
	// What was kept by an earlier delivery may not have been looked at yet.
	if note.urgent() {
		return n.Look(ctx, r)
	}
	return nil
}

func (n *Intake) log() *slog.Logger {
	if n.Log == nil {
		return slog.Default()
	}
	return n.Log
}

func (n *Intake) now() time.Time {
	if n.Now == nil {
		return time.Now()
	}
	return n.Now()
}

// noteOf reads a message; errors name the attribute, or the field of the payload.
func noteOf(kind string, m push.Message) (Note, error) {
	for name, form := range map[string]*regexp.Regexp{"project_id": numberForm, "cluster_location": locationForm, "cluster_name": clusterForm} {
		if value := m.Attributes[name]; !form.MatchString(value) {
			return Note{}, fmt.Errorf("attribute %s: %.80q is not of the form %s", name, value, form)
		}
	}
	payload := m.Attributes["payload"]
	if len(payload) > maxPayload {
		return Note{}, fmt.Errorf("attribute payload: %d bytes, and %d are the most", len(payload), maxPayload)
	}
	if m.Published.IsZero() {
		return Note{}, errors.New("publishTime is missing")
	}
	return newNote(kind, payload, m.Published)
}

// keepTries is how often a note is put into a record that others write to at the same time, before another delivery does it.
const keepTries = 5

// keep writes the note, unless it is there.
func (n *Intake) keep(ctx context.Context, r posture.Resource, note Note) error {
	for try := 1; ; try++ {
		notes, generation, err := readNotes(ctx, n.Store, NotesName(r))
		if err != nil {
			return err
		}
		if !notes.add(note, n.now()) {
			return nil
		}
		data, err := json.Marshal(notes)
		if err != nil {
			return err
		}
		_, err = n.Store.Put(ctx, NotesName(r), data, nil, generation)
		if !errors.Is(err, objects.ErrConflict) || try == keepTries {
			return err
		}
	}
}

// urgent reports whether a cluster is to be looked at at once: a bulletin that may affect it, an upgrade that failed, an end of support. What
// is told of it then is decided as at any other time.
func (n Note) urgent() bool {
	switch m := n.message().(type) {
	case *pb.SecurityBulletinEvent:
		return affect{event: m}.severity() >= posture.High
	case *pb.UpgradeInfoEvent:
		return m.GetState() == pb.UpgradeInfoEvent_FAILED || m.GetEventType() == pb.UpgradeInfoEvent_END_OF_SUPPORT
	}
	return false
}
