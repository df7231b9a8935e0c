package facts

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// workloads fills the set: one item for each controller of pods, whatever their number.
func (b *builder) workloads() {
	if b.k.Workloads == nil {
		b.lists([]string{"workload"}, "pods")
		return
	}
	b.begin("workload")
	for i := range b.k.Workloads {
		w := &b.k.Workloads[i]
		mounts, gap := b.mounts(w)
		unknown := map[string]*posture.Gap{}
		if gap != nil {
			unknown["automount"] = gap
		}
		v := faultsOf(w).value()
		v["namespace"], v["kind"], v["name"], v["pods"] = w.Namespace, w.Kind, w.Name, int64(live(w))
		v["system"], v["automount"], v["service_account"] = SystemNamespace(w.Namespace), mounts, account(w)
		if len(w.Templates) > 0 {
			if spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(w.Templates[0].Spec); err == nil {
				v["spec"] = spec
			}
		}
		b.add("workload", check.Item{Resource: b.at(w.Kind, w.Namespace, w.Name), Value: v, Unknown: unknown})
	}
}

func account(w *snapshot.Workload) string {
	for _, t := range w.Templates {
		if t.Spec.ServiceAccountName != "" {
			return t.Spec.ServiceAccountName
		}
	}
	return "default"
}

// mounts reports whether pods have a token of their service account: the pod says so, else the account, else they do.
func (b *builder) mounts(w *snapshot.Workload) (bool, *posture.Gap) {
	for _, t := range w.Templates {
		if t.Spec.AutomountServiceAccountToken != nil {
			if *t.Spec.AutomountServiceAccountToken {
				return true, nil
			}
			continue
		}
		a := b.accounts[w.Namespace+"/"+account(w)]
		if a == nil {
			if gap := b.gap("serviceaccounts"); gap != nil {
				return false, gap
			}
			return true, nil
		}
		if a.AutomountServiceAccountToken == nil || *a.AutomountServiceAccountToken {
			return true, nil
		}
	}
	return false, nil
}

// faults are what gives a workload more of its node than it needs; each names the containers it is about.
type faults struct {
	hostNetwork, hostPID, hostIPC                  bool
	windows                                        bool
	paths, ports, privileged, capabilities         []string
	root, escalation, seccomp, secretEnv, unsafeIn []string
}

// baseline are the capabilities that the Pod Security standard of that name lets containers add.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
var baseline = []corev1.Capability{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// faultsOf are those of any of its pods.
func faultsOf(w *snapshot.Workload) *faults {
	f := &faults{}
	for _, t := range w.Templates {
		p := t.Spec
		f.hostNetwork, f.hostPID, f.hostIPC = f.hostNetwork || p.HostNetwork, f.hostPID || p.HostPID, f.hostIPC || p.HostIPC
		f.windows = f.windows || t.Windows
		for _, v := range p.Volumes {
			f.paths = append(f.paths, v.HostPath.Path)
		}
		for i := range p.InitContainers {
			f.container(p, &p.InitContainers[i], t.Windows)
		}
		for i := range p.Containers {
			f.container(p, &p.Containers[i], t.Windows)
		}
		for i := range p.EphemeralContainers {
			c := corev1.Container(p.EphemeralContainers[i].EphemeralContainerCommon)
			f.container(p, &c, t.Windows)
		}
	}
	return f
}

func (f *faults) container(p *corev1.PodSpec, c *corev1.Container, windows bool) {
	for _, port := range c.Ports {
		f.ports = append(f.ports, fmt.Sprint(port.HostPort))
	}
	if len(c.Env)+len(c.EnvFrom) > 0 {
		f.secretEnv = append(f.secretEnv, c.Name)
	}
	own, pod := c.SecurityContext, p.SecurityContext
	if own == nil {
		own = &corev1.SecurityContext{}
	}
	if pod == nil {
		pod = &corev1.PodSecurityContext{}
	}
	if windows {
		if hostProcess(own.WindowsOptions) || own.WindowsOptions == nil && hostProcess(pod.WindowsOptions) {
			f.privileged = append(f.privileged, c.Name)
		}
		return // the rest is of Linux
	}
	f.linux(c.Name, own, pod)
}

func hostProcess(o *corev1.WindowsSecurityContextOptions) bool {
	return o != nil && o.HostProcess != nil && *o.HostProcess
}

// linux reads what a container says, and what its pod says where it says nothing.
func (f *faults) linux(name string, own *corev1.SecurityContext, pod *corev1.PodSecurityContext) {
	privileged := own.Privileged != nil && *own.Privileged
	if privileged {
		f.privileged = append(f.privileged, name)
	}
	if own.Capabilities != nil {
		for _, c := range own.Capabilities.Add {
			if !slices.Contains(baseline, c) {
				f.capabilities = append(f.capabilities, name+": "+string(c))
			}
		}
	}
	if own.ProcMount != nil && *own.ProcMount == corev1.UnmaskedProcMount {
		f.unsafeIn = append(f.unsafeIn, name)
	}
	nonRoot, user := own.RunAsNonRoot, own.RunAsUser
	if nonRoot == nil {
		nonRoot = pod.RunAsNonRoot
	}
	if user == nil {
		user = pod.RunAsUser
	}
	if (nonRoot == nil || !*nonRoot) && (user == nil || *user == 0) {
		f.root = append(f.root, name)
	}
	if own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation {
		f.escalation = append(f.escalation, name)
	}
	seccomp := own.SeccompProfile
	if seccomp == nil {
		seccomp = pod.SeccompProfile
	}
	if privileged || seccomp == nil || seccomp.Type == corev1.SeccompProfileTypeUnconfined {
		f.seccomp = append(f.seccomp, name)
	}
}

func (f *faults) value() map[string]any {
	return map[string]any{
		"host_network": f.hostNetwork, "host_pid": f.hostPID, "host_ipc": f.hostIPC, "windows": f.windows, "host_paths": texts(f.paths),
		"host_ports": texts(f.ports), "privileged": texts(f.privileged), "capabilities": texts(f.capabilities), "unmasked_proc": texts(f.unsafeIn),
		"root": texts(f.root), "escalation": texts(f.escalation), "no_seccomp": texts(f.seccomp), "secret_env": texts(f.secretEnv),
	}
}
