// Command check builds the sensor's image as a deployment does, twice, into a registry of its own, and looks at it: both
// architectures, the same bytes each time, at most 40 MB, the sensor and nothing else, an SBOM, and a provenance that building it
// again bears out. scripts/image calls it.
package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"tiercel.dev/scripts/ko/image"
)

const (
	maxSize = 40 << 20
	version = "1.2.3-check"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check KO, in the project's folder")
		os.Exit(2)
	}
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func check(ko string) error {
	r := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	defer r.Close()
	host := strings.TrimPrefix(r.URL, "http://")
	base, err := image.PushBase(host + "/tiercel/sensor:base")
	if err != nil {
		return fmt.Errorf("base: %w", err)
	}
	first, err := build(ko, host, base)
	if err != nil {
		return err
	}
	again, err := build(ko, host, base)
	if err != nil {
		return err
	}
	if first != again {
		return fmt.Errorf("the same source makes %s, and then %s", first, again)
	}
	ref, err := name.NewDigest(first)
	if err != nil {
		return err
	}
	if err := provenance(ko, ref, base); err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for _, m := range manifest.Manifests {
		one, err := index.Image(m.Digest)
		if err != nil {
			return err
		}
		if err := look(ref.Context(), one, m); err != nil {
			return fmt.Errorf("%s: %w", m.Platform, err)
		}
		seen[m.Platform.String()] = true
	}
	if len(seen) != 2 || !seen["linux/amd64"] || !seen["linux/arm64"] {
		return fmt.Errorf("platforms %v", seen)
	}
	return nil
}

// provenance says where an image comes from as scripts/deploy does, and has that tried. What nobody has said, and what was built
// from something else, is refused.
func provenance(ko string, at, base name.Digest) error {
	if _, err := image.Find(at); !errors.Is(err, image.ErrNoProvenance) {
		return fmt.Errorf("before anybody says anything: %v", err)
	}
	for _, source := range []bool{false, true} {
		o := image.Origin{Parameters: image.Parameters{Version: version, Base: base.String()}, Source: strings.Repeat("0", 64), Commit: "c0ffee", Build: "b1"}
		goVersion, err := exec.Command("go", "env", "GOVERSION").Output()
		if err != nil {
			return err
		}
		o.Go = strings.TrimSpace(string(goVersion))
		of := base // which was never built from anything
		if source {
			of = at
			if o.Source, err = image.Source("."); err != nil {
				return err
			}
		}
		for range 2 {
			s, err := image.State(of, o)
			if err != nil {
				return err
			}
			if err := s.Attach(of); err != nil {
				return err
			}
		}
		index, err := remote.Referrers(of)
		if err != nil {
			return err
		}
		if m, err := index.IndexManifest(); err != nil || len(m.Manifests) != 1 {
			return fmt.Errorf("said twice it is there %d times: %v", len(m.Manifests), err)
		}
		if s, err := image.Verify(ko, ".", of); (err == nil) != source {
			return fmt.Errorf("%s: %+v: %v", of, s, err)
		}
	}
	_, parts, err := image.SBOM(at)
	if err != nil {
		return err
	}
	fmt.Printf("%s: provenance borne out by building it again; %d parts in the SBOM\n", at.DigestStr(), parts)
	return nil
}

// build has ko build as scripts/deploy does, and gives the image's reference.
func build(ko, host string, base name.Digest) (string, error) {
	cmd := exec.Command(ko, "build", "./sensor", "--bare", "--platform="+image.Platforms, "--sbom=spdx", "--insecure-registry")
	cmd.Env = append(os.Environ(), "KO_DOCKER_REPO="+host+"/tiercel/sensor", "KO_DEFAULTBASEIMAGE="+base.String(), "VERSION="+version)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// look unpacks an image, and runs it if it is this machine's.
func look(repository name.Repository, one v1.Image, m v1.Descriptor) error {
	size := int64(0)
	layers, err := one.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			return err
		}
		size += n
	}
	files := tar.NewReader(mutate.Extract(one))
	binary := ""
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if h.Name != "ko-app/sensor" && h.Name != "/ko-app/sensor" || h.Typeflag != tar.TypeReg || h.Mode&0o111 == 0 {
			return fmt.Errorf("%s is in it, too", h.Name)
		}
		dir, err := os.MkdirTemp("", "tiercel-image-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "sensor")
		f, err := os.OpenFile(binary, os.O_CREATE|os.O_WRONLY, 0o700)
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, files); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if binary == "" || size > maxSize {
		return fmt.Errorf("%d bytes, at most %d; sensor %q", size, maxSize, binary)
	}
	_, parts, err := image.SBOM(repository.Digest(m.Digest.String()))
	if err != nil {
		return err
	}
	fmt.Printf("%s: %.1f MB, %s, %d parts in the SBOM\n", m.Platform, float64(size)/(1<<20), m.Digest, parts)
	if m.Platform.Architecture != runtime.GOARCH {
		return nil
	}
	out, err := exec.Command(binary, "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), version) {
		return fmt.Errorf("it runs to %v: %s", err, out)
	}
	return nil
}
