package upgrade

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// NotesName is the object with what GKE has notified of a cluster, upgrade/notifications/P/L/C.json.
func NotesName(r posture.Resource) string {
	return Prefix + "notifications/" + r.Project + "/" + r.Location + "/" + r.Cluster + ".json"
}

// Notes are what GKE has notified of one cluster.
type Notes struct {
	Version int    `json:"version"`
	Notes   []Note `json:"notes"` // the newest first
}

// maxNotes bounds what is kept. Bulletins are kept before others, since they affect until somebody upgrades; a year has some thirty,
// each once for the control plane and once for nodes.
const (
	maxNotes  = 200
	keepNotes = 180 * day
)

// add puts a note among the others; false if it is there already. Of what says the same the latest is kept.
func (n *Notes) add(note Note, now time.Time) bool {
	if i := slices.IndexFunc(n.Notes, func(o Note) bool { return o.Key == note.Key }); i >= 0 {
		if !note.Published.After(n.Notes[i].Published) {
			return false
		}
		n.Notes[i] = note
	} else {
		n.Notes = append(n.Notes, note)
	}
	n.Notes = slices.DeleteFunc(n.Notes, func(o Note) bool { return !o.bulletin() && now.Sub(o.Published) > keepNotes })
	slices.SortStableFunc(n.Notes, func(a, b Note) int {
		if a.bulletin() != b.bulletin() && len(n.Notes) > maxNotes {
			if a.bulletin() {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Published.Compare(a.Published), cmp.Compare(a.Key, b.Key))
	})
	n.Notes = n.Notes[:min(len(n.Notes), maxNotes)]
	return true
}

func (n Note) bulletin() bool { return n.Kind == "SecurityBulletinEvent" }

func readNotes(ctx context.Context, store Store, name string) (Notes, int64, error) {
	n := Notes{Version: recordVersion, Notes: []Note{}}
	o, err := store.Get(ctx, name)
	if errors.Is(err, objects.ErrNotFound) {
		return n, 0, nil
	}
	if err != nil {
		return n, 0, err
	}
	if err := o.Read(recordVersion, &n); err != nil {
		return n, 0, err
	}
	return n, o.Generation, nil
}

func (w *Worker) notes(ctx context.Context, r posture.Resource) ([]Note, error) {
	n, _, err := readNotes(ctx, w.cfg.Store, NotesName(r))
	return n.Notes, err
}

// forgetNotes removes what GKE has notified of a cluster that is no more.
func (w *Worker) forgetNotes(ctx context.Context, r posture.Resource) error {
	_, generation, err := readNotes(ctx, w.cfg.Store, NotesName(r))
	if err != nil || generation == 0 {
		return err
	}
	return w.cfg.Store.Delete(ctx, NotesName(r), generation)
}
