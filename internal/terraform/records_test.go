package terraform

import (
	"maps"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"tiercel.dev/functions/harden"
	"tiercel.dev/functions/report"
)

// Of the bucket of records a function writes what functions keep, and reads what people wrote for them to go by: who has taken one
// function does not allow himself by a policy what another can do. The conditions are CEL; of it they use what is read here.
func TestPoliciesAreReadOnly(t *testing.T) {
	const objects = "projects/_/buckets/p-1-tiercel-records/objects/"
	may := func(expression, resource string) bool {
		call, negated := strings.CutPrefix(expression, "!")
		suffix, ok := strings.CutPrefix(call, `resource.name.endsWith("`)
		suffix, closed := strings.CutSuffix(suffix, `")`)
		if !ok || !closed {
			t.Fatalf("a condition that is not known here: %s", expression)
		}
		return strings.HasSuffix(resource, suffix) != negated
	}
	writers := 0
	for _, g := range of(applied(t, "everything"), "google_storage_bucket_iam_member") {
		if !strings.HasSuffix(g.text("bucket"), "-tiercel-records") || g.text("role") == "roles/storage.objectViewer" && g.at("condition").LengthInt() == 0 {
			continue
		}
		expression, writes := g.text("condition.expression"), g.text("role") == "roles/storage.objectUser"
		if writes {
			writers++
		}
		for name, record := range map[string]bool{
			objects + "rotate/P/L/C.json": true, objects + "mail/KEY.json": true, strings.TrimSuffix(objects, "/objects/"): true, // the last: lists
			objects + harden.ExceptionsName: false, objects + report.SettingsName: false, objects + "rotate/policy.yaml": false, objects + "where.yaml": false,
		} {
			if may(expression, name) != (record == writes) {
				t.Errorf("%s: %s of %s", g.Address, g.text("role"), name)
			}
		}
	}
	if writers < 10 {
		t.Errorf("%d functions write records", writers)
	}
}

// What a setting names as written by people has a name that the condition knows.
func TestPoliciesAreNamedSo(t *testing.T) {
	d := deployments(t)["everything"]
	for _, name := range []string{"rotation_policy", "upgrade_policy", "where_list"} {
		vars := maps.Clone(d.vars)
		vars[name] = cty.StringVal("policy.json")
		_, _, err := Plan(d.dir, googleSchema(t), vars, made)
		if err == nil || !strings.Contains(err.Error(), "What people write ends with .yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
