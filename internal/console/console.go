// Package console makes addresses of the Google Cloud console's pages about an alert, or about a resource. Every part is escaped:
// an alert's text is whatever its sender chose, and names in clusters are their makers'.
package console

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"tiercel.dev/alert"
)

// around is how much before and after the event a link to logs shows.
const around = 15 * time.Minute

// Links lead to the logs of that time, and to the workload, else the pod, else the node. An alert that names no cluster has none.
func Links(a *alert.Alert) []*alert.Link {
	c := a.GetCluster()
	if c.GetProject() == "" || c.GetLocation() == "" || c.GetName() == "" {
		return nil
	}
	all := []*alert.Link{{Title: "Logs around the event", Url: page("logs/query;query="+escape(logQuery(a)), c.Project)}}
	return append(all, &alert.Link{Title: "In the Google Cloud console", Url: page(path(a), c.Project)})
}

func page(path, project string) string {
	return "https://console.cloud.google.com/" + path + "?project=" + url.QueryEscape(project)
}

// escape is for a part of a path that may hold anything. The console reads + as it stands. A part of dots alone, which no name in a
// cluster is, would lead out of the path in every spelling that means it (https://url.spec.whatwg.org/#double-dot-path-segment), so
// it is escaped twice.
func escape(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%252E")
	}
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// logQuery asks for the container, else the pod, else the node.
// https://cloud.google.com/logging/docs/view/logging-query-language
func logQuery(a *alert.Alert) string {
	var b strings.Builder
	and := func(field, op, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s%s%s\n", field, op, quoted(value))
		}
	}
	p, node := a.GetPod(), a.GetNode().GetName()
	switch {
	case p.GetName() == "":
		and("resource.type", "=", "k8s_node")
		and("resource.labels.node_name", "=", node)
	case a.GetContainer().GetName() == "":
		and("resource.type", "=", "k8s_pod")
	default:
		and("resource.type", "=", "k8s_container")
		and("resource.labels.container_name", "=", a.Container.Name)
	}
	and("resource.labels.pod_name", "=", p.GetName())
	and("resource.labels.namespace_name", "=", p.GetNamespace())
	and("resource.labels.cluster_name", "=", a.GetCluster().GetName())
	and("resource.labels.location", "=", a.GetCluster().GetLocation())
	if t, err := alert.ParseTime(a.GetTime()); err == nil {
		and("timestamp", ">=", t.Add(-around).UTC().Format(time.RFC3339))
		and("timestamp", "<=", t.Add(around).UTC().Format(time.RFC3339))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// quoted is a text of the query language: the quote and the backslash are all that could end it.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// pages are the console's for what pods belong to.
var pages = map[string]string{
	"Deployment": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset", "Job": "job", "CronJob": "cronjob",
}

// path is the page of the workload, else the pod, else the node, else the cluster.
func path(a *alert.Alert) string {
	c, p := a.GetCluster(), a.GetPod()
	of := func(kind string, parts ...string) string {
		all := []string{"kubernetes", kind, escape(c.GetLocation()), escape(c.GetName())}
		for _, part := range parts {
			all = append(all, escape(part))
		}
		return strings.Join(all, "/")
	}
	kind, named := workload(a)
	switch own := pages[kind]; {
	case own != "":
		return of(own, p.GetNamespace(), named) + "/overview"
	case p.GetName() != "":
		return of("pod", p.GetNamespace(), p.GetName()) + "/details"
	case a.GetNode().GetName() != "":
		return of("node", a.Node.Name) + "/summary"
	}
	return of("clusters/details") + "/details"
}

// workload is the topmost of the pod's owners that the console has a page for; where nobody asked, what the sensor took from
// the pod's labels.
func workload(a *alert.Alert) (kind, name string) {
	for _, o := range a.GetEnrichment().GetOwners() {
		if pages[o.GetKind()] != "" {
			kind, name = o.GetKind(), o.GetName()
		}
	}
	if kind == "" {
		return a.GetPod().GetWorkloadKind(), a.GetPod().GetWorkloadName()
	}
	return kind, name
}
