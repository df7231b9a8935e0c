package snapshot

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tiercel.dev/internal/race"
)

func owned(kind, owner string, labels map[string]string) *corev1.Pod {
	controller := true
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: owner + "-x", Labels: labels, CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC))}}
	if kind != "" {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: &controller}}
	}
	return p
}

func TestWorkloadOf(t *testing.T) {
	static := owned("Node", "n1", nil)
	static.Name = "kube-proxy-n1"
	minute := fmt.Sprint(time.Date(2026, 11, 28, 5, 0, 0, 0, time.UTC).Unix() / 60)
	for _, tt := range []struct {
		pod  *corev1.Pod
		want string
	}{
		{owned("ReplicaSet", "web-7d9f", map[string]string{"pod-template-hash": "7d9f"}), "Deployment web"},
		{owned("ReplicaSet", "web-7d9f", map[string]string{"rollouts-pod-template-hash": "7d9f"}), "Rollout web"},
		{owned("ReplicaSet", "web-7d9f", nil), "ReplicaSet web-7d9f"}, {owned("ReplicaSet", "web", map[string]string{"pod-template-hash": "7d9f"}), "ReplicaSet web"},
		{owned("ReplicaSet", "-7d9f", map[string]string{"pod-template-hash": "7d9f"}), "ReplicaSet -7d9f"}, {owned("StatefulSet", "db", nil), "StatefulSet db"},
		{owned("Job", "nightly-"+minute, nil), "CronJob nightly"}, {owned("Job", "migrate-20261128", nil), "Job migrate-20261128"}, {owned("Job", "once", nil), "Job once"},
		{static, "StaticPod kube-proxy"}, {owned("", "bare", nil), "Pod bare-x"},
	} {
		if kind, name := workloadOf(tt.pod); kind+" "+name != tt.want {
			t.Errorf("%s %s, want %s", kind, name, tt.want)
		}
	}
}

var (
	someKeys   = []string{"app", "tier", "team", "x"}
	someValues = []string{"", "a", "b", "c"}
)

func randomLabels(r *rand.Rand) map[string]string {
	out := map[string]string{}
	for _, key := range append(someKeys, "pod-name") {
		if r.IntN(2) == 0 {
			out[key] = someValues[r.IntN(len(someValues))]
		}
	}
	return out
}

func randomSelector(r *rand.Rand) metav1.LabelSelector {
	var s metav1.LabelSelector
	if r.IntN(2) == 0 {
		s.MatchLabels = map[string]string{someKeys[r.IntN(3)]: someValues[r.IntN(len(someValues))]}
	}
	for range r.IntN(3) {
		e := metav1.LabelSelectorRequirement{Key: someKeys[r.IntN(3)]}
		switch r.IntN(4) {
		case 0:
			e.Operator, e.Values = metav1.LabelSelectorOpIn, someValues[:1+r.IntN(3)]
		case 1:
			e.Operator, e.Values = metav1.LabelSelectorOpNotIn, someValues[:1+r.IntN(3)]
		case 2:
			e.Operator = metav1.LabelSelectorOpExists
		default:
			e.Operator = metav1.LabelSelectorOpDoesNotExist
		}
		s.MatchExpressions = append(s.MatchExpressions, e)
	}
	return s
}

// Of a pod's labels those are kept that decide: each selector selects as many pods as of the cluster's own.
func TestKeptLabelsDecideAlike(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		k := &Kubernetes{}
		for range 1 + r.IntN(4) {
			k.NetworkPolicies = append(k.NetworkPolicies, networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PodSelector: randomSelector(r)}})
		}
		service := corev1.Service{Spec: corev1.ServiceSpec{Selector: map[string]string{"team": "a"}}}
		k.Services = []corev1.Service{service}
		p := &pods{keys: k.selected(), specs: map[string]*corev1.PodSpec{}, workloads: map[string]*Workload{}}
		var all []map[string]string
		for range 50 {
			of := randomLabels(r)
			all = append(all, maps.Clone(of))
			p.add(owned("StatefulSet", fmt.Sprint("w", r.IntN(3)), of))
		}
		selectors := []labels.Selector{labels.SelectorFromSet(service.Spec.Selector)}
		for i := range k.NetworkPolicies {
			s, err := metav1.LabelSelectorAsSelector(&k.NetworkPolicies[i].Spec.PodSelector)
			if err != nil {
				t.Fatal(err)
			}
			selectors = append(selectors, s)
		}
		for _, s := range selectors {
			want, got := 0, 0
			for _, of := range all {
				if s.Matches(labels.Set(of)) {
					want++
				}
			}
			for _, w := range p.workloads {
				for _, tmpl := range w.Templates {
					if s.Matches(labels.Set(tmpl.Labels)) {
						got += tmpl.Pods
					}
				}
			}
			if got != want {
				t.Fatalf("seed %d: %v selects %d of what is kept, and %d pods", seed, s, got, want)
			}
		}
	}
}

// largePod is one of a stateful set of Kubernetes' usual size.
func largePod(i int) *corev1.Pod {
	p := owned("StatefulSet", fmt.Sprint("w", i%2000), map[string]string{"app": fmt.Sprint("w", i%2000), "statefulset.kubernetes.io/pod-name": fmt.Sprint("w-", i)})
	p.Spec = corev1.PodSpec{ServiceAccountName: "web", NodeName: fmt.Sprint("n", i%5000), Containers: []corev1.Container{{
		Name: "c", Image: "i", Args: make([]string, 50), Env: make([]corev1.EnvVar, 30), SecurityContext: &corev1.SecurityContext{},
	}, {Name: "sidecar", Image: "s"}}}
	return p
}

// The 200,000 pods of a large cluster fit beside everything else into a function of 512 MB.
func TestLargeCluster(t *testing.T) {
	race.Skip(t, "one goroutine adds 200,000 pods, and shadow memory is no part of what is measured")
	if testing.Short() {
		t.Skip("makes 200,000 pods")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := &pods{keys: map[string]bool{"app": true}, specs: map[string]*corev1.PodSpec{}, workloads: map[string]*Workload{}}
	for i := range 200_000 {
		p.add(largePod(i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); len(p.workloads) != 2000 || p.over > 0 || kept > 20<<20 {
		t.Errorf("%d workloads, %d pods left out, %d MB", len(p.workloads), p.over, kept>>20)
	}
	runtime.KeepAlive(p)
}

// Requests for certificates are anybody's text.
func FuzzCertificateRequest(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, request []byte) {
		var c CSR
		if c.subject(request); c.Unreadable && (c.CommonName != "" || c.Organizations != nil) {
			t.Errorf("%+v", c)
		}
	})
}

func TestCiliumSubjects(t *testing.T) {
	for _, tt := range []struct {
		selector  metav1.LabelSelector
		namespace map[string]string
		pod       map[string]string
		ok, want  bool
	}{
		{metav1.LabelSelector{}, nil, nil, true, true},
		{metav1.LabelSelector{MatchLabels: map[string]string{"k8s:app": "web"}}, nil, map[string]string{"app": "web"}, true, true},
		{metav1.LabelSelector{MatchLabels: map[string]string{"any:app": "web"}}, nil, map[string]string{"app": "db"}, true, false},
		{metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, nil, map[string]string{"app": "web"}, true, true},
		{metav1.LabelSelector{MatchLabels: map[string]string{"k8s:io.kubernetes.pod.namespace": "a"}}, map[string]string{namespaceNameLabel: "a"}, nil, true, true},
		{metav1.LabelSelector{MatchLabels: map[string]string{"io.kubernetes.pod.namespace": "b"}}, map[string]string{namespaceNameLabel: "a"}, nil, true, false},
		{metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "io.cilium.k8s.namespace.labels.team", Operator: "Exists"}}}, map[string]string{"team": "x"}, nil, true, true},
		{metav1.LabelSelector{MatchLabels: map[string]string{"reserved:host": ""}}, nil, nil, false, false},
	} {
		got, ok := ciliumSubject(&tt.selector)
		if ok != tt.ok {
			t.Errorf("%v: %v", tt.selector, ok)
		}
		if !ok {
			continue
		}
		matches := func(s *metav1.LabelSelector, of map[string]string) bool {
			selector, err := metav1.LabelSelectorAsSelector(s)
			return err == nil && selector.Matches(labels.Set(of))
		}
		if got := matches(got.Namespaces, tt.namespace) && matches(got.Pods, tt.pod); got != tt.want {
			t.Errorf("%v: %v", tt.selector, got)
		}
	}
}
