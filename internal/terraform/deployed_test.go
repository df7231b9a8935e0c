package terraform

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/deployed"
)

// What is embedded in programs is what infra/ makes now.
func TestDeployedIsInfra(t *testing.T) {
	want, err := Deployed(root, googleSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, deployed.Infra(deployed.Project)); diff != "" {
		t.Errorf("internal/deployed is old: run scripts/generate (-infra/ +embedded)\n%s", diff)
	}
}

// Every function is called by something, or by people, and by what infra/ makes: nothing of it is left out.
func TestDeployedIsWhole(t *testing.T) {
	d := deployed.Infra(project)
	called := map[string]bool{"tiercel-approve": true}
	for _, s := range d.Subscriptions {
		called[s.Function] = true
		if s.Function != "" && s.Account != "tiercel-invoke@"+project+".iam.gserviceaccount.com" {
			t.Errorf("%s pushes as %q", s.Name, s.Account)
		}
	}
	mailing := 0
	for _, f := range d.Functions {
		if !called[f.Name] && f.Cron == "" {
			t.Errorf("nothing calls %s", f.Name)
		}
		if f.Needs == deployed.Mail {
			mailing++
		}
	}
	if counted := len(of(applied(t, "everything"), "google_cloudfunctions2_function")); len(d.Functions) != counted || mailing == 0 || mailing == counted {
		t.Errorf("%d functions, %d of which need mail; infra/ makes %d", len(d.Functions), mailing, counted)
	}
	if d.Buckets.Records != project+"-tiercel-records" || d.Buckets.Sources == "" || d.Repository == "" || len(d.APIs) < 10 {
		t.Errorf("%+v", d)
	}
}
