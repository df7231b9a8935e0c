package cri

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"tiercel.dev/internal/event"
)

func TestParseReference(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	tests := []struct {
		ref  string
		want event.Image
	}{
		{"docker.io/library/nginx:1.27", event.Image{Repository: "docker.io/library/nginx", Tag: "1.27"}},
		{"nginx", event.Image{Repository: "nginx"}},
		{"localhost:5000/a/b", event.Image{Repository: "localhost:5000/a/b"}},
		{"localhost:5000/a/b:v1", event.Image{Repository: "localhost:5000/a/b", Tag: "v1"}},
		{"gcr.io/x/y@sha256:" + hex, event.Image{Repository: "gcr.io/x/y", Digest: "sha256:" + hex}},
		{"gcr.io:443/x/y:v2@sha256:" + hex, event.Image{Repository: "gcr.io:443/x/y", Tag: "v2", Digest: "sha256:" + hex}},
		{"sha256:" + hex, event.Image{ID: "sha256:" + hex}},
		{hex, event.Image{ID: hex}},
		{"", event.Image{}},
		{":", event.Image{}},
		{"@", event.Image{}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, parseReference(tt.ref)); diff != "" {
			t.Errorf("parseReference(%q) (-want +got):\n%s", tt.ref, diff)
		}
	}
}

func TestImage(t *testing.T) {
	hex, digest := strings.Repeat("0a", 32), "sha256:"+strings.Repeat("1b", 32)
	var specified, configured info
	specified.Config.Image.Specified = "gcr.io/x/asked:v3"
	configured.Config.Image.Image = "gcr.io/x/configured:v4"
	tests := []struct {
		name   string
		status *runtime.ContainerStatus
		info   info
		want   event.Image
	}{
		{
			"containerd",
			&runtime.ContainerStatus{Image: &runtime.ImageSpec{Image: "gcr.io/x/y:v1"}, ImageRef: "gcr.io/x/y@" + digest, ImageId: "sha256:" + hex},
			specified,
			event.Image{Repository: "gcr.io/x/y", Tag: "v1", Digest: digest, ID: "sha256:" + hex},
		},
		{
			"an older containerd: the reference is the image's id",
			&runtime.ContainerStatus{Image: &runtime.ImageSpec{Image: "gcr.io/x/y:v1"}, ImageRef: "sha256:" + hex},
			info{},
			event.Image{Repository: "gcr.io/x/y", Tag: "v1", ID: "sha256:" + hex},
		},
		{
			"pulled by digest",
			&runtime.ContainerStatus{Image: &runtime.ImageSpec{Image: "sha256:" + hex}, ImageRef: "gcr.io/x/y@" + digest},
			info{},
			event.Image{Repository: "gcr.io/x/y", Digest: digest, ID: "sha256:" + hex},
		},
		{
			"only the image's id, and what the pod asked for",
			&runtime.ContainerStatus{Image: &runtime.ImageSpec{Image: "sha256:" + hex}, ImageRef: "sha256:" + hex},
			specified,
			event.Image{Repository: "gcr.io/x/asked", Tag: "v3", ID: "sha256:" + hex},
		},
		{
			"only the image's id, and the container's configuration",
			&runtime.ContainerStatus{Image: &runtime.ImageSpec{Image: hex}},
			configured,
			event.Image{Repository: "gcr.io/x/configured", Tag: "v4", ID: hex},
		},
		{"nothing", &runtime.ContainerStatus{}, info{}, event.Image{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, image(tt.status, tt.info)); diff != "" {
				t.Errorf("image (-want +got):\n%s", diff)
			}
		})
	}
}
