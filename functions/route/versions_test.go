package route_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	localscc "tiercel.dev/local/scc"
)

// Alerts of every version of the contract, in either encoding, become findings.
func TestEveryVersion(t *testing.T) {
	paths, err := filepath.Glob("../../alert/testdata/v*/*.*")
	if err != nil || len(paths) < 30 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	routed := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := alert.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if a.GetKind() != alert.KindAlert || alert.Validate(a) != nil {
			continue // heartbeats are not for it, nor is what has every field set to anything
		}
		routed++
		w := newWorld(t, localscc.Config{})
		if err := w.router(nil).Handle(t.Context(), push.Message{ID: path, Data: data}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if findings := w.scc.Findings(); len(findings) != 1 || findings[0].Category == "" || findings[0].State != pb.Finding_ACTIVE {
			t.Errorf("%s: %v", path, findings)
		}
	}
	if routed < 16 {
		t.Errorf("%d alerts routed", routed)
	}
}

// An alert of a contract to come, with fields and a severity that nobody here knows, becomes a finding by what is known of it.
func TestNewerAlert(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	m := act("s", 1, "x", alert.High)
	m.Data = []byte(strings.NewReplacer(fmt.Sprintf(`"schema":%d`, alert.Schema), `"schema":9,"novel":{"a":[1]}`, `"rule":{`, `"rule":{"novel":true,`).Replace(string(m.Data)))
	if !bytes.Contains(m.Data, []byte(`"schema":9`)) || !bytes.Contains(m.Data, []byte(`"novel":true`)) {
		t.Fatalf("%s", m.Data)
	}
	if err := w.router(nil).Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.expect("a newer alert", 1)
}

// A ledger that a newer function wrote is left alone: the alert waits, and is counted once the deployment is whole.
func TestNewerLedgerStays(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	if err := r.Handle(t.Context(), act("s", 1, "x", alert.High)); err != nil {
		t.Fatal(err)
	}
	var name string
	for o, err := range w.bucket.List(t.Context(), "ledger/") {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(o.Name, "/head") {
			name = o.Name
		}
	}
	o, err := w.bucket.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(o.Data, []byte(`"version":1`), []byte(`"version":2,"novel":1`), 1)
	generation, err := w.bucket.Put(t.Context(), name, newer, o.Meta, o.Generation)
	if err != nil || bytes.Equal(newer, o.Data) {
		t.Fatalf("%v, %s", err, o.Data)
	}
	err = w.router(nil).Handle(t.Context(), act("s", 2, "x", alert.High))
	if !errors.Is(err, objects.ErrVersion) || errors.Is(err, fault.ErrPoison) {
		t.Errorf("%v", err)
	}
	if o, err := w.bucket.Get(t.Context(), name); err != nil || o.Generation != generation || !bytes.Equal(o.Data, newer) {
		t.Errorf("%s, %v", o.Data, err)
	}
}
