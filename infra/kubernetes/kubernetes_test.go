// Package kubernetes_test holds the manifests to what they claim.
package kubernetes_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"tiercel.dev/alert"
	"tiercel.dev/rules"
	"tiercel.dev/rules/library"
	"tiercel.dev/sensor/command"
	"tiercel.dev/sensor/metrics"
	"tiercel.dev/sensor/node"
)

// kinds are those whose every field the test knows; others are custom resources or kustomize's own.
var kinds = map[string]func() any{
	"Namespace": func() any { return new(core.Namespace) }, "ServiceAccount": func() any { return new(core.ServiceAccount) },
	"DaemonSet": func() any { return new(apps.DaemonSet) }, "NetworkPolicy": func() any { return new(networking.NetworkPolicy) },
	"ResourceQuota": func() any { return new(core.ResourceQuota) }, "ClusterRole": func() any { return new(rbac.ClusterRole) },
	"ClusterRoleBinding": func() any { return new(rbac.ClusterRoleBinding) }, "Role": func() any { return new(rbac.Role) },
	"RoleBinding":   func() any { return new(rbac.RoleBinding) },
	"Kustomization": func() any { return new(map[string]any) }, "Component": func() any { return new(map[string]any) },
	"PodMonitoring": func() any { return new(podMonitoring) },
}

// A podMonitoring is as much of managed Prometheus' resource as is used.
// https://github.com/GoogleCloudPlatform/prometheus-engine/blob/main/doc/api.md#podmonitoring
type podMonitoring struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
		Limits struct {
			Samples int `json:"samples"`
		} `json:"limits"`
	} `json:"spec"`
}

// documents are the YAML documents of all manifests, by file.
func documents(t *testing.T) map[string][][]byte {
	t.Helper()
	all := map[string][][]byte{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || d.Name() == "rules.yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
		for {
			doc, err := r.Read()
			if errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			all[path] = append(all[path], doc)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A field that Kubernetes does not have, or has elsewhere, would be dropped without a word by whoever applies it.
func TestManifestsAreWhatKubernetesKnows(t *testing.T) {
	for path, docs := range documents(t) {
		for _, doc := range docs {
			var meta metav1.TypeMeta
			if err := sigsyaml.Unmarshal(doc, &meta); err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if kinds[meta.Kind] == nil {
				t.Errorf("%s: kind %q is not known here", path, meta.Kind)
				continue
			}
			if err := sigsyaml.UnmarshalStrict(doc, kinds[meta.Kind]()); err != nil {
				t.Errorf("%s: %s: %v", path, meta.Kind, err)
			}
		}
	}
}

func daemonSet(t *testing.T) (*apps.DaemonSet, *core.Container) {
	t.Helper()
	data, err := os.ReadFile("sensor/base/daemonset.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := new(apps.DaemonSet)
	if err := sigsyaml.UnmarshalStrict(data, d); err != nil {
		t.Fatal(err)
	}
	if n := len(d.Spec.Template.Spec.Containers); n != 1 {
		t.Fatalf("%d containers", n)
	}
	return d, &d.Spec.Template.Spec.Containers[0]
}

// The sensor's rights are those and no others. Whoever adds one changes this test, and says in docs/security.md why.
func TestSensorHasExactlyTheRightsItNeeds(t *testing.T) {
	d, c := daemonSet(t)
	pod, s := d.Spec.Template.Spec, c.SecurityContext
	if !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) || !slices.Equal(s.Capabilities.Add, []core.Capability{"BPF", "PERFMON", "SYS_PTRACE"}) {
		t.Errorf("capabilities %v", s.Capabilities)
	}
	if *s.Privileged || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem {
		t.Errorf("security context %v", s)
	}
	if pod.HostNetwork || pod.HostIPC || !pod.HostPID || *pod.AutomountServiceAccountToken || pod.SecurityContext.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("pod %v", pod)
	}
	paths := map[string]bool{} // of the host → whether it may be written
	for _, v := range pod.Volumes {
		if v.HostPath == nil {
			continue
		}
		for _, m := range c.VolumeMounts {
			if m.Name == v.Name {
				paths[v.HostPath.Path] = !m.ReadOnly
			}
		}
	}
	if diff := cmp.Diff(map[string]bool{"/var/lib/tiercel": true, "/run/containerd": false}, paths); diff != "" {
		t.Errorf("paths of the host: -want +got:\n%s", diff)
	}
}

// Flags that the sensor does not know would keep it from starting on every node at once.
func TestSensorKnowsItsFlags(t *testing.T) {
	_, c := daemonSet(t)
	root := command.Root()
	for _, arg := range c.Args {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if root.Flags().Lookup(name) == nil {
			t.Errorf("%s: the sensor has no such flag", arg)
		}
		variable, isVariable := strings.CutPrefix(value, "$(")
		if !isVariable {
			continue
		}
		data, err := os.ReadFile("sensor/base/settings.env")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte(strings.TrimSuffix(variable, ")")+"=")) {
			t.Errorf("%s: settings.env does not set it", arg)
		}
	}
	spool := root.Flags().Lookup("spool").DefValue
	if !slices.ContainsFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return m.MountPath == spool }) {
		t.Errorf("nothing is mounted at the spool's %s", spool)
	}
}

// Rules that the sensor refuses keep it from starting on every node at once.
func TestSensorTakesItsRules(t *testing.T) {
	text, err := os.ReadFile("sensor/base/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Load(append(library.Sources(), rules.Source{Name: "rules.yaml", Data: text}), rules.Options{}); err != nil {
		t.Error(err)
	}
}

// What a probe and a scrape ask for is where the sensor listens.
func TestProbesReachTheSensor(t *testing.T) {
	_, c := daemonSet(t)
	if !slices.Contains(c.Args, "--metrics=:9464") || c.Ports[0].ContainerPort != 9464 || c.Ports[0].Name != "metrics" {
		t.Errorf("%v, %v", c.Args, c.Ports)
	}
	for name, p := range map[string]*core.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if p == nil || p.HTTPGet.Port.StrVal != "metrics" || p.HTTPGet.Path != "/readyz" && p.HTTPGet.Path != "/healthz" {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// A node that is busy has the sensor start and answer slowly, and nothing is won by beginning anew; whoever is told to end has the time to
// write what waits.
func TestProbesHaveTime(t *testing.T) {
	d, c := daemonSet(t)
	if p := c.StartupProbe; p.PeriodSeconds*p.FailureThreshold < 5*60 {
		t.Errorf("%d s to start", p.PeriodSeconds*p.FailureThreshold)
	}
	for name, p := range map[string]*core.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if p.TimeoutSeconds < 5 {
			t.Errorf("%s: %d s to answer", name, p.TimeoutSeconds)
		}
	}
	if p := c.LivenessProbe; p.PeriodSeconds*p.FailureThreshold < 60 {
		t.Errorf("ended after %d s without an answer", p.PeriodSeconds*p.FailureThreshold)
	}
	if most := 3 * node.DefaultConfig().Grace; time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds)*time.Second < most {
		t.Errorf("%d s to end, want %v", *d.Spec.Template.Spec.TerminationGracePeriodSeconds, most)
	}
}

// GKE admits pods of the highest priorities in a namespace where a quota names the priority, and the sensor is one: of an ordinary pod
// that asks for little memory the kernel would kill it before who fills the node's.
func TestQuotaAdmitsTheSensorsPriority(t *testing.T) {
	d, _ := daemonSet(t)
	data, err := os.ReadFile("sensor/base/resourcequota.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var q core.ResourceQuota
	if err := sigsyaml.UnmarshalStrict(data, &q); err != nil {
		t.Fatal(err)
	}
	const priority = "system-node-critical"
	if got := d.Spec.Template.Spec.PriorityClassName; got != priority {
		t.Errorf("priority %q", got)
	}
	s := q.Spec.ScopeSelector
	if s == nil || len(s.MatchExpressions) != 1 || s.MatchExpressions[0].ScopeName != core.ResourceQuotaScopePriorityClass || !slices.Equal(s.MatchExpressions[0].Values, []string{priority}) {
		t.Errorf("scope %+v", s)
	}
	if pods := q.Spec.Hard[core.ResourcePods]; pods.Value() < 65_000 || len(q.Spec.Hard) != 1 {
		t.Errorf("quota %v: GKE's largest clusters have 65,000 nodes", q.Spec.Hard)
	}
}

// Managed Prometheus looks for the sensor's pods, at the port that they name and the path that the sensor serves.
func TestPodMonitoringFindsTheSensor(t *testing.T) {
	data, err := os.ReadFile("sensor/overlays/managed-prometheus/podmonitoring.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m podMonitoring
	if err := sigsyaml.UnmarshalStrict(data, &m); err != nil {
		t.Fatal(err)
	}
	d, c := daemonSet(t)
	given := kustomized(t)
	selector, err := metav1.LabelSelectorAsSelector(&m.Spec.Selector)
	if err != nil || selector.Empty() || !selector.Matches(labels.Set(given)) {
		t.Errorf("%v does not select %v: %v", selector, given, err)
	}
	if m.Namespace != d.Namespace || len(m.Spec.Endpoints) != 1 {
		t.Fatalf("namespace %q and %q, %d endpoints", m.Namespace, d.Namespace, len(m.Spec.Endpoints))
	}
	e := m.Spec.Endpoints[0]
	server, err := metrics.Listen("127.0.0.1:0", func() metrics.Figures { return metrics.Figures{Heartbeat: new(alert.Heartbeat)} }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(t.Context())
	answer, err := http.Get("http://" + server.Address() + e.Path)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if e.Port != c.Ports[0].Name || answer.StatusCode != http.StatusOK {
		t.Errorf("port %s of %v, path %s: %s", e.Port, c.Ports, e.Path, answer.Status)
	}
}

// kustomized are the labels that the sensor's pods are given.
func kustomized(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("sensor/base/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Labels []struct {
			Pairs            map[string]string `json:"pairs"`
			IncludeTemplates bool              `json:"includeTemplates"`
		} `json:"labels"`
	}
	if err := sigsyaml.Unmarshal(data, &k); err != nil || len(k.Labels) != 1 || !k.Labels[0].IncludeTemplates {
		t.Fatalf("%v, %+v", err, k)
	}
	return k.Labels[0].Pairs
}

// Each form lets out what the sensor needs, and names the metadata server where that form of enforcement sees it.
// https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#understanding_the_gke_metadata_server
func TestNetworkPoliciesLetTheSensorWork(t *testing.T) {
	for overlay, metadata := range map[string]string{"dataplane-v2": "169.254.169.254/32:80", "calico": "169.254.169.252/32:988"} {
		data, err := os.ReadFile("sensor/overlays/" + overlay + "/networkpolicy.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var p networking.NetworkPolicy
		if err := sigsyaml.UnmarshalStrict(data, &p); err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, rule := range p.Spec.Egress {
			for _, peer := range rule.To {
				for _, port := range rule.Ports {
					if peer.IPBlock != nil {
						out[peer.IPBlock.CIDR+":"+port.Port.String()] = true
					}
				}
			}
		}
		for _, want := range []string{metadata, "0.0.0.0/0:443", "169.254.20.10/32:53"} {
			if !out[want] {
				t.Errorf("%s: nothing goes to %s: %v", overlay, want, out)
			}
		}
		if len(p.Spec.PolicyTypes) != 2 || len(p.Spec.Ingress) != 1 {
			t.Errorf("%s: %v", overlay, p.Spec.PolicyTypes)
		}
	}
}
