package field

import "tiercel.dev/internal/event"

// podText is missing on the host, in containers of no pod, and while the runtime has not answered.
func podText(name, doc string, at func(*event.Pod) *string) Field {
	return Field{Name: name, Type: Text, Doc: doc, Facts: FromContainer, Metadata: true,
		TextOf: func(ev *event.Event) (string, bool) {
			c := told(ev)
			if c == nil || c.Pod == nil {
				return "", false
			}
			s := *at(c.Pod)
			return s, s != ""
		},
		set: func(b *builder, v string) error { *at(b.inPod()) = v; return nil }}
}

func podFields() []Field {
	return []Field{
		podText("k8s.ns.name", "Namespace of the pod. Missing outside pods.", func(p *event.Pod) *string { return &p.Namespace }),
		podText("k8s.pod.name", "Name of the pod.", func(p *event.Pod) *string { return &p.Name }),
		podText("k8s.pod.uid", "Uid of the pod.", func(p *event.Pod) *string { return &p.UID }),
		{Name: "k8s.pod.sandbox_id", Type: Text, Facts: FromContainer, Metadata: true, Doc: "The first 12 digits of the id that the pod's sandbox has in the container runtime.",
			TextOf: func(ev *event.Event) (string, bool) {
				c := told(ev)
				if c == nil || c.Pod == nil {
					return "", false
				}
				id := c.Pod.SandboxID
				return id[:min(len(id), 12)], id != ""
			},
			set: func(b *builder, v string) error { b.inPod().SandboxID = v; return nil }},
		podText("k8s.pod.full_sandbox_id", "Id of the pod's sandbox in the container runtime.", func(p *event.Pod) *string { return &p.SandboxID }),
		podText("k8s.pod.ip", "Address of the pod.", func(p *event.Pod) *string { return &p.IP }),
		podText("k8s.workload.kind", "Kind of what owns the pod: Deployment, DaemonSet. Missing where the runtime's labels do not tell.", func(p *event.Pod) *string { return &p.WorkloadKind }),
		podText("k8s.workload.name", "Name of what owns the pod. Missing where the runtime's labels do not tell.", func(p *event.Pod) *string { return &p.WorkloadName }),
		labelField("k8s.pod.label", "pod", func(c *event.Container) map[string]string {
			if c.Pod == nil {
				return nil
			}
			return c.Pod.Labels
		}, func(b *builder) *map[string]string { return &b.inPod().Labels }),
		{Name: "k8s.pod.labels", Type: Text, Facts: FromContainer, Metadata: true, Doc: "All labels of the pod, parted by commas, each name:value, sorted.",
			TextOf: func(ev *event.Event) (string, bool) {
				c := told(ev)
				if c == nil || c.Pod == nil {
					return "", false
				}
				return labelsText(c.Pod.Labels), true
			}},
	}
}
