package netpol

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tiercel.dev/functions/harden/facts"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/kube/real"
)

var update = flag.Bool("update", false, "write the golden files")

func service(name string, kind corev1.ServiceType, ports ...corev1.ServicePort) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.ServiceSpec{
		Type: kind, Selector: map[string]string{"app": name}, Ports: ports,
	}}
}

// shop has a namespace with services of each kind, and one that has a policy.
func shop() *snapshot.Snapshot {
	pod := func(ns string) snapshot.Workload {
		return snapshot.Workload{Namespace: ns, Kind: "Deployment", Name: "web", Templates: []snapshot.Template{{Spec: &corev1.PodSpec{}, Pods: 2, Labels: map[string]string{"app": "web"}}}}
	}
	headless := service("no-selector", "")
	headless.Spec.Selector = nil
	return &snapshot.Snapshot{Cluster: &pb.Cluster{}, Kubernetes: &snapshot.Kubernetes{
		Namespaces:      []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, {ObjectMeta: metav1.ObjectMeta{Name: "has"}}, {ObjectMeta: metav1.ObjectMeta{Name: "empty"}}, {ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}}},
		Workloads:       []snapshot.Workload{pod("shop"), pod("has"), pod("kube-system")},
		NetworkPolicies: []networkingv1.NetworkPolicy{{ObjectMeta: metav1.ObjectMeta{Namespace: "has", Name: "x"}}},
		CustomPolicies:  []snapshot.CustomPolicy{},
		ServiceAccounts: []corev1.ServiceAccount{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: map[string]string{facts.ActsAs: "web@p.iam.gserviceaccount.com"}}}},
		Services: []corev1.Service{
			service("web", corev1.ServiceTypeLoadBalancer, corev1.ServicePort{Port: 443, TargetPort: intstr.FromString("https"), Protocol: corev1.ProtocolTCP}),
			service("db", corev1.ServiceTypeClusterIP, corev1.ServicePort{Port: 5432}, corev1.ServicePort{Port: 53, TargetPort: intstr.FromInt32(5353), Protocol: corev1.ProtocolUDP}),
			service("api", corev1.ServiceTypeClusterIP, corev1.ServicePort{Port: 80, TargetPort: intstr.FromInt32(8080)}), headless,
			{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "away"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName}},
		},
		Ingresses: []networkingv1.Ingress{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "i"}, Spec: networkingv1.IngressSpec{
			DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "api"}},
		}}},
	}}
}

func TestProposals(t *testing.T) {
	all, err := For(shop())
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	for name, got := range map[string]string{"allow.yaml": all[0].Allow, "deny.yaml": all[0].Deny, "commands.txt": strings.Join(all[0].Commands, "\n") + "\n"} {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
	}
}

func parse(t *testing.T, text string) (all []networkingv1.NetworkPolicy) {
	t.Helper()
	for d := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		var p networkingv1.NetworkPolicy
		if err := d.Decode(&p); err != nil {
			return all
		}
		all = append(all, p)
	}
}

// With what is proposed the namespace has default deny, and what was asked for is there.
func TestProposalsHold(t *testing.T) {
	s := shop()
	all, err := For(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Kubernetes.NetworkPolicies = append(s.Kubernetes.NetworkPolicies, parse(t, all[0].Allow+"---\n"+all[0].Deny)...)
	if left, err := For(s); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	for _, ns := range facts.Network(s).Namespaces {
		if ns.Name == "shop" && (ns.Level != "default deny" || ns.Covered != ns.Pods) {
			t.Errorf("%+v", ns)
		}
	}
}

// What is not known is not proposed for.
func TestNoProposalsForWhatIsNotKnown(t *testing.T) {
	for what, forget := range map[string]func(*snapshot.Kubernetes){
		"policies": func(k *snapshot.Kubernetes) { k.NetworkPolicies = nil }, "others' policies": func(k *snapshot.Kubernetes) { k.CustomPolicies = nil },
		"services": func(k *snapshot.Kubernetes) { k.Services = nil }, "pods": func(k *snapshot.Kubernetes) { k.Workloads = nil },
	} {
		s := shop()
		forget(s.Kubernetes)
		if all, err := For(s); err != nil || all != nil {
			t.Errorf("without %s: %v, %v", what, all, err)
		}
	}
}

// TestRealCluster has a kube-apiserver take what is proposed, without effect.
func TestRealCluster(t *testing.T) {
	all, err := For(shop())
	if err != nil {
		t.Fatal(err)
	}
	server := real.Start(t, nil)
	c, err := kubernetes.NewForConfig(&rest.Config{Host: "https://" + server.Address, BearerToken: real.Admin, TLSClientConfig: rest.TLSClientConfig{CAData: server.CA}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	policies := parse(t, all[0].Allow+"---\n"+all[0].Deny)
	if len(policies) != 5 {
		t.Fatalf("%d policies", len(policies))
	}
	for i := range policies {
		p, err := c.NetworkingV1().NetworkPolicies("shop").Create(t.Context(), &policies[i], metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			t.Errorf("%s: %v", policies[i].Name, err)
		} else if d := cmp.Diff(policies[i].Spec, p.Spec); d != "" {
			t.Errorf("%s: what was given and what the API server made of it:\n%s", p.Name, d)
		}
	}
}
