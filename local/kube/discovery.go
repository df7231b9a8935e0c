package kube

import (
	"io"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// public answers what even system:anonymous may ask, if path asks for that.
func (s *Server) public(w http.ResponseWriter, path string) bool {
	switch path {
	case "/healthz", "/livez", "/readyz":
		io.WriteString(w, "ok")
	case "/version":
		major, rest, _ := strings.Cut(strings.TrimPrefix(s.cfg.Version, "v"), ".")
		minor, _, _ := strings.Cut(rest, ".")
		answer(w, http.StatusOK, version.Info{Major: major, Minor: minor, GitVersion: s.cfg.Version, Platform: "linux/amd64"})
	default:
		return false
	}
	return true
}

// discovery says which resources there are; nil if path does not ask for it.
func discovery(path string) any {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}
	case path == "/apis":
		return groups()
	case path == "/api/v1":
		return resourceList("")
	case len(parts) == 3 && parts[0] == "apis" && parts[2] == "v1" && served(parts[1]):
		return resourceList(parts[1])
	}
	return nil
}

func served(group string) bool {
	return find(func(r *resource) bool { return group != "" && r.group == group }) != nil
}

func groups() metav1.APIGroupList {
	all := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for _, r := range resources {
		if n := len(all.Groups); r.group == "" || n > 0 && all.Groups[n-1].Name == r.group {
			continue
		}
		v := metav1.GroupVersionForDiscovery{GroupVersion: r.groupVersion().String(), Version: "v1"}
		all.Groups = append(all.Groups, metav1.APIGroup{Name: r.group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
	}
	return all
}

func resourceList(group string) metav1.APIResourceList {
	all := metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: schema.GroupVersion{Group: group, Version: "v1"}.String(),
	}
	for _, r := range resources {
		if r.group != group {
			continue
		}
		one := metav1.APIResource{Name: r.name, SingularName: strings.ToLower(r.kind), Namespaced: r.namespaced, Kind: r.kind, Verbs: metav1.Verbs{"get", "list"}}
		if r.short != "" {
			one.ShortNames = []string{r.short}
		}
		all.APIResources = append(all.APIResources, one)
	}
	return all
}
