package snapshot

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// keptAnnotations are the beginnings of those that checks read. The others may be large, or hold what was applied with all that
// stood in it.
var keptAnnotations = []string{
	"rbac.authorization.kubernetes.io/", "networking.gke.io/", "iam.gke.io/", "kubernetes.io/ingress.", "kubernetes.io/enforce-mountable-secrets",
	"cloud.google.com/load-balancer-type", "cloud.google.com/neg", "ingress.gcp.kubernetes.io/pre-shared-cert", "storageclass.kubernetes.io/",
}

// trim takes out what no decision reads.
func trim(o metav1.Object) {
	o.SetManagedFields(nil)
	o.SetFinalizers(nil)
	o.SetResourceVersion("")
	o.SetUID("")
	kept := o.GetAnnotations()
	maps.DeleteFunc(kept, func(name, _ string) bool {
		for _, prefix := range keptAnnotations {
			if strings.HasPrefix(name, prefix) {
				return false
			}
		}
		return true
	})
	if len(kept) == 0 {
		kept = nil
	}
	o.SetAnnotations(kept)
	switch o := o.(type) {
	case *corev1.Service:
		o.Status.Conditions = nil
	case *corev1.Namespace:
		o.Status.Conditions = nil
	case *networkingv1.Ingress:
		o.SetOwnerReferences(nil)
	}
}

// trimSpec is what decides over a pod's security, without what tells it from others of its workload. Values of variables and
// arguments are left out: they are where secrets are put.
func trimSpec(p *corev1.PodSpec) *corev1.PodSpec {
	out := &corev1.PodSpec{
		ServiceAccountName: p.ServiceAccountName, AutomountServiceAccountToken: p.AutomountServiceAccountToken,
		HostNetwork: p.HostNetwork, HostPID: p.HostPID, HostIPC: p.HostIPC, HostUsers: p.HostUsers, ShareProcessNamespace: p.ShareProcessNamespace,
		SecurityContext: p.SecurityContext, RuntimeClassName: p.RuntimeClassName, OS: p.OS,
	}
	for _, v := range p.Volumes {
		if v.HostPath != nil {
			out.Volumes = append(out.Volumes, corev1.Volume{Name: v.Name, VolumeSource: corev1.VolumeSource{HostPath: v.HostPath}})
		}
	}
	for i := range p.InitContainers {
		out.InitContainers = append(out.InitContainers, trimContainer(&p.InitContainers[i]))
	}
	for i := range p.Containers {
		out.Containers = append(out.Containers, trimContainer(&p.Containers[i]))
	}
	for i := range p.EphemeralContainers {
		common := corev1.Container(p.EphemeralContainers[i].EphemeralContainerCommon)
		out.EphemeralContainers = append(out.EphemeralContainers, corev1.EphemeralContainer{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon(trimContainer(&common)),
		})
	}
	return out
}

func trimContainer(c *corev1.Container) corev1.Container {
	out := corev1.Container{Name: c.Name, Image: c.Image, SecurityContext: c.SecurityContext}
	for _, p := range c.Ports {
		if p.HostPort != 0 {
			out.Ports = append(out.Ports, p)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			out.Env = append(out.Env, corev1.EnvVar{Name: e.Name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: e.ValueFrom.SecretKeyRef}})
		}
	}
	for _, e := range c.EnvFrom {
		if e.SecretRef != nil {
			out.EnvFrom = append(out.EnvFrom, corev1.EnvFromSource{SecretRef: e.SecretRef})
		}
	}
	return out
}
