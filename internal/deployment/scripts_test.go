package deployment

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	bootstrap = []string{"--project", "prod", "--region", "europe-west1", "--cluster", "prod/europe-west1/shop", "--cluster", "other/europe-west1-b/office", "--count-tokens"}
	deploy    = []string{"PROJECT_ID=prod", "REGION=europe-west1", "WAVES=prod/europe-west1/shop other/europe-west1-b/office,other/us-east1/branch"}
	image     = "europe-west1-docker.pkg.dev/prod/tiercel/sensor@sha256:" + strings.Repeat("0", 63) + "7"
)

// A first run makes everything; a second finds it made, and makes nothing anew.
func TestBootstrap(t *testing.T) {
	p := newPlace(t)
	first := p.run(t, nil, "bootstrap", bootstrap...)
	if first.code != 0 {
		t.Fatalf("exit code %d\n%s", first.code, first.stderr)
	}
	golden(t, "bootstrap.calls", first.calls)
	again := p.run(t, nil, "bootstrap", bootstrap...)
	want := slices.DeleteFunc(slices.Clone(first.calls), func(call string) bool {
		return strings.Contains(call, " create ") && !strings.Contains(call, "identity create") // which is the same each time
	})
	if again.code != 0 || !slices.Equal(again.calls, want) {
		t.Errorf("again: exit code %d, %q", again.code, again.calls)
	}
}

func TestBootstrapFails(t *testing.T) {
	// What cannot be looked up is taken for not there, and made.
	failing(t, newPlace, nil, "bootstrap", bootstrap, func(call string) bool { return strings.Contains(call, " describe ") }, none)
}

func TestDeploy(t *testing.T) {
	p := newPlace(t)
	for range 2 {
		got := p.run(t, deploy, "deploy")
		if got.code != 0 {
			t.Fatalf("exit code %d\n%s", got.code, got.stderr)
		}
		golden(t, "deploy.calls", got.calls)
	}
}

func TestDeployFails(t *testing.T) {
	failing(t, newPlace, deploy[:2], "deploy", nil, none, none)
}

func TestRolloutFails(t *testing.T) {
	// Of a cluster that was never found well there is nothing to go back to. What is not well at once may be a little later. Why sensors do
	// not get ready is asked for the log, and no more comes of it.
	back := func(call string) bool {
		return strings.HasPrefix(call, "gcloud storage cp gs://") || strings.HasPrefix(call, "kubectl -n tiercel get pods ")
	}
	failing(t, newPlace, append(slices.Clone(deploy), "WAVES=prod/europe-west1/shop other/us-east1/branch"), "rollout", []string{image},
		func(call string) bool { return strings.HasPrefix(call, "tiercel doctor") }, back)
}

func none(string) bool { return false }

// A step without what the one before makes says so.
func TestDeployOutOfOrder(t *testing.T) {
	for step, want := range map[string]string{"apply": "There is no plan", "rollout": "There is no image", "fly": "there is no step fly"} {
		if got := newPlace(t).run(t, deploy, "deploy", step); got.code == 0 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: exit code %d\n%s", step, got.code, got.stderr)
		}
	}
	if got := newPlace(t).run(t, deploy[:2], "deploy", "rollout"); got.code != 0 || len(got.calls) != 1 || got.calls[0] != "" {
		t.Errorf("without waves: exit code %d, %q", got.code, got.calls)
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		env    []string
		script string
		args   []string
		want   string
	}{
		"a cluster's name":      {nil, "bootstrap", []string{"--project", "p", "--cluster", "shop"}, "--cluster shop is not PROJECT/LOCATION/NAME"},
		"no region":             {nil, "bootstrap", []string{"--project", "prod"}, `--region is ""`},
		"a flag":                {nil, "bootstrap", []string{"--zone", "z"}, "--zone is no flag"},
		"a tag":                 {deploy, "rollout", []string{"sensor:latest"}, "is no image with its digest"},
		"no image":              {deploy, "rollout", nil, "is no image with its digest"},
		"a cluster in a wave":   {append(slices.Clone(deploy), "WAVES=a/b/c $(id)"), "rollout", []string{image}, "which is not PROJECT/LOCATION/NAME"},
		"an endpoint":           {append(slices.Clone(deploy), "ENDPOINT=public"), "rollout", []string{image}, "neither dns nor private"},
		"a cluster to leave":    {nil, "uninstall", []string{"--project", "prod", "--region", "europe-west1", "--cluster", "shop"}, "--cluster shop is not PROJECT/LOCATION/NAME"},
		"a source":              {nil, "uninstall", []string{"--project", "prod", "--region", "europe-west1", "--scc", "off"}, "--scc off is not organizations/O"},
		"no folder":             {nil, "uninstall", []string{"--project", "prod", "--region", "europe-west1", "--root", "nowhere"}, "--root nowhere is no folder"},
		"nothing to leave":      {nil, "uninstall", []string{"--data"}, `--project is ""`},
		"nothing to deploy to":  {nil, "deploy", nil, "PROJECT_ID is not set"},
		"no clusters":           {[]string{"PROJECT_ID=prod"}, "rollout", []string{image}, "WAVES is not set"},
		"a zip without a name":  {nil, "sources", nil, "scripts/sources OUT.zip"},
		"a schema without name": {nil, "provider-schema", nil, "scripts/provider-schema FULL.json"},
	} {
		got := newPlace(t).run(t, tt.env, tt.script, tt.args...)
		if got.code != 2 || !strings.Contains(got.stderr, tt.want) || got.calls[0] != "" {
			t.Errorf("%s: exit code %d, calls %q\n%s", name, got.code, got.calls, got.stderr)
		}
	}
}

// Each wave has its clusters' own settings and the image by its digest.
func TestRolloutRenders(t *testing.T) {
	p := newPlace(t)
	if got := p.run(t, append(slices.Clone(deploy), "OVERLAY=overlays/calico"), "rollout", image); got.code != 0 {
		t.Fatalf("exit code %d\n%s", got.code, got.stderr)
	}
	text, err := os.ReadFile(filepath.Join(p.build, "rollout/other_us-east1_branch/kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"infra/kubernetes/sensor/overlays/calico]", `newName: europe-west1-docker.pkg.dev/prod/tiercel/sensor, digest: "sha256:0`,
		"- TIERCEL_OUTPUT=pubsub:projects/prod/topics/tiercel-alerts-raw\n", "- TIERCEL_PROJECT=other\n", "- TIERCEL_LOCATION=us-east1\n", "- TIERCEL_CLUSTER=branch\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// A wave that is not well goes back to what was well, image and rules; the wave before stays, the one behind is not touched.
func TestRolloutGoesBack(t *testing.T) {
	for name, tt := range map[string]struct {
		match, want string
		back        []string // clusters, as their credentials are asked for again
	}{
		"not well":               {"tiercel doctor.*office", "stopped at other/europe-west1-b/office,other/us-east1/branch, which is not well", []string{"office", "branch"}},
		"stuck":                  {"", "stopped at other/us-east1/branch", []string{"office", "branch"}},
		"the canary":             {"tiercel doctor.*shop", "stopped at prod/europe-west1/shop, which is not well", []string{"shop"}},
		"a cluster out of reach": {"get-credentials branch", "stopped at other/us-east1/branch", []string{"office"}},
	} {
		p := newPlace(t)
		if got := p.run(t, deploy, "rollout", image); got.code != 0 { // there is something to go back to
			t.Fatalf("%s: exit code %d\n%s", name, got.code, got.stderr)
		}
		env := append(slices.Clone(deploy), "PATIENCE=2", "FAIL_MATCH="+tt.match)
		if name == "stuck" {
			env = append(env, "FAIL_AT=14") // its roll-out
		}
		got := p.run(t, env, "rollout", image)
		if got.code != 1 || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%s: exit code %d\n%s", name, got.code, got.stderr)
		}
		at := slices.IndexFunc(got.calls, func(call string) bool { return strings.HasPrefix(call, "gcloud storage cp gs://") })
		if at < 0 {
			t.Errorf("%s: nothing goes back: %q", name, got.calls)
			continue
		}
		var back []string
		for _, call := range got.calls[at:] {
			if _, rest, ok := strings.Cut(call, "get-credentials "); ok {
				back = append(back, strings.Fields(rest)[0])
			}
			if strings.HasPrefix(call, "kubectl apply") && call != "kubectl apply -f BUILD/rollout/before.yaml" {
				t.Errorf("%s: %s", name, call)
			}
		}
		if !slices.Equal(back, tt.back) {
			t.Errorf("%s: back went %q, want %q\n%s", name, back, tt.back, got.stderr)
		}
	}
}

// An operator who is told once in a while that a sensor is not there yet waits.
func TestRolloutWaits(t *testing.T) {
	p := newPlace(t)
	got := p.run(t, append(slices.Clone(deploy), "FAIL_AT=5"), "rollout", image) // the first look at the canary
	if got.code != 0 || !slices.Contains(got.calls, "sleep 60") {
		t.Errorf("exit code %d, %q\n%s", got.code, got.calls, got.stderr)
	}
}

// What the build may not look at, such as the organization's source of findings, is no reason to go back; what of the wave nobody
// could see, doctor calls a failure itself.
func TestRolloutOfWhatCannotAllBeSeen(t *testing.T) {
	got := newPlace(t).run(t, append(slices.Clone(deploy), "FAIL_MATCH=tiercel doctor", "FAIL_CODE=3", "VERSION=v1.2.3"), "rollout", image)
	if got.code != 0 || !slices.Contains(got.calls, "tiercel doctor --project prod --cluster prod/europe-west1/shop --sensor-version v1.2.3") {
		t.Errorf("exit code %d, %q\n%s", got.code, got.calls, got.stderr)
	}
}

// What the build may grant on whole projects is what infra/ grants there, and its own roles are none that own a project.
func TestBootstrapRoles(t *testing.T) {
	text, err := os.ReadFile("../../scripts/bootstrap-roles")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		role, reason, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || !strings.HasPrefix(role, "roles/") || len(strings.Fields(reason)) < 3 {
			t.Errorf("%q is no role with its reason", line)
		}
		if slices.Contains([]string{"roles/owner", "roles/editor", "roles/viewer", "roles/resourcemanager.projectIamAdmin", "roles/iam.securityAdmin"}, role) {
			t.Errorf("the build holds %s", role)
		}
		n++
	}
	if n < 5 {
		t.Errorf("%d roles", n)
	}
	calls, err := os.ReadFile("testdata/bootstrap.calls")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(calls)) {
		if strings.Contains(line, "projectIamAdmin") && !strings.Contains(line, "hasOnly(['roles/logging.logWriter', 'roles/storage.objectViewer', 'projects/") {
			t.Errorf("without a bound: %s", line)
		}
	}
}
