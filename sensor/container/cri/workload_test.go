package cri

import (
	"maps"
	"strings"
	"testing"
)

func TestWorkload(t *testing.T) {
	deployment := map[string]string{"pod-template-hash": "5d4f8c7b9", "app": "web"}
	statefulSet := map[string]string{
		"controller-revision-hash": "db-6d4cf56db6", "statefulset.kubernetes.io/pod-name": "db-12", "apps.kubernetes.io/pod-index": "12",
	}
	daemonSet := map[string]string{"controller-revision-hash": "7c9f5b8d4", "pod-template-generation": "1"}
	job := map[string]string{
		"batch.kubernetes.io/job-name": "backup-29000000", "batch.kubernetes.io/controller-uid": "u",
		"job-name": "backup-29000000", "controller-uid": "u",
	}
	oldJob := map[string]string{"job-name": "backup", "controller-uid": "u"}
	both := maps.Clone(deployment)
	maps.Copy(both, daemonSet)
	long := strings.Repeat("a", 56) // the longest name that "-" and five characters fit behind uncut
	longJob := strings.Repeat("b", 63)
	tests := []struct {
		name       string
		pod        string
		labels     map[string]string
		kind, want string
	}{
		{"deployment", "web-5d4f8c7b9-x7k2p", deployment, "Deployment", "web"},
		{"deployment with dashes", "my-web-app-5d4f8c7b9-x7k2p", deployment, "Deployment", "my-web-app"},
		{"deployment named like its hash", "5d4f8c7b9-5d4f8c7b9-x7k2p", deployment, "Deployment", "5d4f8c7b9"},
		{"deployment whose replica set's name was cut", strings.Repeat("d", 53) + "-5d4fx7k2p", deployment, "", ""},
		{"deployment's label on a pod of another name", "web", deployment, "", ""},
		{"deployment's label, nothing before the hash", "5d4f8c7b9-x7k2p", deployment, "", ""},
		{"deployment's label, suffix not drawn", "web-5d4f8c7b9-aeiou", deployment, "", ""},
		{"deployment's label, suffix too long", "web-5d4f8c7b9-x7k2px", deployment, "", ""},
		{"stateful set", "db-12", statefulSet, "StatefulSet", "db"},
		{"stateful set's label of another pod", "db-11", statefulSet, "", ""},
		{"stateful set's label without ordinal", "db", map[string]string{"statefulset.kubernetes.io/pod-name": "db"}, "", ""},
		{"stateful set's label with another number", "db-012", map[string]string{"statefulset.kubernetes.io/pod-name": "db-012"}, "", ""},
		{"daemon set", "node-exporter-x7k2p", daemonSet, "DaemonSet", "node-exporter"},
		{"daemon set, longest name", long + "-x7k2p", daemonSet, "DaemonSet", long},
		{"daemon set, name perhaps cut", long + "a-x7k2p", daemonSet, "", ""},
		{"daemon set's hash alone", "node-exporter-x7k2p", map[string]string{"controller-revision-hash": "7c9f5b8d4"}, "", ""},
		{"daemon set's generation alone", "node-exporter-x7k2p", map[string]string{"pod-template-generation": "1"}, "", ""},
		{"job of a cron job", "backup-29000000-x7k2p", job, "Job", "backup-29000000"},
		{"job, indexed", "backup-29000000-3-x7k2p", job, "Job", "backup-29000000"},
		{"job before 1.27", "backup-x7k2p", oldJob, "Job", "backup"},
		{"job, name cut", longJob[:58] + "x7k2p", map[string]string{"batch.kubernetes.io/job-name": longJob, "batch.kubernetes.io/controller-uid": "u"}, "Job", longJob},
		{"job, indexed, name cut", longJob[:52] + "-1000-x7k2p", map[string]string{"batch.kubernetes.io/job-name": longJob, "batch.kubernetes.io/controller-uid": "u"}, "Job", longJob},
		{"job's label alone", "backup-x7k2p", map[string]string{"job-name": "backup"}, "", ""},
		{"job's label on a pod of another name", "web-x7k2p", oldJob, "", ""},
		{"two kinds", "web-5d4f8c7b9-x7k2p", both, "", ""},
		{"replica set", "web-x7k2p", map[string]string{"app": "web"}, "", ""},
		{"static pod", "kube-apiserver-node1", map[string]string{"tier": "control-plane"}, "", ""},
		{"no labels", "web", nil, "", ""},
		{"nothing", "", map[string]string{"pod-template-hash": "", "statefulset.kubernetes.io/pod-name": ""}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, name := Workload(tt.pod, tt.labels)
			if kind != tt.kind || name != tt.want {
				t.Errorf("Workload(%q) = %q, %q; want %q, %q", tt.pod, kind, name, tt.kind, tt.want)
			}
		})
	}
}
