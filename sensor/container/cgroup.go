package container

import "strings"

// idLen is the length of every id that containerd, CRI-O, Docker and Podman make: 32 random bytes in lower-case hex.
const idLen = 64

// ID returns the container that a cgroup belongs to, by the name its runtime gave the cgroup: the full id, and the
// runtime where the name tells ("containerd", "cri-o", "docker", "podman"; else ""). Both results are parts of the path or
// constants: nothing is allocated.
//
// What counts is a form that a runtime really writes, not a component that looks like an id, because anybody who may make
// cgroups may name one after 64 digits. These are the forms, with ID for the id:
//
//	…/cri-containerd-ID.scope  crio-ID.scope  docker-ID.scope  nerdctl-ID.scope  libpod-ID.scope     systemd driver
//	…/X.slice:cri-containerd:ID, and the other names            a systemd path given to runc with the cgroupfs driver
//	…/crio-ID  …/libpod-ID  …/libpod-payload-ID                 cgroupfs driver; podman --cgroups=split
//	…/podUID/ID  and anything/ID below kubepods                 the kubelet's pods, cgroupfs driver, any runtime
//	…/docker/ID                                                 Docker, cgroupfs driver
//	/k8s.io/ID  /default/ID                                     containerd's namespaces, where no parent was given
//
// So 64 digits under user.slice are no container, and neither are crio-conmon-ID.scope and libpod-conmon-ID.scope, which
// hold the monitor beside a container. Not known are Docker with a parent of the user's choice under the cgroupfs driver,
// and runtimes whose ids have another form (lxc, libvirt, ctr with names).
//
// The outermost match wins, and cgroups below it (systemd's init.scope in a container) belong to it. Only that one was
// named by the runtime of this node: a container that may write to its own cgroup directory could make one inside that is
// named after another container, and take on its image and pod.
func ID(path string) (id, runtime string, ok bool) {
	w := walk{path: path}
	if !w.toContainer() {
		return "", "", false
	}
	return w.id, w.runtime, true
}

// PodUID returns the uid of the Kubernetes pod whose cgroup the path lies in, or "". Uids that are not written as a UUID,
// or as the 32 digits that the kubelet gives a static pod, are not recognised: systemd's escape of "-" cannot be undone in
// them.
func PodUID(path string) string {
	w := walk{path: path}
	w.toContainer()
	return strings.ReplaceAll(w.pod, "_", "-")
}

// walk goes through a path from the root.
type walk struct {
	path string

	parent  string // the component before the present one
	depth   int    // of the present component; 0 at the root
	inPods  bool   // below the kubelet's kubepods
	pod     string // uid, as written in the path
	id      string
	runtime string
}

func (w *walk) toContainer() bool {
	for rest, more := w.path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		if name == "" {
			continue
		}
		if w.matches(name) {
			return true
		}
		if w.pod == "" {
			w.pod = podOf(name)
		}
		w.inPods = w.inPods || isKubepods(name)
		w.parent = name
		w.depth++
	}
	return false
}

func (w *walk) matches(name string) bool {
	base, scope := strings.CutSuffix(name, ".scope")
	cut := len(base) - idLen
	if cut < 0 || !isHex(base[cut:]) {
		return false
	}
	w.id = base[cut:]
	prefix := base[:cut]
	switch {
	case prefix == "":
		return !scope && w.namesBareIDs()
	case strings.HasSuffix(prefix, "-"):
		return w.setRuntime(prefix[:len(prefix)-1], scope)
	case strings.HasSuffix(prefix, ":") && !scope:
		slice, driver, found := strings.Cut(prefix[:len(prefix)-1], ":")
		return found && strings.HasSuffix(slice, ".slice") && w.setRuntime(driver, true)
	}
	return false
}

// namesBareIDs reports whether a runtime names cgroups in the present one by the id alone.
func (w *walk) namesBareIDs() bool {
	switch {
	case w.inPods || podOf(w.parent) != "":
		return true
	case w.parent == "docker":
		w.runtime = "docker"
		return true
	case w.depth == 1 && (w.parent == "k8s.io" || w.parent == "default"):
		w.runtime = "containerd"
		return true
	}
	return false
}

func (w *walk) setRuntime(prefix string, systemd bool) bool {
	switch {
	case systemd && (prefix == "cri-containerd" || prefix == "nerdctl"):
		w.runtime = "containerd"
	case systemd && prefix == "docker":
		w.runtime = "docker"
	case prefix == "crio":
		w.runtime = "cri-o"
	case prefix == "libpod", !systemd && prefix == "libpod-payload":
		w.runtime = "podman"
	default:
		return false
	}
	return true
}

// isKubepods recognises the cgroup that holds all pods, also below a root of the kubelet's own (--cgroup-root):
// kubepods, kubepods.slice, kubelet-kubepods.slice.
func isKubepods(name string) bool {
	name = strings.TrimSuffix(name, ".slice")
	return name == "kubepods" || strings.HasSuffix(name, "-kubepods")
}

// podOf returns the uid in a pod's cgroup name: podUID, or kubepods-burstable-podUID.slice with "_" for "-".
func podOf(name string) string {
	uid, ok := strings.CutPrefix(name, "pod")
	if !ok {
		name, ok = strings.CutSuffix(name, ".slice")
		i := strings.LastIndex(name, "-pod")
		if !ok || i < 0 {
			return ""
		}
		uid = name[i+len("-pod"):]
	}
	if isUUID(uid) || len(uid) == 32 && isHex(uid) {
		return uid
	}
	return ""
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' && s[i] != '_' {
				return false
			}
		default:
			if !isHexDigit(s[i]) {
				return false
			}
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

func isHexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }
