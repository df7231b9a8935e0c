package upgrade

import (
	"errors"
	"fmt"
	"testing"

	container "cloud.google.com/go/container/apiv1"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"

	"tiercel.dev/internal/gke"
	"tiercel.dev/local/caller"
	local "tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/loopback"
	manager "tiercel.dev/local/resourcemanager"
)

// A notification is about a cluster of ours, or about none: also of one that somebody made up in a project of ours.
func TestFind(t *testing.T) {
	s := local.New(local.Config{})
	if err := s.PutCluster("acme", healthy().Cluster); err != nil {
		t.Fatal(err)
	}
	directory := iam.NewDirectory()
	directory.Put("projects/acme", "")
	clusters, err := container.NewClusterManagerClient(t.Context(), loopback.Serve(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	defer clusters.Close()
	projects, err := resourcemanager.NewProjectsClient(t.Context(), loopback.Serve(t, manager.New(caller.Gate{}, directory))...)
	if err != nil {
		t.Fatal(err)
	}
	defer projects.Close()
	f := NewFinder(projects, gke.New(clusters, nil))
	number := fmt.Sprint(local.ProjectNumber("acme"))
	if r, err := f.Find(t.Context(), number, "europe-west1", "shop"); err != nil || r != healthy().Resource {
		t.Errorf("%v, %v", r, err)
	}
	for _, other := range [][3]string{{number, "europe-west1", "shop-2"}, {number, "europe-west4", "shop"}, {"12", "europe-west1", "shop"}} {
		if r, err := f.Find(t.Context(), other[0], other[1], other[2]); !errors.Is(err, ErrStranger) {
			t.Errorf("%v: %v, %v", other, r, err)
		}
	}
	s.Silence("europe-west4")
	other := NewFinder(projects, gke.New(clusters, nil))
	if _, err := other.Find(t.Context(), number, "europe-west4", "shop"); err == nil || errors.Is(err, ErrStranger) {
		t.Errorf("a location that does not answer: %v", err)
	}
}
