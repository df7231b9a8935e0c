package scc

import (
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"tiercel.dev/alert"
)

// cut reports whether the finding leaves out some of what the alert says. Arguments have a flag of their own.
func cut(a *alert.Alert) bool {
	return len(a.GetFiles()) > maxFiles || len(a.GetContainer().GetLabels()) > maxLabels || len(a.GetPod().GetLabels()) > maxLabels ||
		len(a.GetOutput()) > maxText/2 || len(a.GetRule().GetDescription()) > maxText/2 || len(a.GetEnrichment().GetNextSteps()) > maxText
}

// fit drops the least telling parts, one after the other, until the finding is within its bound. Each step leaves less than
// the one before, and the last what is always small enough.
func fit(f *pb.Finding) {
	for _, drop := range []func(){
		func() { f.Processes = f.Processes[:min(len(f.Processes), 4)] },
		func() { cutArgs(f, 16) },
		func() { f.Files = f.Files[:min(len(f.Files), 4)] },
		func() { dropLabels(f) },
		func() { cutProperties(f, 512) },
		func() { cutArgs(f, 0) },
		func() { f.Processes, f.Files = f.Processes[:min(len(f.Processes), 1)], f.Files[:min(len(f.Files), 1)] },
		func() { cutProperties(f, 128) },
		func() { f.Files, f.Containers, f.Kubernetes = nil, nil, nil },
	} {
		if proto.Size(f) <= maxFinding {
			return
		}
		f.SourceProperties["finding_truncated"] = boolean(true)
		drop()
	}
}

func cutArgs(f *pb.Finding, n int) {
	for _, p := range f.Processes {
		if len(p.Args) > n {
			p.Args, p.ArgumentsTruncated = p.Args[:n], true
		}
		if len(p.EnvVariables) > n {
			p.EnvVariables, p.EnvVariablesTruncated = p.EnvVariables[:n], true
		}
	}
}

func dropLabels(f *pb.Finding) {
	for _, c := range f.Containers {
		c.Labels = nil
	}
	for _, p := range f.GetKubernetes().GetPods() {
		p.Labels = nil
		for _, c := range p.Containers {
			c.Labels = nil
		}
	}
}

func cutProperties(f *pb.Finding, n int) {
	for key, value := range f.SourceProperties {
		if text := value.GetStringValue(); len(text) > n {
			f.SourceProperties[key] = structpb.NewStringValue(clip(text, n))
		}
	}
}
