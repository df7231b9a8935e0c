package console

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
)

func linked() *alert.Alert {
	return &alert.Alert{
		Time: "2026-01-02T03:00:00.000000000Z", Cluster: &alert.Cluster{Project: "p1", Location: "europe-west1", Name: "c1"},
		Node: &alert.Node{Name: "n1"}, Pod: &alert.Pod{Namespace: "shop", Name: "web-1"}, Container: &alert.Container{Name: "app"},
	}
}

func TestLogQuery(t *testing.T) {
	const place = "resource.labels.cluster_name=\"c1\"\nresource.labels.location=\"europe-west1\"\n" +
		"timestamp>=\"2026-01-02T02:45:00Z\"\ntimestamp<=\"2026-01-02T03:15:00Z\""
	pod := "resource.labels.pod_name=\"web-1\"\nresource.labels.namespace_name=\"shop\"\n"
	for _, tt := range []struct {
		name   string
		change func(*alert.Alert)
		want   string
	}{
		{"container", func(a *alert.Alert) {}, "resource.type=\"k8s_container\"\nresource.labels.container_name=\"app\"\n" + pod + place},
		{"pod", func(a *alert.Alert) { a.Container = nil }, "resource.type=\"k8s_pod\"\n" + pod + place},
		{"host", func(a *alert.Alert) { a.Pod, a.Container = nil, nil }, "resource.type=\"k8s_node\"\nresource.labels.node_name=\"n1\"\n" + place},
		{"no time", func(a *alert.Alert) { a.Time = ""; a.Pod = nil }, "resource.type=\"k8s_node\"\nresource.labels.node_name=\"n1\"\n" + place[:strings.Index(place, "\ntimestamp")]},
	} {
		a := linked()
		tt.change(a)
		if d := cmp.Diff(tt.want, logQuery(a)); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
}

func TestConsole(t *testing.T) {
	owner := func(kinds ...string) func(*alert.Alert) {
		return func(a *alert.Alert) {
			a.Enrichment = new(alert.Enrichment)
			for _, kind := range kinds {
				a.Enrichment.Owners = append(a.Enrichment.Owners, &alert.Owner{Kind: kind, Name: strings.ToLower(kind)})
			}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*alert.Alert)
		want   string
	}{
		{"pod", func(a *alert.Alert) {}, "pod/europe-west1/c1/shop/web-1/details"},
		{"deployment", owner("ReplicaSet", "Deployment"), "deployment/europe-west1/c1/shop/deployment/overview"},
		{"of an operator", owner("StatefulSet", "Database"), "statefulset/europe-west1/c1/shop/statefulset/overview"},
		{"of a kind without a page", owner("Rollout"), "pod/europe-west1/c1/shop/web-1/details"},
		{"cron job", owner("Job", "CronJob"), "cronjob/europe-west1/c1/shop/cronjob/overview"},
		{"by labels", func(a *alert.Alert) { a.Pod.WorkloadKind, a.Pod.WorkloadName = "DaemonSet", "ds" }, "daemonset/europe-west1/c1/shop/ds/overview"},
		{"host", func(a *alert.Alert) { a.Pod = nil }, "node/europe-west1/c1/n1/summary"},
		{"nowhere", func(a *alert.Alert) { a.Pod, a.Node = nil, nil }, "clusters/details/europe-west1/c1/details"},
	} {
		a := linked()
		tt.change(a)
		if got, want := Links(a)[1].Url, "https://console.cloud.google.com/kubernetes/"+tt.want+"?project=p1"; got != want {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		}
	}
	if got := Links(&alert.Alert{}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestPage(t *testing.T) {
	shop := posture.Resource{Project: "p1", Location: "l", Cluster: "c"}
	for want, change := range map[string]func(*posture.Resource){
		"kubernetes/clusters/details/l/c/details": func(*posture.Resource) {},
		"kubernetes/nodepool/l/c/x":               func(r *posture.Resource) { r.Pool = "x" },
		"kubernetes/deployment/l/c/n/d/overview":  func(r *posture.Resource) { r.Kind, r.Namespace, r.Name = "Deployment", "n", "d" },
		"kubernetes/pod/l/c/n/d/details":          func(r *posture.Resource) { r.Kind, r.Namespace, r.Name = "Pod", "n", "d" },
		"kubernetes/node/l/c/d/summary":           func(r *posture.Resource) { r.Kind, r.Name = "Node", "d" },
		"kubernetes/list/overview":                func(r *posture.Resource) { r.Cluster = "" },
		"iam-admin/iam":                           func(r *posture.Resource) { r.Cluster, r.Kind = "", "iam.Binding" },
	} {
		r := shop
		change(&r)
		if got, want := Page(r), "https://console.cloud.google.com/"+want+"?project=p1"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Whatever names say, a link leads to the console, and its query is one that the names are only texts in.
func FuzzLinks(f *testing.F) {
	f.Add("a/../../x?y#z", "b\" OR \"", "@evil.example", "c\n;d=e")
	f.Add("%2f", `\`, "ä", "\x00")
	f.Add("p", "..", ".", "%2e%2E")
	f.Fuzz(func(t *testing.T, project, pod, node, container string) {
		a := linked()
		a.Cluster.Project, a.Cluster.Name, a.Pod.Name, a.Pod.Namespace, a.Node.Name, a.Container.Name = project, node, pod, container, node, container
		r := posture.Resource{Project: project, Location: pod, Cluster: node, Kind: "Pod", Namespace: container, Name: pod}
		for _, l := range append(Links(a), &alert.Link{Url: Page(r)}) {
			u, err := url.Parse(l.Url)
			if err != nil {
				t.Fatal(err)
			}
			if u.Scheme != "https" || u.Host != "console.cloud.google.com" || u.User != nil || u.Fragment != "" || u.Query().Get("project") != project || len(u.Query()) != 1 {
				t.Errorf("%s", l.Url)
			}
			path := u.EscapedPath()
			if strings.Count(path, "/") > 7 || strings.Count(path, ";") > 1 {
				t.Errorf("%s", path)
			}
			for part := range strings.SplitSeq(path, "/") { // as a browser reads it
				if dots := strings.NewReplacer("%2e", ".", "%2E", ".").Replace(part); dots == "." || dots == ".." {
					t.Errorf("%s leads out of the path", path)
				}
			}
		}
	})
}
