package facts

import (
	"slices"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

const podSecurity = "pod-security.kubernetes.io/"

// namespaces fills the set ns and the variable network.
func (b *builder) namespaces() {
	if b.k.Namespaces == nil {
		b.lists([]string{"ns", "network"}, "namespaces")
		return
	}
	b.begin("ns")
	b.network = Network(b.s)
	if b.network == nil {
		b.lists([]string{"network"}, "pods", "networkpolicies")
	} else {
		b.networkVar()
	}
	reached := map[string]posture.Namespace{}
	if b.network != nil {
		for _, ns := range b.network.Namespaces {
			reached[ns.Name] = ns
		}
	}
	for i := range b.k.Namespaces {
		ns := &b.k.Namespaces[i]
		guard, told := b.guard(ns.Name)
		v := map[string]any{
			"name": ns.Name, "labels": labelsOf(ns.Labels), "system": SystemNamespace(ns.Name),
			"enforce": ns.Labels[podSecurity+"enforce"], "warn": ns.Labels[podSecurity+"warn"], "audit": ns.Labels[podSecurity+"audit"],
			"guard": guard, "pods": int64(reached[ns.Name].Pods), "covered": int64(reached[ns.Name].Covered), "level": reached[ns.Name].Level,
			"percent": percent(reached[ns.Name].Covered, reached[ns.Name].Pods), "objects": texts(b.objects(ns.Name)),
		}
		b.add("ns", check.Item{Resource: b.at("Namespace", "", ns.Name), Value: v, Unknown: b.namespaceGaps(reached[ns.Name], told)})
	}
}

// namespaceGaps are what is not known of a namespace. Policies that could not be read can only have it better than what is known.
func (b *builder) namespaceGaps(ns posture.Namespace, guarded bool) map[string]*posture.Gap {
	unknown := map[string]*posture.Gap{}
	note := func(list string, names ...string) {
		if gap := b.gap(list); gap != nil {
			for _, name := range names {
				unknown[name] = gap
			}
		}
	}
	note("pods", "pods", "covered", "percent", "level", "objects")
	note("networkpolicies", "pods", "covered", "percent", "level") // pods are counted with what covers them
	note("services", "objects")
	note("ingresses", "objects")
	if ns.Level != levelDeny {
		note("custompolicies", "covered", "percent", "level")
	}
	if !guarded {
		note("guards", "guard")
	}
	return unknown
}

func (b *builder) networkVar() {
	without := []string{}
	for _, ns := range b.network.Namespaces {
		if ns.Level == levelNone && ns.Pods > 0 {
			without = append(without, ns.Name)
		}
	}
	b.world.Vars["network"] = map[string]any{
		"enforced": b.network.Enforced, "engine": b.network.Engine, "pods": int64(b.network.Pods), "covered": int64(b.network.Covered),
		"percent": percent(b.network.Covered, b.network.Pods), "without": texts(without),
	}
}

// percent is rounded down: 100 is all. Of nothing all is covered.
func percent(covered, of int) int64 {
	if of == 0 {
		return 100
	}
	return int64(covered * 100 / of)
}

// guard names a policy of another admission controller that holds the namespace's pods to a standard, if there is one.
func (b *builder) guard(namespace string) (string, bool) {
	for _, g := range b.k.Guards {
		if g.Enforced && !slices.Contains(g.Excluded, namespace) && (len(g.Namespaces) == 0 || slices.Contains(g.Namespaces, namespace)) {
			return g.Kind + " " + g.Name, true
		}
	}
	return "", false
}

// objects are what somebody put into a namespace, as far as it is read.
func (b *builder) objects(namespace string) (all []string) {
	for _, w := range b.k.Workloads {
		if w.Namespace == namespace && live(&w) > 0 {
			all = append(all, w.Kind+" "+w.Name)
		}
	}
	for i := range b.k.Services {
		if s := &b.k.Services[i]; s.Namespace == namespace && !(namespace == "default" && s.Name == "kubernetes") {
			all = append(all, "Service "+s.Name)
		}
	}
	for i := range b.k.Ingresses {
		if o := &b.k.Ingresses[i]; o.Namespace == namespace {
			all = append(all, "Ingress "+o.Name)
		}
	}
	return all
}

func live(w *snapshot.Workload) (n int) {
	for _, t := range w.Templates {
		n += t.Pods
	}
	return n
}
