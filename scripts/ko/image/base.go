// Package image has what a deployment says of the sensor's image besides what ko does: its base, which is empty, and where it comes
// from. scripts/deploy and scripts/image use it by ../provenance, and ../check looks at what comes of it.
package image

import (
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// PushBase puts the base of the image at a tag of a repository, and gives its reference by digest. There is nothing in it: the sensor is
// one static binary, which has certificates of its own. So no registry but one's own is asked, and no base changes under an image.
func PushBase(at string, options ...remote.Option) (name.Digest, error) {
	tag, err := name.NewTag(at)
	if err != nil {
		return name.Digest{}, err
	}
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: v1.RootFS{Type: "layers"}})
		if err != nil {
			return name.Digest{}, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	digest, err := index.Digest()
	if err != nil {
		return name.Digest{}, err
	}
	return tag.Digest(digest.String()), remote.WriteIndex(tag, index, options...)
}
