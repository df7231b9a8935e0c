package rotate

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/objects"
	"tiercel.dev/local/gke"
)

// records are the names of what is kept.
func (c *cloud) records(prefix string) (names []string) {
	c.Helper()
	for o, err := range c.bucket.List(c.Context(), prefix) {
		if err != nil {
			c.Fatal(err)
		}
		names = append(names, o.Name)
	}
	return names
}

// A cluster that is deleted in the middle of a rotation ends it: told once, no finding stays active, and a day later the record lies
// elsewhere, for people.
func TestDeletedCluster(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	c.approve(alice, Start)
	c.until(ClientsPending)
	c.gke.RemoveCluster(shop.ClusterName())
	notices := len(c.notices)
	r := c.tick(time.Hour)
	if r.State != Idle || r.Gone.IsZero() || len(r.Shown.Deadlines) != 0 || !strings.Contains(r.Shown.Next, "the cluster is gone") {
		t.Fatalf("%s, gone since %s: %s", r.State, r.Gone, r.Shown.Next)
	}
	for range 4 {
		c.tick(5 * time.Hour)
	}
	if told := c.notices[notices:]; len(told) != 1 || told[0].Text[:len("the cluster is gone")] != "the cluster is gone" || len(c.alerts) != len(c.notices) {
		t.Errorf("told %v, %d alerts", told, len(c.alerts))
	}
	if active := c.findings(); len(active) != 0 {
		t.Errorf("%v are active", active)
	}
	for range 3 { // the first puts it away, and nobody makes another
		c.clock.Advance(5 * time.Hour)
		if err := c.rotator.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if kept, away := c.records(Root), c.records(AwayRoot); len(kept) != 0 || !slices.Equal(away, []string{AwayRoot + "p/europe-west1/shop/" + r.UID + ".json"}) {
		t.Errorf("%q, put away %q", kept, away)
	}
	if told := c.notices[notices:]; len(told) != 1 {
		t.Errorf("told %d times", len(told))
	}
}

// Another cluster of the same name begins anew, whatever was known of the first: no approval and no start is taken over.
func TestAnotherClusterOfTheSameName(t *testing.T) {
	for name, between := range map[string]time.Duration{"at once": 0, "after it was missed": time.Hour, "after its record was put away": 50 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, guided, permissions(""))
			first := c.tick(0)
			c.approve(alice, Start)
			c.until(ClientsPending)
			v, err := c.client.GetCluster(t.Context(), &pb.GetClusterRequest{Name: shop.ClusterName()})
			if err != nil {
				t.Fatal(err)
			}
			c.gke.RemoveCluster(shop.ClusterName())
			for left := between; left > 0; left -= time.Hour {
				c.clock.Advance(time.Hour)
				if err := c.rotator.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			now := c.clock.Now()
			v.Id, v.CreateTime = "another", now.Format(time.RFC3339)
			v.MasterAuth.ClusterCaCertificate = gke.CA("another", now, now.Add(30*365*day))
			if err := c.gke.PutCluster("p", v); err != nil {
				t.Fatal(err)
			}
			r := c.tick(time.Minute)
			if r.State != Idle || r.UID != "another" || r.Start != nil || !r.Gone.IsZero() || r.CA.Fingerprint == first.CA.Fingerprint || r.CA.Fingerprint == "" {
				t.Errorf("%s of %s: %s; %+v", r.State, r.UID, r.Reason, r.Start)
			}
			if r = c.tick(day); r.State != Idle {
				t.Errorf("%s a day later: %s", r.State, r.Reason)
			}
			if away := c.records(AwayRoot); !slices.Equal(away, []string{AwayRoot + "p/europe-west1/shop/" + first.UID + ".json"}) {
				t.Errorf("put away %q", away)
			}
			if n := strings.Count(strings.Join(c.path(), " ")+" ", "IDLE "); n != 1 {
				t.Errorf("told %v", c.path())
			}
		})
	}
}

// Whoever wrote the record meanwhile keeps it where it is.
func TestPutAwayHeedsOthers(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.tick(0)
	one, err := c.rotator.kept.read(t.Context(), Name(shop))
	if err != nil {
		t.Fatal(err)
	}
	c.approve(alice, Start)
	if err := c.rotator.kept.putAway(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	if r := c.record(); r.State != Approved {
		t.Error(r.State)
	}
	if one, err = c.rotator.kept.read(t.Context(), Name(shop)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as after a crash between the two
		if err := c.rotator.kept.putAway(t.Context(), &one); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.bucket.Get(t.Context(), Name(shop)); !errors.Is(err, objects.ErrNotFound) {
		t.Error(err)
	}
}
