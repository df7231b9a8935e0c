package cri

import (
	"strings"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"tiercel.dev/internal/event"
)

// image puts together what an answer says of the image. The name is the runtime's resolved one where there is one (with
// registry: docker.io/library/nginx:1). Where the runtime has only an id, as for an image that was pulled by digest or whose
// tag has moved on, it is what the pod asked for, and last the reference with the digest.
func image(s *runtime.ContainerStatus, i info) event.Image {
	var img event.Image
	for _, ref := range []string{
		s.GetImage().GetImage(), s.GetImage().GetUserSpecifiedImage(), i.Config.Image.Specified, i.Config.Image.Image, s.GetImageRef(),
	} {
		if ref != "" && !isImageID(ref) {
			img = parseReference(ref)
			break
		}
	}
	if pulled := parseReference(s.GetImageRef()); pulled.Digest != "" {
		img.Digest = pulled.Digest
	}
	for _, id := range []string{s.GetImageId(), s.GetImageRef(), s.GetImage().GetImage()} {
		if isImageID(id) {
			img.ID = id
			break
		}
	}
	return img
}

// parseReference splits repository:tag@digest. A tag stands behind the last "/", for a colon before it is a port's.
func parseReference(ref string) event.Image {
	if isImageID(ref) {
		return event.Image{ID: ref}
	}
	var img event.Image
	img.Repository, img.Digest, _ = strings.Cut(ref, "@")
	slash := strings.LastIndexByte(img.Repository, '/')
	if colon := strings.LastIndexByte(img.Repository, ':'); colon > slash {
		img.Repository, img.Tag = img.Repository[:colon], img.Repository[colon+1:]
	}
	return img
}

// isImageID recognises the id of an image's configuration: sha256:HEX from containerd, HEX from CRI-O.
func isImageID(s string) bool {
	s = strings.TrimPrefix(s, "sha256:")
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if !('0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f') {
			return false
		}
	}
	return true
}
