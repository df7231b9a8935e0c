package deployment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/cloudbuild/apiv1/v2/cloudbuildpb"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
)

// build reads cloudbuild.yaml into Cloud Build's own message, in which a field that is not there is an error.
func build(t *testing.T) (*cloudbuildpb.Build, string) {
	t.Helper()
	text, err := os.ReadFile("../../cloudbuild.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	b := new(cloudbuildpb.Build)
	if err := protojson.Unmarshal(data, b); err != nil {
		t.Fatal(err)
	}
	return b, string(text)
}

// Steps call scripts, and have no logic of their own.
func TestSteps(t *testing.T) {
	b, _ := build(t)
	if len(b.Steps) < 5 {
		t.Errorf("%d steps", len(b.Steps))
	}
	var ran []string
	for _, s := range b.Steps {
		info, err := os.Stat(filepath.Join("../..", s.Entrypoint))
		if err != nil || info.Mode()&0o111 == 0 || !strings.HasPrefix(s.Entrypoint, "scripts/") || s.Script != "" || s.AllowFailure || len(s.WaitFor) > 0 {
			t.Errorf("step %s calls %q (%v), or has a script, or may fail", s.Id, s.Entrypoint, err)
		}
		if s.Entrypoint == "scripts/deploy" {
			ran = append(ran, s.Args...)
		}
	}
	if want := []string{"tools", "plan", "apply", "image", "rollout"}; !slices.Equal(ran, want) {
		t.Errorf("scripts/deploy does %q, want %q", ran, want)
	}
}

func TestBuildIsItsOwnAccount(t *testing.T) {
	b, _ := build(t)
	if b.ServiceAccount != "projects/$PROJECT_ID/serviceAccounts/tiercel-build@$PROJECT_ID.iam.gserviceaccount.com" {
		t.Errorf("it runs as %q", b.ServiceAccount)
	}
	// An account of one's own needs one of these: https://cloud.google.com/build/docs/securing-builds/configure-user-specified-service-accounts
	if l := b.GetOptions().GetLogging(); l != cloudbuildpb.BuildOptions_CLOUD_LOGGING_ONLY {
		t.Errorf("it logs to %s", l)
	}
}

// builtin are the substitutions that Cloud Build has itself: https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
var builtin = []string{"PROJECT_ID", "PROJECT_NUMBER", "BUILD_ID", "LOCATION", "SHORT_SHA", "COMMIT_SHA", "TAG_NAME", "BRANCH_NAME", "REPO_NAME", "TRIGGER_NAME"}

func TestSubstitutions(t *testing.T) {
	b, text := build(t)
	_, uncommented, _ := strings.Cut(text, "steps:")
	used := make(map[string]bool)
	for _, m := range regexp.MustCompile(`\$\{?([A-Z_][A-Z0-9_]*)`).FindAllStringSubmatch(uncommented, -1) {
		used[m[1]] = true
		if _, declared := b.Substitutions[m[1]]; !declared && !slices.Contains(builtin, m[1]) {
			t.Errorf("$%s is not declared", m[1])
		}
	}
	for name := range b.Substitutions {
		if !used[name] || !strings.HasPrefix(name, "_") {
			t.Errorf("%s is used nowhere, or not ours to declare", name)
		}
	}
}

// What the scripts read of their environment, the build gives them.
func TestEnvironment(t *testing.T) {
	b, _ := build(t)
	given := make(map[string]bool)
	for _, pair := range b.GetOptions().GetEnv() {
		name, _, _ := strings.Cut(pair, "=")
		given[name] = true
	}
	own := []string{"BUILD_DIR", "PATIENCE", "DATA"} // which have their defaults, or are scripts/uninstall's
	read := make(map[string]bool)
	for _, script := range []string{"deploy", "rollout"} {
		text, err := os.ReadFile("../../scripts/" + script)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\$\{([A-Z_]+):[-?]`).FindAllStringSubmatch(string(text), -1) {
			read[m[1]] = true
			if !given[m[1]] && !slices.Contains(own, m[1]) {
				t.Errorf("scripts/%s reads %s, which the build does not set", script, m[1])
			}
		}
	}
	for name := range given {
		if !read[name] {
			t.Errorf("the build sets %s, which nothing reads", name)
		}
	}
}
