package scc

import (
	"slices"
	"strings"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/internal/posture"
)

const (
	// maxSubjects bounds the subjects of a binding that a finding names, and the bindings of a principal.
	maxSubjects = 32
	// maxReviews bounds the rights that a finding names.
	maxReviews = 32

	principalKind = "Principal"
)

// postureObjects names what the result is about in the words for Kubernetes: a pool, a role, a binding with its role, subjects and
// dangerous rights, the bindings of a principal, a pod, or any other object. nil for the cluster itself, and for what is none of its.
func postureObjects(p Posture) *pb.Kubernetes {
	r := p.Result.Resource
	ns, name := shown(r.Namespace, maxName), shown(r.Name, maxName)
	switch {
	case r.Kind == "" && r.Pool != "":
		return &pb.Kubernetes{NodePools: []*pb.Kubernetes_NodePool{{Name: shown(r.Pool, maxName)}}}
	case r.Kind == "" || strings.Contains(r.Kind, ".") || r.Kind == "Insight": // iam.Binding and such are Google Cloud's
		return nil
	case r.Kind == principalKind:
		return principal(p)
	case r.Kind == "Role" || r.Kind == "ClusterRole":
		return &pb.Kubernetes{Roles: []*pb.Kubernetes_Role{{Kind: roleKind(r.Kind), Ns: ns, Name: name}}}
	case r.Kind == "RoleBinding" || r.Kind == "ClusterRoleBinding":
		return &pb.Kubernetes{Bindings: []*pb.Kubernetes_Binding{binding(p)}, AccessReviews: reviews(p.Subjects)}
	case r.Kind == "Pod":
		return &pb.Kubernetes{Pods: []*pb.Kubernetes_Pod{{Ns: ns, Name: name}}}
	}
	return &pb.Kubernetes{Objects: []*pb.Kubernetes_Object{object(groups[r.Kind], r.Kind, r.Namespace, r.Name)}}
}

func roleKind(kind string) pb.Kubernetes_Role_Kind {
	if kind == "Role" {
		return pb.Kubernetes_Role_ROLE
	}
	return pb.Kubernetes_Role_CLUSTER_ROLE
}

func binding(p Posture) *pb.Kubernetes_Binding {
	r := p.Result.Resource
	b := &pb.Kubernetes_Binding{Ns: shown(r.Namespace, maxName), Name: shown(r.Name, maxName)}
	for _, s := range p.Subjects[:min(len(p.Subjects), maxSubjects)] {
		b.Subjects = append(b.Subjects, subject(s))
		for _, g := range s.Grants {
			if b.Role == nil && By(r) == g.By {
				// A RoleBinding may bind either kind; which one, a grant does not say.
				b.Role = &pb.Kubernetes_Role{Name: shown(g.Role, maxName)}
				if r.Kind == "ClusterRoleBinding" {
					b.Role.Kind = pb.Kubernetes_Role_CLUSTER_ROLE
				}
			}
		}
	}
	return b
}

// principal has the bindings by RBAC of whom the result is about; nil if there are none.
func principal(p Posture) *pb.Kubernetes {
	k := &pb.Kubernetes{AccessReviews: reviews(p.Subjects)}
	for _, s := range p.Subjects {
		for _, g := range s.Grants {
			kind, name, ok := strings.Cut(g.By, " ")
			if g.Via != "RBAC" || !ok || len(k.Bindings) == maxSubjects {
				continue
			}
			b := &pb.Kubernetes_Binding{Name: shown(name, maxName), Role: &pb.Kubernetes_Role{Name: shown(g.Role, maxName)}, Subjects: []*pb.Kubernetes_Subject{subject(s)}}
			if ns, own, namespaced := strings.Cut(name, "/"); namespaced {
				b.Ns, b.Name = shown(ns, maxName), shown(own, maxName)
			}
			if kind == "ClusterRoleBinding" {
				b.Role.Kind = pb.Kubernetes_Role_CLUSTER_ROLE
			}
			k.Bindings = append(k.Bindings, b)
		}
	}
	if len(k.Bindings) == 0 {
		return nil
	}
	return k
}

// reviews are the dangerous rights that bindings give, as one would ask the API server for them.
func reviews(subjects []posture.Principal) (all []*pb.Kubernetes_AccessReview) {
	type asked struct {
		posture.Right
		ns string
	}
	seen := map[asked]bool{}
	for _, s := range subjects {
		for _, g := range s.Grants {
			ns, _ := strings.CutPrefix(g.Scope, "namespace ")
			if ns == g.Scope { // of the cluster: no namespace is all
				ns = ""
			}
			for _, r := range g.Rights {
				if seen[asked{r, ns}] || len(all) == maxReviews {
					continue
				}
				seen[asked{r, ns}] = true
				resource, sub, _ := strings.Cut(r.Resource, "/")
				all = append(all, &pb.Kubernetes_AccessReview{
					Verb: shown(r.Verb, maxName), Group: shown(r.Group, maxName), Version: "*", Resource: shown(resource, maxName),
					Subresource: shown(sub, maxName), Ns: shown(ns, maxName),
				})
			}
		}
	}
	return all
}

// iamBindings are the grants by IAM that the result is about: the one, or the principal's.
func iamBindings(p Posture) (all []*pb.IamBinding) {
	if parts := strings.Fields(p.Result.Resource.Name); p.Result.Resource.Kind == "iam.Binding" && len(parts) == 3 { // resource, role, member
		return []*pb.IamBinding{{Role: shown(parts[1], maxName), Member: shown(parts[2], maxName)}}
	}
	if p.Result.Resource.Kind != principalKind {
		return nil
	}
	for _, s := range p.Subjects {
		for _, g := range s.Grants {
			if g.Via == "IAM" && len(all) < maxSubjects {
				all = append(all, &pb.IamBinding{Role: shown(g.Role, maxName), Member: shown(s.Name, maxName)})
			}
		}
	}
	return all
}

var subjectKinds = map[string]pb.Kubernetes_Subject_AuthType{
	"User": pb.Kubernetes_Subject_USER, "Group": pb.Kubernetes_Subject_GROUP, "Everyone": pb.Kubernetes_Subject_GROUP,
	"ServiceAccount": pb.Kubernetes_Subject_SERVICEACCOUNT,
}

// subject reads system:serviceaccount:NAMESPACE:NAME, which is how Kubernetes names its own accounts.
func subject(s posture.Principal) *pb.Kubernetes_Subject {
	out := &pb.Kubernetes_Subject{Kind: subjectKinds[s.Kind], Name: shown(s.Name, maxName)}
	if account, ok := strings.CutPrefix(s.Name, "system:serviceaccount:"); ok {
		if ns, name, ok := strings.Cut(account, ":"); ok {
			out.Kind, out.Ns, out.Name = pb.Kubernetes_Subject_SERVICEACCOUNT, shown(ns, maxName), shown(name, maxName)
		}
	}
	return out
}

// By is a binding as grants name it: "ClusterRoleBinding x", "RoleBinding namespace/x".
func By(r posture.Resource) string {
	if r.Namespace != "" {
		return r.Kind + " " + r.Namespace + "/" + r.Name
	}
	return r.Kind + " " + r.Name
}

// Subjects are those of the principals whom a binding binds, by name: their order among all changes with what others may do. Of a
// result about a principal it is that one, with all of its grants.
func Subjects(all []posture.Principal, r posture.Resource) (bound []posture.Principal) {
	by := By(r)
	for _, p := range all {
		if r.Kind == principalKind && p.Name == r.Name {
			return []posture.Principal{p}
		}
		if slices.ContainsFunc(p.Grants, func(g posture.Grant) bool { return g.By == by }) {
			p.Grants = slices.DeleteFunc(slices.Clone(p.Grants), func(g posture.Grant) bool { return g.By != by })
			bound = append(bound, p)
		}
	}
	slices.SortFunc(bound, func(a, b posture.Principal) int { return strings.Compare(a.Name, b.Name) })
	return bound
}
