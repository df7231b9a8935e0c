package cri

import "strings"

// Workload returns the kind and name of what made a pod, where the labels that Kubernetes' own controllers set tell, and
// the pod's name agrees; else "", "". Each label is put there by Kubernetes over whatever the template says (for a Job
// with manualSelector it is the author's to set), so that a controller's pods are not mistaken; the author of a bare pod
// may set all of them himself, so they are no proof of origin. Labels of two kinds at once are no answer.
//
//   - StatefulSet: statefulset.kubernetes.io/pod-name is the pod's own name, NAME-ORDINAL.
//   - DaemonSet: pod-template-generation is set by this controller alone, controller-revision-hash beside it; the pod is
//     NAME-XXXXX, five characters that the API server draws.
//   - Deployment: pod-template-hash is set by this controller alone; the ReplicaSet is NAME-HASH, the pod NAME-HASH-XXXXX.
//     The API server cuts what it puts characters behind to 58 bytes: the hash is then not to be found whole in the pod's
//     name, and the name of the Deployment is not known.
//   - Job: batch.kubernetes.io/job-name (job-name before 1.27) is the name itself; controller-uid comes with it. The pod is
//     NAME-XXXXX or NAME-INDEX-XXXXX, with NAME cut as above. Which CronJob made the Job is not told by any label.
//
// A bare ReplicaSet, a bare pod, a static pod and the pods of other controllers have no such label.
func Workload(pod string, labels map[string]string) (kind, name string) {
	found := 0
	for _, k := range [...]struct {
		kind string
		of   func(string, map[string]string) string
	}{{"StatefulSet", statefulSet}, {"DaemonSet", daemonSet}, {"Deployment", deployment}, {"Job", job}} {
		if n := k.of(pod, labels); n != "" {
			kind, name = k.kind, n
			found++
		}
	}
	if found != 1 {
		return "", ""
	}
	return kind, name
}

func statefulSet(pod string, labels map[string]string) string {
	if pod == "" || labels["statefulset.kubernetes.io/pod-name"] != pod {
		return ""
	}
	i := strings.LastIndexByte(pod, '-')
	if i < 0 || !isOrdinal(pod[i+1:]) {
		return ""
	}
	return pod[:i]
}

func daemonSet(pod string, labels map[string]string) string {
	if labels["pod-template-generation"] == "" || labels["controller-revision-hash"] == "" {
		return ""
	}
	base, ok := cutDrawn(pod)
	if !ok || len(base) >= drawnAfter-1 { // cut perhaps
		return ""
	}
	return base
}

func deployment(pod string, labels map[string]string) string {
	hash := labels["pod-template-hash"]
	base, ok := cutDrawn(pod)
	if hash == "" || !ok {
		return ""
	}
	name, ok := strings.CutSuffix(base, "-"+hash)
	if !ok {
		return ""
	}
	return name
}

func job(pod string, labels map[string]string) string {
	name := labels["batch.kubernetes.io/job-name"]
	uid := labels["batch.kubernetes.io/controller-uid"]
	if name == "" {
		name, uid = labels["job-name"], labels["controller-uid"]
	}
	if name == "" || uid == "" {
		return ""
	}
	if start := name + "-"; !strings.HasPrefix(pod, start[:min(len(start), jobNameKept)]) {
		return ""
	}
	return name
}

// jobNameKept is the least that a pod's name keeps of its Job's: behind it are an index of at most 100000, in dashes, and
// what is drawn.
const jobNameKept = drawnAfter - len("-100000-")

// drawnAfter is how many bytes of a name the API server keeps when it puts five drawn characters behind it
// (k8s.io/apiserver/pkg/storage/names).
const drawnAfter = 63 - 5

// cutDrawn takes "-XXXXX" off a name, if its last five characters are some that the API server draws
// (k8s.io/apimachinery/pkg/util/rand).
func cutDrawn(name string) (string, bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 || len(name)-i-1 != 5 || strings.Trim(name[i+1:], "bcdfghjklmnpqrstvwxz2456789") != "" {
		return "", false
	}
	return name[:i], true
}

func isOrdinal(s string) bool {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}
