package local

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"testing"

	"tiercel.dev/internal/snapshot"
)

// told are the clusters that a run tells of, once it looks after some.
func told(t *testing.T, c *Cloud) (status int, clusters []string) {
	t.Helper()
	answer, err := http.Get("http://" + c.Calls() + DumpPath)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for d := snapshot.NewDecoder(answer.Body); answer.StatusCode == http.StatusOK; {
		s, err := d.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		clusters = append(clusters, s.Resource.Cluster)
	}
	slices.Sort(clusters)
	return answer.StatusCode, clusters
}

// Without simulated clusters there is nothing to tell: those of a project are its owner's.
func TestNoClustersToTell(t *testing.T) {
	c, err := Start(Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if status, clusters := told(t, c); status != http.StatusNotFound || clusters != nil {
		t.Errorf("%d, %q", status, clusters)
	}
}
