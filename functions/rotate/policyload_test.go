package rotate

import (
	"strings"
	"testing"
	"time"

	"tiercel.dev/internal/posture"
)

func TestLoadPolicy(t *testing.T) {
	p, err := LoadPolicy("p.yaml", []byte(`
mode: guided
clusters: ["prod-*", "p/europe-west1/shop"]
approvers: [alice@example.com, bob@example.com]
two_people: true
valid_hours: 24
gcloud_token: true
due: {days: [90, 60, 40], max_age_days: 365}
start:
  no_go: [Friday, sunday]
  window_hours: 6
  freezes: [{from: 2026-12-15, until: 2027-01-06, reason: end of the year}]
complete: {soak_hours: 8}
clients: [{name: ci, owner: dev, clusters: ["prod-*"]}, {name: laptops}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Guided || p.Days != [3]int{90, 60, 40} || p.MaxAge != 365*day || p.Soak != 8*time.Hour || p.Window != 6*time.Hour || p.Valid != 24*time.Hour ||
		len(p.NoGo) != 2 || p.NoGo[0] != time.Friday || !p.TwoPeople || !p.GcloudTokens {
		t.Errorf("%+v", p)
	}
	if f := p.Freezes[0]; !f.Until.Equal(time.Date(2027, 1, 7, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the last day is not one of the freeze: %v", f)
	}
	other := shop
	other.Cluster = "prod-1"
	for r, want := range map[posture.Resource]bool{shop: true, other: true, {Project: "q", Location: "europe-west1", Cluster: "shop"}: false} {
		if p.guides(r) != want {
			t.Errorf("%v: %v", r, !want)
		}
	}
	if got := p.clientsOf(shop); len(got) != 1 || got[0].Name != "laptops" {
		t.Errorf("%v", got)
	}
}

func TestPolicyErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no mode":             {"mode: maybe\n", "p.yaml:1:7: mode is advise or guided"},
		"an unknown key":      {"mode: advise\nmods: 1\n", "p.yaml:2:1: unknown key"},
		"nobody":              {"mode: guided\nclusters: ['*']\n", "p.yaml:1:1: mode guided has approvers"},
		"no cluster":          {"mode: guided\napprovers: [a@b.c]\n", "p.yaml:1:1: mode guided has clusters"},
		"one of two":          {"mode: guided\nclusters: ['*']\napprovers: [a@b.c]\ntwo_people: true\n", "p.yaml:4:13: two_people has more than one approver"},
		"the same twice":      {"approvers: [a@b.c, A@B.C]\n", "p.yaml:1:20: the approver is there already"},
		"everybody":           {"approvers: ['*@example.com']\n", "an approver is an e-mail address"},
		"days upside down":    {"due: {days: [45, 90, 180]}\n", "p.yaml:1:13: days are three"},
		"no hours":            {"valid_hours: 0\n", "valid_hours is a whole number"},
		"no day left":         {"start: {no_go: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]}\n", "no_go leaves no day"},
		"a day that is none":  {"start: {no_go: [someday]}\n", "p.yaml:1:17: no_go has days of the week"},
		"a freeze backwards":  {"start: {freezes: [{from: 2027-01-02, until: 2027-01-01, reason: x}]}\n", "begins before it ends"},
		"a freeze for no one": {"start: {freezes: [{from: 2027-01-02, until: 2027-01-03}]}\n", "a freeze has no reason"},
		"a date":              {"start: {freezes: [{from: soon, until: 2027-01-03, reason: x}]}\n", "from is a day, YYYY-MM-DD"},
		"a pattern":           {"clusters: ['a/b']\n", "p.yaml:1:12: a pattern of clusters"},
		"a client twice":      {"clients: [{name: a}, {name: a}]\n", "the client is there already"},
		"a list":              {"- mode\n", "the file is a mapping"},
		"no YAML":             {"mode: [\n", "p.yaml:"},
	} {
		p, err := LoadPolicy("p.yaml", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) || p.Guided {
			t.Errorf("%s: %v, %+v", name, err, p)
		}
	}
}

// Whatever stands in the file, a policy that lets things be called says by whom and for which clusters.
func FuzzLoadPolicy(f *testing.F) {
	f.Add([]byte(guided))
	f.Add([]byte("start: {freezes: [{from: 2027-01-02, until: 2027-01-03, reason: x}]}\nclients: [{name: a}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := LoadPolicy("p.yaml", data)
		if err != nil && p.Guided {
			t.Error("a policy that is wrong guides")
		}
		if p.Guided && (len(p.Approvers) == 0 || len(p.Clusters) == 0) {
			t.Errorf("%+v", p)
		}
	})
}
