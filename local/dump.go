package local

import (
	"errors"
	"net/http"

	"tiercel.dev/functions"
	"tiercel.dev/internal/snapshot"
)

// DumpPath is where what is known of the simulated clusters is told, a line of JSON for each cluster, as [snapshot.Encode] writes it
// and hardening checks see it. It is of no project of anybody's: what is known of that, its owner asks Google.
const DumpPath = "/clusters"

func (c *Cloud) dump(w http.ResponseWriter, r *http.Request) {
	f := c.estate.Load()
	if f == nil || f.sim == nil {
		http.Error(w, "no simulated clusters are here, or not yet", http.StatusNotFound)
		return
	}
	f.works.RLock()
	defer f.works.RUnlock()
	if err := f.dump(w, r); err != nil {
		f.log.Error("clusters are not told in full", "err", err)
		panic(http.ErrAbortHandler) // else what was written would look like all
	}
}

func (f *estate) dump(w http.ResponseWriter, r *http.Request) error {
	reading, err := functions.NewReading(r.Context(), f.endpoints(auditor))
	if err != nil {
		return err
	}
	defer reading.Close()
	census, err := reading.Inventory([]string{"projects/" + SampleProject}).Look(r.Context())
	if err != nil {
		return err
	}
	for _, cluster := range census.Clusters {
		s, err := reading.Read(r.Context(), cluster, f.sim.now())
		if errors.Is(err, snapshot.ErrNotFound) {
			continue
		}
		if err == nil {
			err = snapshot.Encode(w, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
