package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"tiercel.dev/alert"
)

// A ticket is one thing: what has the same rule, workload, executable and cluster.
type ticket struct {
	Title    string   `json:"title"`
	Severity string   `json:"severity"`
	Cluster  string   `json:"cluster"`
	Verified bool     `json:"verified"` // what it says of cluster and node is true; else anybody may have made it up
	Events   uint64   `json:"events"`
	First    string   `json:"first"`
	Last     string   `json:"last"`
	Output   string   `json:"output"` // of the last
	Alerts   []string `json:"alerts"` // ids that are counted already, the newest last
}

// desk keeps tickets as files: one process at a time may have the folder.
type desk struct {
	dir string
	mu  sync.Mutex
}

// remembered is how many alerts of a thing are known again. A message may come again for as long as its subscription keeps it.
const remembered = 10_000

// add counts an alert once. The ids are in the same file as the count, so that the one is never written without the other.
func (d *desk) add(a *alert.Alert) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := filepath.Join(d.dir, key(a)+".json")
	t, err := read(name)
	if err != nil || slices.Contains(t.Alerts, a.GetAlertId()) {
		return err
	}
	at := a.GetTime()
	if t.First == "" || at < t.First { // times sort as text; alerts come in any order
		t.First = at
	}
	if at >= t.Last {
		t.Last = max(at, a.GetSuppressed().GetLastTime())
		t.Title, t.Severity = a.GetRule().GetTitle(), a.GetSeverity().String()
		t.Cluster, t.Output = a.GetCluster().GetName(), a.GetOutput()
		t.Verified = a.GetEnrichment().GetVerification() == alert.Verified
	}
	t.Events += 1 + a.GetSuppressed().GetCount()
	t.Alerts = append(t.Alerts, a.GetAlertId())
	t.Alerts = t.Alerts[max(0, len(t.Alerts)-remembered):]
	return write(name, t)
}

// key is the thing's own. The identity says nothing of the cluster, and a cluster's name is text of the sender's: so it is hashed,
// and not made a path of.
func key(a *alert.Alert) string {
	c := a.GetCluster()
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", a.GetIdentity(), c.GetProject(), c.GetLocation(), c.GetName()))
	return hex.EncodeToString(sum[:16])
}

func read(name string) (t ticket, err error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return t, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// write replaces the file whole.
func write(name string, t ticket) error {
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
