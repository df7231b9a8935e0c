package schedule

import (
	"errors"
	"testing"
	"time"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
)

var (
	run  = RunAt(time.Date(2026, 1, 2, 7, 0, 0, 5, time.FixedZone("", 3600)))
	shop = posture.Resource{Project: "p", Location: "europe-west1", Cluster: "shop"}
)

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"harden/runs/20260102T060000Z/manifest.json":             Harden.Manifest(run),
		"upgrade/runs/20260102T060000Z/p/europe-west1/shop.json": Upgrade.Record(run, shop),
		"20260102T060000Z": run.String(),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestClusterOfAnObject(t *testing.T) {
	if got, ok := Cluster(Object(shop)); !ok || got != shop {
		t.Errorf("%v, %v", got, ok)
	}
	for _, name := range []string{"", "p/l/c", "p/l.json", "p/l/c/d.json", "p/../c.json", "//.json"} {
		if got, ok := Cluster(name); ok {
			t.Errorf("%q is %v", name, got)
		}
	}
}

func TestJobComesBack(t *testing.T) {
	want := Job{Work: Harden, Run: run, Resource: shop}
	data, attributes, err := want.Message()
	if err != nil || attributes[AttrWork] != "harden" {
		t.Fatal(attributes, err)
	}
	if got, err := ReadJob(push.Message{Data: data}, Harden); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// A job that names what is no cluster would read and write under other names.
func TestNoJob(t *testing.T) {
	const whole = `{"work":"harden","run":"20260102T060000Z","resource":{"project":"p","location":"l","cluster":"c"}}`
	if _, err := ReadJob(push.Message{Data: []byte(whole)}, Harden); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadJob(push.Message{Data: []byte(whole)}, Upgrade); !errors.Is(err, fault.ErrPoison) {
		t.Errorf("another's work: %v", err)
	}
	for _, text := range []string{
		"", "{}", `{"work":"harden"}`,
		`{"work":"harden","run":"2026","resource":{"project":"p","location":"l","cluster":"c"}}`,
		`{"work":"harden","resource":{"project":"p","location":"l","cluster":"c"}}`,
		`{"work":"harden","run":"20260102T060000Z","resource":{"project":"p","location":"l"}}`,
		`{"work":"harden","run":"20260102T060000Z","resource":{"project":"p","location":"l","cluster":"../c"}}`,
		`{"work":"harden","run":"20260102T060000Z","resource":{"project":"p/q","location":"l","cluster":"c"}}`,
		`{"work":"harden","run":"20260102T060000Z","resource":{"project":"p","location":"l","cluster":"c","pool":"x"}}`,
		`{"work":"cook","run":"20260102T060000Z","resource":{"project":"p","location":"l","cluster":"c"}}`,
	} {
		if j, err := ReadJob(push.Message{Data: []byte(text)}, Harden); !errors.Is(err, fault.ErrPoison) {
			t.Errorf("%s: %+v, %v", text, j, err)
		}
	}
}

// A manifest of before there were versions is read, and one of a newer program's is no poison.
func TestManifestVersions(t *testing.T) {
	if m, err := ReadManifest(objects.Object{Data: []byte(`{"run":"20260102T060000Z"}`)}); err != nil || m.Run != run {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := ReadManifest(objects.Object{Data: []byte(`{"version":2,"run":{}}`)}); !errors.Is(err, objects.ErrVersion) || errors.Is(err, fault.ErrPoison) {
		t.Error(err)
	}
}

func TestNoManifest(t *testing.T) {
	for _, text := range []string{"", `{"run":"yesterday"}`} {
		if _, err := ReadManifest(objects.Object{Data: []byte(text)}); !errors.Is(err, fault.ErrPoison) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
