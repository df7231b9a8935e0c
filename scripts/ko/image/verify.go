package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Platforms are those that an image is for.
const Platforms = "linux/amd64,linux/arm64"

// Verify holds an image against its provenance and a folder with the project: the folder must be what the image was built from, and
// building it again must make the same image. It needs the same registry, from which the base is read; nothing is pushed.
func Verify(ko, dir string, image name.Digest, options ...remote.Option) (Statement, error) {
	s, err := Find(image, options...)
	if err != nil {
		return s, err
	}
	source, err := Source(dir)
	if err != nil {
		return s, err
	}
	if s.Source() != source {
		return s, fmt.Errorf("it was built from other source (%s) than this folder's (%s): check out its commit %s", s.Source(), source, s.commit())
	}
	d := s.Predicate.BuildDefinition
	cmd := exec.Command(ko, "build", "./sensor", "--bare", "--platform="+Platforms, "--sbom=none", "--push=false")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "KO_DOCKER_REPO="+image.Context().Name(), "KO_DEFAULTBASEIMAGE="+d.ExternalParameters.Base, "KO_CONFIG_PATH="+dir,
		"VERSION="+d.ExternalParameters.Version, "GOTOOLCHAIN="+d.InternalParameters.Go)
	if image.Context().Scheme() == "http" {
		cmd.Args = append(cmd.Args, "--insecure-registry")
	}
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("building it again: %w", err)
	}
	_, digest, _ := strings.Cut(strings.TrimSpace(string(out)), "@")
	if digest != image.DigestStr() {
		return s, fmt.Errorf("building it again makes %s", digest)
	}
	return s, nil
}

func (s Statement) commit() string {
	for _, r := range s.Predicate.BuildDefinition.ResolvedDependencies {
		if r.Name == "commit" {
			return r.Digest["gitCommit"]
		}
	}
	return "(it names none)"
}

// SBOM gives what ko lists as the parts of an image, in SPDX's JSON, and how many they are.
func SBOM(image name.Digest, options ...remote.Option) (data []byte, packages int, err error) {
	layers, err := remote.Image(image.Context().Tag(strings.Replace(image.DigestStr(), ":", "-", 1)+".sbom"), options...)
	if err != nil {
		return nil, 0, fmt.Errorf("no SBOM: %w", err)
	}
	all, err := layers.Layers()
	if err != nil {
		return nil, 0, err
	}
	if len(all) != 1 {
		return nil, 0, errors.New("an SBOM of several layers")
	}
	r, err := all[0].Uncompressed()
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	if data, err = io.ReadAll(io.LimitReader(r, 16<<20)); err != nil {
		return nil, 0, err
	}
	var doc struct{ Packages []any }
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, 0, fmt.Errorf("SBOM: %w", err)
	}
	return data, len(doc.Packages), nil
}
