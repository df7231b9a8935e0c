package enrich

import (
	"fmt"
	"strings"

	"tiercel.dev/alert"
	"tiercel.dev/internal/gke"
	"tiercel.dev/rules/where"
)

// facts are what is being found out of one alert.
type facts struct {
	alert *alert.Alert
	*alert.Enrichment
	cluster *gke.Cluster // nil if it does not exist or nobody knows
	// The where list must not take what is unknown for what is not there.
	knowsNode, knowsOwners, knowsServices bool
}

// doubt makes the alert unverified, for the first reason that is found.
func (f *facts) doubt(format string, args ...any) {
	if f.Verification != alert.Unverified {
		f.Verification, f.VerificationReason = alert.Unverified, shown(fmt.Sprintf(format, args...))
	}
}

// lack names something that could not be found out.
func (f *facts) lack(what string, err error) {
	f.Missing = append(f.Missing, shown(what+": "+err.Error()))
}

// shown is text of others for an alert's reader: services and clusters write what they like into errors.
func shown(s string) string {
	const most = 300
	s = alert.Escape(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// where is what a where list may ask of the alert.
func (f *facts) where() *where.Facts {
	a := f.alert
	w := &where.Facts{
		Rule: a.GetRule().GetName(), Tags: a.GetRule().GetTags(), Severity: uint8(a.GetSeverity()), Event: a.GetEvent().GetType(),
		Verified: f.Verification == alert.Verified,
		Project:  a.GetCluster().GetProject(), Location: a.GetCluster().GetLocation(), Cluster: a.GetCluster().GetName(),
		Channel: f.ReleaseChannel, ClusterLabels: labelMap(f.ClusterLabels), Node: a.GetNode().GetName(), NodePool: f.NodePool,
		Namespace: a.GetPod().GetNamespace(), Pod: a.GetPod().GetName(), PodLabels: labelMap(a.GetPod().GetLabels()),
		Container: a.GetContainer().GetName(), Image: a.GetContainer().GetImageRepository(),
		Process: a.GetProcess().GetName(), Path: a.GetProcess().GetExePath(),
	}
	w.WorkloadKind, w.WorkloadName = f.workload()
	for _, s := range f.Services {
		w.Services = append(w.Services, s.GetName())
		w.Exposed = w.Exposed || s.GetExternal()
	}
	unknown := func(known bool, names ...string) {
		if !known {
			w.Unknown = append(w.Unknown, names...)
		}
	}
	unknown(f.cluster != nil, "cluster.label", "cluster.channel")
	unknown(f.knowsNode, "node.pool")
	if a.GetPod() != nil {
		unknown(f.knowsOwners || w.WorkloadName != "", "k8s.workload.kind", "k8s.workload.name")
		unknown(f.knowsServices, "k8s.services", "k8s.exposed")
	}
	return w
}

// workload is what the pod belongs to in the end; where the cluster did not tell, what the sensor took from the pod's labels,
// which is right for most pods.
func (f *facts) workload() (kind, name string) {
	switch n := len(f.Owners); {
	case f.knowsOwners && n > 0:
		return f.Owners[n-1].GetKind(), f.Owners[n-1].GetName()
	case f.knowsOwners:
		return "", ""
	}
	return f.alert.GetPod().GetWorkloadKind(), f.alert.GetPod().GetWorkloadName()
}

func labelMap(all []*alert.Label) map[string]string {
	m := make(map[string]string, len(all))
	for _, l := range all {
		m[l.GetKey()] = l.GetValue()
	}
	return m
}
