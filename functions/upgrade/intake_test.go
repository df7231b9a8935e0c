package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
)

const v1beta1 = "type.googleapis.com/google.container.v1beta1."

func message(kind, payload string) push.Message {
	return push.Message{ID: "17", Published: now, Subscription: "projects/p/subscriptions/s", Attributes: map[string]string{
		"project_id": "123456", "cluster_location": "europe-west1", "cluster_name": "shop", "type_url": v1beta1 + kind, "payload": payload,
	}}
}

// Payloads as GKE sends them.
// https://cloud.google.com/kubernetes-engine/docs/concepts/cluster-notifications
const (
	bulletinPayload = `{"resourceTypeAffected":"RESOURCE_TYPE_CONTROLPLANE","bulletinId":"GCP-2026-061","cveIds":["CVE-2026-1234"],"severity":"High",` +
		`"briefDescription":"A hole.","affectedSupportedMinors":["1.33"],"patchedVersions":["1.33.5-gke.1100"],"suggestedUpgradeTarget":"1.33.5-gke.1100",` +
		`"bulletinUri":"https://cloud.google.com/kubernetes-engine/security-bulletins#gcp-2026-061","somethingNew":{"a":1}}`
	startedPayload = `{"resourceType":"MASTER","operation":"operation-1595889094437-87b7254a","operationStartTime":"2020-07-27T22:31:34.437652293Z",` +
		`"currentVersion":"1.33.4-gke.1000","targetVersion":"1.33.5-gke.1100"}`
	availablePayload = `{"version":"1.33.5-gke.1100","resourceType":"NODE_POOL","releaseChannel":{"channel":"REGULAR"},"resource":"projects/123456/locations/europe-west1/clusters/shop/nodePools/%s"}`
	failedPayload    = `{"resourceType":"NODE_POOL","resource":"projects/123456/locations/europe-west1/clusters/shop/nodePools/default-pool","state":"FAILED",` +
		`"eventType":"UPGRADE_LIFECYCLE","currentVersion":"1.33.4-gke.1000","targetVersion":"1.33.5-gke.1100","endTime":"2026-11-28T14:00:00Z"}`
	supportPayload = `{"resourceType":"MASTER","currentVersion":"1.33.4-gke.1000","eventType":"END_OF_SUPPORT","standardSupportEndTime":"2026-12-20T00:00:00Z"}`
)

// intake keeps what is taken in memory, and counts looks.
func intake(looked *int) (*Intake, *memory) {
	store := newMemory()
	return &Intake{
		Store: store, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		Find: func(_ context.Context, number, location, name string) (posture.Resource, error) {
			if number != "123456" || name != "shop" {
				return posture.Resource{}, fmt.Errorf("%s/%s: %w", number, name, ErrStranger)
			}
			return posture.Resource{Project: "acme", Location: location, Cluster: name}, nil
		},
		Look: func(context.Context, posture.Resource) error { *looked++; return nil },
	}, store
}

func TestTake(t *testing.T) {
	for _, tt := range []struct {
		kind, payload string
		looks         int
	}{
		{"SecurityBulletinEvent", bulletinPayload, 1},
		{"SecurityBulletinEvent", strings.Replace(bulletinPayload, "High", "Medium", 1), 0},
		{"UpgradeEvent", startedPayload, 0},
		{"UpgradeAvailableEvent", fmt.Sprintf(availablePayload, "a"), 0},
		{"UpgradeInfoEvent", failedPayload, 1},
		{"UpgradeInfoEvent", supportPayload, 1},
	} {
		looked := 0
		in, store := intake(&looked)
		for range 2 {
			if err := in.Take(t.Context(), message(tt.kind, tt.payload)); err != nil {
				t.Fatalf("%s: %v", tt.kind, err)
			}
		}
		notes, _, err := readNotes(t.Context(), store, "upgrade/notifications/acme/europe-west1/shop.json")
		if err != nil || len(notes.Notes) != 1 || notes.Notes[0].message() == nil || notes.Notes[0].Kind != tt.kind {
			t.Errorf("%s: %v, %v", tt.kind, notes, err)
		}
		// A second delivery may be one whose first was not looked at.
		if looked != 2*tt.looks {
			t.Errorf("%s: looked %d times", tt.payload, looked)
		}
	}
}

// A version is told of once for each node pool, and a bulletin again when there is more to say.
func TestSameAgain(t *testing.T) {
	looked := 0
	in, store := intake(&looked)
	take := func(kind, payload string, published time.Time) {
		m := message(kind, payload)
		m.Published = published
		if err := in.Take(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, pool := range []string{"a", "b", "c"} {
		take("UpgradeAvailableEvent", fmt.Sprintf(availablePayload, pool), now)
	}
	take("SecurityBulletinEvent", strings.Replace(bulletinPayload, `"patchedVersions":["1.33.5-gke.1100"],`, "", 1), now.Add(-time.Hour))
	take("SecurityBulletinEvent", bulletinPayload, now)
	take("SecurityBulletinEvent", strings.Replace(bulletinPayload, "A hole.", "An older text.", 1), now.Add(-2*time.Hour))
	notes, _, err := readNotes(t.Context(), store, NotesName(healthy().Resource))
	if err != nil || len(notes.Notes) != 2 {
		t.Fatalf("%v, %v", notes, err)
	}
	for _, n := range notes.Notes {
		if n.bulletin() && (!strings.Contains(string(n.Payload), "A hole.") || !strings.Contains(string(n.Payload), "patchedVersions")) {
			t.Errorf("%s", n.Payload)
		}
	}
}

// What is forged or malformed is put aside, with what is wrong with it; of what is not known the log tells, and it is done with.
func TestTakeRefuses(t *testing.T) {
	alter := func(key, value string) push.Message {
		m := message("SecurityBulletinEvent", bulletinPayload)
		m.Attributes[key] = value
		return m
	}
	for _, tt := range []struct {
		name string
		m    push.Message
		want string
	}{
		{"no project", alter("project_id", ""), "attribute project_id"},
		{"a project's id", alter("project_id", "acme"), "attribute project_id"},
		{"another location", alter("cluster_location", "../x"), "attribute cluster_location"},
		{"a name that is none", alter("cluster_name", "shop/../x"), "attribute cluster_name"},
		{"a cluster that is none of ours", alter("cluster_name", "shop-2"), "attributes project_id, cluster_location and cluster_name"},
		{"no payload", alter("payload", ""), "payload"},
		{"no JSON", alter("payload", "{"), "payload"},
		{"a field of another form", alter("payload", `{"cveIds":"x"}`), "cveIds"},
		{"no bulletin's id", alter("payload", `{"severity":"High"}`), "payload: bulletinId"},
		{"an enum's unknown word", message("UpgradeEvent", `{"resourceType":[]}`), "resourceType"},
		{"no version", message("UpgradeEvent", `{"resourceType":"MASTER"}`), "payload: targetVersion"},
		{"too much", alter("payload", `{"bulletinId":"`+strings.Repeat("x", maxPayload)+`"}`), "attribute payload"},
	} {
		looked := 0
		in, store := intake(&looked)
		err := in.Take(t.Context(), tt.m)
		if !errors.Is(err, fault.ErrPoison) || !strings.Contains(err.Error(), tt.want) || looked > 0 || len(store.objects) > 0 {
			t.Errorf("%s: %v, looked %d times, kept %d", tt.name, err, looked, len(store.objects))
		}
	}
	looked := 0
	in, store := intake(&looked)
	for _, url := range []string{v1beta1 + "MoonPhaseEvent", "type.googleapis.com/google.container.v2.UpgradeEvent", ""} {
		if err := in.Take(t.Context(), alter("type_url", url)); err != nil || len(store.objects) > 0 {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// Of ten that come at once none is lost.
func TestTakeAtOnce(t *testing.T) {
	looked := 0
	in, store := intake(&looked)
	in.Look = func(context.Context, posture.Resource) error { return nil }
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			m := message("SecurityBulletinEvent", strings.Replace(bulletinPayload, "061", fmt.Sprint("1", i), 1))
			for in.Take(t.Context(), m) != nil { // as Pub/Sub delivers again
			}
		})
	}
	group.Wait()
	if notes, _, err := readNotes(t.Context(), store, NotesName(healthy().Resource)); err != nil || len(notes.Notes) != 10 {
		t.Errorf("%d, %v", len(notes.Notes), err)
	}
}

func TestNotesAreBounded(t *testing.T) {
	var n Notes
	for i := range 3 * maxNotes {
		kind, payload := "UpgradeEvent", strings.Replace(startedPayload, "87b7254a", fmt.Sprint(i), 1)
		if i == 0 {
			kind, payload = "SecurityBulletinEvent", bulletinPayload
		}
		note, err := newNote(kind, payload, now.Add(time.Duration(i)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		n.add(note, now)
	}
	bulletins := 0
	for _, note := range n.Notes {
		if note.bulletin() {
			bulletins++
		}
	}
	if len(n.Notes) != maxNotes || bulletins != 1 {
		t.Errorf("%d notes, %d bulletins", len(n.Notes), bulletins)
	}
}

// Whatever comes is kept so that it can be read again, or is poison, and decides without a fault.
func FuzzTake(f *testing.F) {
	for kind, payload := range map[string]string{
		"SecurityBulletinEvent": bulletinPayload, "UpgradeEvent": startedPayload, "UpgradeAvailableEvent": availablePayload, "UpgradeInfoEvent": failedPayload,
	} {
		f.Add(kind, payload, "123456", "shop")
	}
	f.Add("UpgradeInfoEvent", supportPayload, "1", "x")
	f.Fuzz(func(t *testing.T, kind, payload, number, name string) {
		looked := 0
		in, store := intake(&looked)
		m := message(kind, payload)
		m.Attributes["project_id"], m.Attributes["cluster_name"] = number, name
		if err := in.Take(t.Context(), m); err != nil {
			if !errors.Is(err, fault.ErrPoison) {
				t.Errorf("undocumented error: %v", err)
			}
			return
		}
		notes, _, err := readNotes(t.Context(), store, NotesName(healthy().Resource))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notes.Notes {
			if n.message() == nil {
				t.Errorf("%s cannot be read", n.Payload)
			}
		}
		for _, s := range Decide(now, healthy(), notes.Notes, Policy{}).Actions {
			if s.What == "" || s.Severity == 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}
