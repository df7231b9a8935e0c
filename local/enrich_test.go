package local

import (
	"slices"
	"strings"
	"testing"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"tiercel.dev/alert"
)

// place has an alert come from this machine, as the sensor of `tiercel up` says it.
func place(t *testing.T, a *alert.Alert) *alert.Alert {
	t.Helper()
	name, err := NodeName()
	if err != nil {
		t.Fatal(err)
	}
	a.Cluster, a.Node = &alert.Cluster{Project: Project, Location: Location, Name: Cluster}, &alert.Node{Name: name}
	a.Identity = alert.Identity(a)
	return a
}

// finding is the one there is, when all is written.
func (r *run) finding() *sccpb.Finding {
	r.t.Helper()
	r.settled()
	all := r.cloud.Findings()
	if len(all) != 1 {
		r.t.Fatalf("%d findings: %v", len(all), all)
	}
	return all[0]
}

func text(f *sccpb.Finding, key string) string { return f.SourceProperties[key].GetStringValue() }

func TestThisMachineIsVerified(t *testing.T) {
	r := start(t)
	r.publish(place(t, shell(1, alert.High)))
	f := r.finding()
	if !f.SourceProperties["verified"].GetBoolValue() || text(f, "missing") != "" || text(f, "control_plane_version") != version ||
		text(f, "release_channel") != "REGULAR" || !strings.HasPrefix(f.ExternalUri, "https://console.cloud.google.com/") {
		t.Errorf("%v", f)
	}
}

func TestAForgedPlaceIsNot(t *testing.T) {
	for what, forge := range map[string]func(*alert.Alert){
		"cluster local has no node": func(a *alert.Alert) { a.Node.Name = "forged" },
		"no such cluster":           func(a *alert.Alert) { a.Cluster.Name = "forged" },
		"project other is none":     func(a *alert.Alert) { a.Cluster.Project = "other" },
	} {
		r := start(t)
		a := place(t, shell(1, alert.High))
		forge(a)
		r.publish(a)
		f := r.finding()
		if v := f.SourceProperties["verified"]; v == nil || v.GetBoolValue() || !strings.Contains(text(f, "verification_reason"), what) {
			t.Errorf("%s: %v", what, f)
		}
	}
}

// What an alert's pod belongs to comes from the cluster's API, over both topics into the finding.
func TestAFindingHasThePodsOwners(t *testing.T) {
	r := start(t)
	a := place(t, shell(1, alert.Critical))
	a.Container = &alert.Container{Id: "cafe", Name: "app"}
	a.Pod = &alert.Pod{Namespace: "shop", Name: "web-1-a", Uid: "u1"}
	a.Identity = alert.Identity(a)
	owner := func(kind, name string, uid types.UID) []metav1.OwnerReference {
		controller := true
		return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: uid, Controller: &controller}}
	}
	err := r.cloud.kube.Put(
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "d"}},
		&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "r", OwnerReferences: owner("Deployment", "web", "d")}},
		&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: "web-1-a", UID: "u1", Labels: map[string]string{"app": "web"}, OwnerReferences: owner("ReplicaSet", "web-1", "r"),
			},
			Spec: corev1.PodSpec{NodeName: a.Node.Name},
		},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "front"},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "web"}},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	r.publish(a)
	f := r.finding()
	var objects []string
	for _, o := range f.GetKubernetes().GetObjects() {
		objects = append(objects, o.Kind+" "+o.Ns+"/"+o.Name)
	}
	if !f.SourceProperties["verified"].GetBoolValue() || text(f, "missing") != "" || f.NextSteps == "" ||
		!strings.Contains(text(f, "services"), "front (LoadBalancer, external)") ||
		!slices.Equal(objects, []string{"ReplicaSet shop/web-1", "Deployment shop/web"}) {
		t.Errorf("%v, %v", objects, f)
	}
}
