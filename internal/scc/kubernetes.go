package scc

import (
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
)

func containers(a *alert.Alert) []*pb.Container {
	c := a.GetContainer()
	if c == nil {
		return nil
	}
	name := c.GetName()
	if name == "" {
		name = c.GetId()
	}
	out := &pb.Container{
		Name: shown(name, maxName), Uri: shown(imageURI(c), maxText), ImageId: shown(imageID(c), maxText), Labels: labels(c.GetLabels()),
	}
	if t, err := alert.ParseTime(c.GetCreatedTime()); err == nil {
		out.CreateTime = timestamppb.New(t)
	}
	return []*pb.Container{out}
}

// imageURI is the image as it is pulled; imageID names its content.
func imageURI(c *alert.Container) string {
	if c.GetImageRepository() == "" || c.GetImageTag() == "" {
		return c.GetImageRepository()
	}
	return c.ImageRepository + ":" + c.ImageTag
}

func imageID(c *alert.Container) string {
	if c.GetImageDigest() == "" || c.GetImageRepository() == "" {
		return c.GetImageId()
	}
	return c.ImageRepository + "@" + c.ImageDigest
}

func labels(all []*alert.Label) (out []*pb.Label) {
	for _, l := range all[:min(len(all), maxLabels)] {
		out = append(out, &pb.Label{Name: shown(l.GetKey(), maxName), Value: shown(l.GetValue(), maxName)})
	}
	return out
}

// kubernetes has the pod, its node and node pool, and what the pod belongs to.
func kubernetes(a *alert.Alert) *pb.Kubernetes {
	k := new(pb.Kubernetes)
	if p := a.GetPod(); p.GetName() != "" {
		k.Pods = []*pb.Kubernetes_Pod{{
			Ns: shown(p.GetNamespace(), maxName), Name: shown(p.Name, maxName), Labels: labels(p.GetLabels()), Containers: containers(a),
		}}
	}
	e := a.GetEnrichment()
	// A node is its virtual machine's full resource name here: without that there is no node to name.
	if e.GetNodeResource() != "" {
		k.Nodes = []*pb.Kubernetes_Node{{Name: shown(e.NodeResource, maxText)}}
	}
	if e.GetNodePool() != "" {
		k.NodePools = []*pb.Kubernetes_NodePool{{Name: shown(e.NodePool, maxName), Nodes: k.Nodes}}
	}
	k.Objects = objects(a)
	if k.Pods == nil && k.Nodes == nil && k.NodePools == nil && k.Objects == nil {
		return nil
	}
	return k
}

// objects are the pod's owners, from the nearest up; where nobody asked the API server, the workload that the pod's labels
// tell.
func objects(a *alert.Alert) (out []*pb.Kubernetes_Object) {
	ns := a.GetPod().GetNamespace()
	for _, o := range a.GetEnrichment().GetOwners() {
		out = append(out, object(o.GetApiVersion(), o.GetKind(), ns, o.GetName()))
	}
	if p := a.GetPod(); out == nil && p.GetWorkloadName() != "" {
		out = append(out, object(groups[p.GetWorkloadKind()], p.GetWorkloadKind(), ns, p.WorkloadName))
	}
	return out
}

func object(group, kind, ns, name string) *pb.Kubernetes_Object {
	if kind == "Node" { // owns the pods that its kubelet read from files, and is in no namespace
		ns = ""
	}
	return &pb.Kubernetes_Object{Group: shown(group, maxName), Kind: shown(kind, maxName), Ns: shown(ns, maxName), Name: shown(name, maxName)}
}

var groups = map[string]string{
	"Deployment": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1", "CronJob": "batch/v1",
	"Ingress": "networking.k8s.io/v1", "PodDisruptionBudget": "policy/v1", "CertificateSigningRequest": "certificates.k8s.io/v1",
	"MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}
