package container

import (
	"strings"
	"testing"
)

const (
	idA   = "4f5c2b8d9e0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071829304"
	idB   = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	podA  = "0d4c2a5e-8a52-4d6a-9d5e-3c5b9f1f6a01"
	podA_ = "0d4c2a5e_8a52_4d6a_9d5e_3c5b9f1f6a01"
)

func TestID(t *testing.T) {
	slice := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + podA_ + ".slice"
	tests := []struct {
		name    string
		path    string
		runtime string
		pod     string
	}{
		{"containerd, systemd driver", slice + "/cri-containerd-" + idA + ".scope", "containerd", podA},
		{"containerd, guaranteed", "/kubepods.slice/kubepods-pod" + podA_ + ".slice/cri-containerd-" + idA + ".scope", "containerd", podA},
		{"containerd, cgroupfs driver", "/kubepods/burstable/pod" + podA + "/" + idA, "", podA},
		{"containerd, cgroupfs driver, guaranteed", "/kubepods/pod" + podA + "/" + idA, "", podA},
		{"static pod", "/kubepods/pod0123456789abcdef0123456789abcdef/" + idA, "", "0123456789abcdef0123456789abcdef"},
		{"pod with a uid of its own", "/kubepods/besteffort/podmine/" + idA, "", ""},
		{"systemd path, cgroupfs driver", "/system.slice/containerd.service/kubepods-besteffort-pod" + podA_ + ".slice:cri-containerd:" + idA, "containerd", ""},
		{"docker, systemd path, cgroupfs driver", "/system.slice:docker:" + idA, "docker", ""},
		{"cri-o, systemd driver", slice + "/crio-" + idA + ".scope", "cri-o", podA},
		{"cri-o, crun", slice + "/crio-" + idA + ".scope/container", "cri-o", podA},
		{"cri-o, cgroupfs driver", "/kubepods/burstable/pod" + podA + "/crio-" + idA, "cri-o", podA},
		{"docker, systemd driver", "/system.slice/docker-" + idA + ".scope", "docker", ""},
		{"docker, cgroupfs driver", "/docker/" + idA, "docker", ""},
		{"docker for the kubelet", slice + "/docker-" + idA + ".scope", "docker", podA},
		{"nerdctl", "/system.slice/nerdctl-" + idA + ".scope", "containerd", ""},
		{"containerd's namespace for CRI", "/k8s.io/" + idA, "containerd", ""},
		{"containerd's default namespace", "/default/" + idA, "containerd", ""},
		{"podman", "/machine.slice/libpod-" + idA + ".scope/container", "podman", ""},
		{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope", "podman", ""},
		{"podman, cgroupfs driver", "/libpod_parent/libpod-" + idA, "podman", ""},
		{"podman, split", "/system.slice/nginx.service/libpod-payload-" + idA, "podman", ""},
		{"systemd in a container", "/docker/" + idA + "/init.scope", "docker", ""},
		{"systemd in a pod", slice + "/cri-containerd-" + idA + ".scope/init", "containerd", podA},
		{"kubelet with a root of its own", "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + podA_ + ".slice/cri-containerd-" + idA + ".scope", "containerd", podA},
		{"seen from another pod's cgroup namespace", "/../../kubepods-burstable-pod" + podA_ + ".slice/cri-containerd-" + idA + ".scope", "containerd", podA},
		{"seen from another pod's, cgroupfs driver", "/../../pod" + podA + "/" + idA, "", podA},
		{"a container names a cgroup after another one", slice + "/cri-containerd-" + idA + ".scope/docker-" + idB + ".scope", "containerd", podA},
		{"a container plays kubelet", "/docker/" + idA + "/kubepods/pod" + podA + "/" + idB, "docker", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, runtime, ok := ID(tt.path)
			if !ok || id != idA || runtime != tt.runtime {
				t.Errorf("ID(%q) = %q, %q, %v; want %q, %q, true", tt.path, id, runtime, ok, idA, tt.runtime)
			}
			if pod := PodUID(tt.path); pod != tt.pod {
				t.Errorf("PodUID(%q) = %q, want %q", tt.path, pod, tt.pod)
			}
		})
	}
}

func TestIDLookalikes(t *testing.T) {
	tests := []struct{ name, path string }{
		{"empty", ""},
		{"root", "/"},
		{"32 digits", "/process_api/4739ecfc53d5093ae33ef3fbe6e0b430"},
		{"32 digits in a pod", "/kubepods/pod" + podA + "/4739ecfc53d5093ae33ef3fbe6e0b430"},
		{"64 digits at the root", "/" + idA},
		{"64 digits of a user", "/user.slice/user-1000.slice/" + idA},
		{"64 digits in a service", "/system.slice/nginx.service/" + idA},
		{"63 digits", "/docker/" + idA[:63]},
		{"65 digits", "/docker/" + idA + "0"},
		{"upper case", "/docker/" + strings.ToUpper(idA)},
		{"not hex", "/docker/" + idA[:63] + "g"},
		{"cri-o's monitor", "/system.slice/crio-conmon-" + idA + ".scope"},
		{"cri-o's monitor in the pod", "/kubepods.slice/kubepods-pod" + podA_ + ".slice/crio-conmon-" + idA + ".scope"},
		{"cri-o's monitor, cgroupfs driver", "/kubepods/pod" + podA + "/crio-conmon-" + idA},
		{"podman's monitor", "/machine.slice/libpod-conmon-" + idA + ".scope"},
		{"scope of nobody", "/system.slice/foo-" + idA + ".scope"},
		{"docker without scope", "/system.slice/docker-" + idA},
		{"podman's payload as a scope", "/system.slice/libpod-payload-" + idA + ".scope"},
		{"bare scope", "/docker/" + idA + ".scope"},
		{"suffix", "/system.slice/docker-" + idA + ".scope.x"},
		{"colons without slice", "/a:docker:" + idA},
		{"one colon", "/docker:" + idA},
		{"containerd's namespace further down", "/user.slice/default/" + idA},
		{"pod without uid", "/pod/" + idA},
		{"the pod itself", "/kubepods/burstable/pod" + podA},
		{"the pod's slice", "/kubepods.slice/kubepods-pod" + podA_ + ".slice"},
		{"a service", "/system.slice/containerd.service"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if id, runtime, ok := ID(tt.path); ok {
				t.Errorf("ID(%q) = %q, %q, true; want none", tt.path, id, runtime)
			}
		})
	}
}

func TestPodUIDOfPod(t *testing.T) {
	for _, path := range []string{"/kubepods/pod" + podA, "/kubepods.slice/kubepods-pod" + podA_ + ".slice"} {
		if got := PodUID(path); got != podA {
			t.Errorf("PodUID(%q) = %q, want %q", path, got, podA)
		}
	}
}

func TestIDAllocatesNothing(t *testing.T) {
	path := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + podA_ + ".slice/cri-containerd-" + idA + ".scope"
	if n := testing.AllocsPerRun(100, func() { ID(path) }); n != 0 {
		t.Errorf("ID makes %v allocations", n)
	}
}

func FuzzID(f *testing.F) {
	for _, s := range []string{
		"/kubepods.slice/kubepods-pod" + podA_ + ".slice/cri-containerd-" + idA + ".scope/init.scope",
		"/docker/" + idA, "/../pod" + podA + "/" + idA, "/system.slice:docker:" + idA, "/process_api/4739ecfc53d5093ae33ef3fbe6e0b430",
		"//" + idA + "//", "/k8s.io/" + idA + "\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		PodUID(path)
		id, _, ok := ID(path)
		if !ok {
			if id != "" {
				t.Fatalf("ID(%q): id %q of no container", path, id)
			}
			return
		}
		if len(id) != idLen || !isHex(id) || !strings.Contains(path, id) {
			t.Fatalf("ID(%q) = %q", path, id)
		}
		// What is made inside a container cannot change whose it is.
		for _, below := range []string{"/init.scope", "/docker-" + idB + ".scope", "/kubepods/pod" + podA + "/" + idB} {
			if got, _, _ := ID(path + below); got != id {
				t.Fatalf("ID(%q) = %q, want %q", path+below, got, id)
			}
		}
	})
}

func BenchmarkID(b *testing.B) {
	path := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + podA_ + ".slice/cri-containerd-" + idA + ".scope"
	b.ReportAllocs()
	for b.Loop() {
		ID(path)
	}
}
