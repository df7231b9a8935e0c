package console

import (
	"strings"

	"tiercel.dev/internal/posture"
)

// Page is the address of the page about a resource of a hardening check: the pool's, the workload's, the cluster's, or that of the
// project's clusters.
func Page(r posture.Resource) string {
	if r.Cluster == "" {
		if strings.HasPrefix(r.Kind, "iam.") {
			return page("iam-admin/iam", r.Project)
		}
		return page("kubernetes/list/overview", r.Project)
	}
	of := func(kind string, parts ...string) string {
		all := []string{"kubernetes", kind, escape(r.Location), escape(r.Cluster)}
		for _, part := range parts {
			all = append(all, escape(part))
		}
		return page(strings.Join(all, "/"), r.Project)
	}
	switch own := pages[r.Kind]; {
	case own != "":
		return of(own, r.Namespace, r.Name, "overview")
	case r.Kind == "Pod":
		return of("pod", r.Namespace, r.Name, "details")
	case r.Kind == "Node":
		return of("node", r.Name, "summary")
	case r.Pool != "":
		return of("nodepool", r.Pool)
	}
	return of("clusters/details", "details")
}
