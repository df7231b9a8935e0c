package kubernetes_test

import (
	"cmp"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"
)

const securityPage = "../../docs/security.md"

// docs/security.md lists every right that the manifests grant, and none besides. With UPDATE set the page is given them.
func TestSecurityPageListsEveryRightInClusters(t *testing.T) {
	var rows []string
	for path, docs := range documents(t) {
		for _, doc := range docs {
			var role rbac.ClusterRole // a Role has the same fields
			var meta metav1.TypeMeta
			if err := sigsyaml.Unmarshal(doc, &meta); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if meta.Kind != "ClusterRole" && meta.Kind != "Role" {
				continue
			}
			if err := sigsyaml.Unmarshal(doc, &role); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			where := cmp.Or(role.Namespace, "the cluster")
			for _, rule := range role.Rules {
				for _, group := range rule.APIGroups {
					what := strings.Join(rule.Resources, ", ")
					if len(rule.ResourceNames) > 0 {
						what += " named " + strings.Join(rule.ResourceNames, ", ")
					}
					rows = append(rows, "| `"+path+"` | "+where+" | "+cmp.Or(group, "core")+": "+what+" | "+strings.Join(rule.Verbs, ", ")+" |")
				}
				if len(rule.NonResourceURLs) > 0 {
					t.Errorf("%s grants addresses that are no resources: %v", path, rule.NonResourceURLs)
				}
			}
		}
	}
	slices.Sort(rows)
	want := "| manifest | in | what | may |\n|---|---|---|---|\n" + strings.Join(rows, "\n") + "\n"
	data, err := os.ReadFile(securityPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), "<!-- rights: clusters -->\n")
	have, after, closed := strings.Cut(rest, "<!-- end -->")
	switch {
	case !ok || !closed || len(rows) < 10:
		t.Fatalf("the page has no place for %d rights", len(rows))
	case os.Getenv("UPDATE") != "":
		if err := os.WriteFile(securityPage, []byte(before+"<!-- rights: clusters -->\n"+want+"<!-- end -->"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case have != want:
		t.Errorf("the page says otherwise (run with UPDATE=1):\n%s", want)
	}
}

// The page's table of what the sensor holds names each capability, each folder of the node's and each namespace of the host's that the
// manifest gives it, and none besides.
func TestSecurityPageNamesWhatTheSensorHolds(t *testing.T) {
	d, c := daemonSet(t)
	pod := d.Spec.Template.Spec
	var want []string
	for _, capability := range c.SecurityContext.Capabilities.Add {
		want = append(want, string(capability))
	}
	for _, v := range pod.Volumes {
		if v.HostPath != nil {
			want = append(want, v.HostPath.Path)
		}
	}
	for name, shared := range map[string]bool{"hostPID": pod.HostPID, "hostNetwork": pod.HostNetwork, "hostIPC": pod.HostIPC} {
		if shared {
			want = append(want, name)
		}
	}
	data, err := os.ReadFile(securityPage)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(data), "| holds | why | held by |")
	table, _, _ = strings.Cut(table, "\n\n")
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| (?:hostPath )?`([A-Z_]{3,}|/[a-z/]+|host[A-Z]+)`").FindAllStringSubmatch(table, -1) {
		got = append(got, row[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) < 5 {
		t.Errorf("the page names %q, the manifest %q", got, want)
	}
}
