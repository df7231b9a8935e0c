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
	out := &pb.Container{Name: c.GetName(), Uri: imageURI(c), ImageId: imageID(c), Labels: labels(c.GetLabels())}
	if out.Name == "" {
		out.Name = c.GetId()
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
		out = append(out, &pb.Label{Name: clip(l.GetKey(), maxName), Value: clip(l.GetValue(), maxName)})
	}
	return out
}

// kubernetes has the pod, its node and node pool, and what the pod belongs to.
func kubernetes(a *alert.Alert) *pb.Kubernetes {
	k := new(pb.Kubernetes)
	if p := a.GetPod(); p.GetName() != "" {
		k.Pods = []*pb.Kubernetes_Pod{{Ns: p.GetNamespace(), Name: p.Name, Labels: labels(p.GetLabels()), Containers: containers(a)}}
	}
	e := a.GetEnrichment()
	// A node is its virtual machine's full resource name here: without that there is no node to name.
	if e.GetNodeResource() != "" {
		k.Nodes = []*pb.Kubernetes_Node{{Name: e.NodeResource}}
	}
	if e.GetNodePool() != "" && e.GetClusterResource() != "" {
		k.NodePools = []*pb.Kubernetes_NodePool{{Name: e.ClusterResource + "/nodePools/" + e.NodePool, Nodes: k.Nodes}}
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
		out = append(out, &pb.Kubernetes_Object{Group: o.GetApiVersion(), Kind: o.GetKind(), Ns: ns, Name: o.GetName()})
	}
	if p := a.GetPod(); out == nil && p.GetWorkloadName() != "" {
		out = append(out, &pb.Kubernetes_Object{Group: groups[p.GetWorkloadKind()], Kind: p.GetWorkloadKind(), Ns: ns, Name: p.WorkloadName})
	}
	return out
}

var groups = map[string]string{
	"Deployment": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1", "CronJob": "batch/v1",
}
