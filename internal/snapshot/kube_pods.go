package snapshot

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// maxTemplates bounds the memory for a cluster's pods: some hundred bytes each, since specs that are alike are shared.
const maxTemplates = 250_000

// pods reads pods, and keeps what they were made by. A cluster may have 200,000: a page of them is held at a time.
func (r *reading) pods() {
	p := &pods{keys: r.k.selected(), specs: map[string]*corev1.PodSpec{}, workloads: map[string]*Workload{}, windows: map[string]bool{}}
	for _, n := range r.k.Nodes {
		p.windows[n.Name] = n.OS == "windows"
	}
	gvr := corev1.SchemeGroupVersion.WithResource("pods")
	err := r.client.Each(r.ctx, gvr, func() runtime.Object { return &corev1.PodList{} }, func(o runtime.Object) { p.add(o.(*corev1.Pod)) })
	if err == nil && p.over > 0 {
		err = fmt.Errorf("%d pods of more than %d kinds: they were left out", p.over, maxTemplates)
	}
	if !r.note("pods", gvr, err) {
		return
	}
	r.k.Workloads = []Workload{}
	for _, key := range slices.Sorted(maps.Keys(p.workloads)) {
		r.k.Workloads = append(r.k.Workloads, *p.workloads[key])
	}
}

// selected are the labels' names that any selector in the cluster asks for.
func (k *Kubernetes) selected() map[string]bool {
	keys := map[string]bool{}
	add := func(s *metav1.LabelSelector) {
		if s == nil {
			return
		}
		for key := range s.MatchLabels {
			keys[key] = true
		}
		for _, e := range s.MatchExpressions {
			keys[e.Key] = true
		}
	}
	for i := range k.NetworkPolicies {
		add(&k.NetworkPolicies[i].Spec.PodSelector)
	}
	for _, p := range k.CustomPolicies {
		for _, s := range p.Subjects {
			add(s.Pods)
		}
	}
	for i := range k.PDBs {
		add(k.PDBs[i].Spec.Selector)
	}
	for i := range k.Services {
		for key := range k.Services[i].Spec.Selector {
			keys[key] = true
		}
	}
	return keys
}

type pods struct {
	keys      map[string]bool
	specs     map[string]*corev1.PodSpec // by their JSON
	workloads map[string]*Workload
	windows   map[string]bool // nodes
	templates int
	over      int
}

func (p *pods) add(pod *corev1.Pod) {
	kind, name := workloadOf(pod)
	key := pod.Namespace + "/" + kind + "/" + name
	w := p.workloads[key]
	if w == nil {
		w = &Workload{Namespace: pod.Namespace, Kind: kind, Name: name}
	}
	t := p.template(w, pod)
	if t == nil {
		p.over++
		return
	}
	p.workloads[key] = w
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		t.Ended++
	} else {
		t.Pods++
	}
}

// template is where the pod is counted; nil if there are too many.
func (p *pods) template(w *Workload, pod *corev1.Pod) *Template {
	spec := p.share(trimSpec(&pod.Spec))
	kept := map[string]string{}
	for key, value := range pod.Labels {
		if p.keys[key] {
			kept[key] = value
		}
	}
	windows := p.windows[pod.Spec.NodeName] || pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows
	for i := range w.Templates {
		if t := &w.Templates[i]; t.Spec == spec && t.Windows == windows && labels.Equals(t.Labels, kept) {
			return t
		}
	}
	if p.templates == maxTemplates {
		return nil
	}
	p.templates++
	w.Templates = append(w.Templates, Template{Spec: spec, Labels: kept, Windows: windows})
	return &w.Templates[len(w.Templates)-1]
}

// share returns the spec that was seen first of those alike.
func (p *pods) share(spec *corev1.PodSpec) *corev1.PodSpec {
	text, err := json.Marshal(spec)
	if err != nil {
		return spec
	}
	if known := p.specs[string(text)]; known != nil {
		return known
	}
	p.specs[string(text)] = spec
	return spec
}

// workloadOf names what made a pod, by what stands in the pod alone: the Deployment controller calls a ReplicaSet by its
// Deployment's name and the hash that its pods have as a label, the CronJob controller a Job by the minute it was due. To ask for
// ReplicaSets would double what is read, and tell the same.
func workloadOf(pod *corev1.Pod) (kind, name string) {
	owner := metav1.GetControllerOfNoCopy(pod)
	switch {
	case owner == nil:
		return "Pod", pod.Name
	case owner.Kind == "Node":
		return "StaticPod", strings.TrimSuffix(pod.Name, "-"+owner.Name)
	case owner.Kind == "ReplicaSet":
		for label, kind := range map[string]string{"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"} {
			if name, ok := strings.CutSuffix(owner.Name, "-"+pod.Labels[label]); ok && pod.Labels[label] != "" && name != "" {
				return kind, name
			}
		}
	case owner.Kind == "Job":
		if name, ok := cronJob(owner.Name, pod.CreationTimestamp.Time); ok {
			return "CronJob", name
		}
	}
	return owner.Kind, owner.Name
}

var minuteSuffix = regexp.MustCompile(`^(.+)-([0-9]{8,10})$`)

// cronJob is the name before the minute, in minutes since 1970, if that was at most a month before the pod: other digits that
// people put behind names are no such minutes.
func cronJob(job string, created time.Time) (string, bool) {
	m := minuteSuffix.FindStringSubmatch(job)
	if m == nil {
		return "", false
	}
	minute, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return "", false
	}
	age := created.Sub(time.Unix(minute*60, 0))
	return m[1], age > -time.Hour && age < 31*24*time.Hour
}
