// Command check builds the sensor's image as a deployment does, twice, into a registry of its own, and looks at it: both
// architectures, the same bytes each time, at most 40 MB, the sensor and nothing else that runs, an SBOM. The base here is empty,
// since Google's registry may be out of reach: what it adds are certificates and time zones. scripts/image calls it.
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
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const maxSize = 40 << 20

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
	r := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer r.Close()
	host := strings.TrimPrefix(r.URL, "http://")
	if err := pushBase(host + "/base:latest"); err != nil {
		return fmt.Errorf("base: %w", err)
	}
	first, err := build(ko, host)
	if err != nil {
		return err
	}
	again, err := build(ko, host)
	if err != nil {
		return err
	}
	if first != again {
		return fmt.Errorf("the same source makes %s, and then %s", first, again)
	}
	ref, err := name.ParseReference(first)
	if err != nil {
		return err
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
		image, err := index.Image(m.Digest)
		if err != nil {
			return err
		}
		if err := look(ref.Context(), image, m); err != nil {
			return fmt.Errorf("%s: %w", m.Platform, err)
		}
		seen[m.Platform.String()] = true
	}
	if len(seen) != 2 || !seen["linux/amd64"] || !seen["linux/arm64"] {
		return fmt.Errorf("platforms %v", seen)
	}
	return nil
}

func pushBase(at string) error {
	ref, err := name.ParseReference(at)
	if err != nil {
		return err
	}
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: v1.RootFS{Type: "layers"}})
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return remote.WriteIndex(ref, index)
}

// build has ko build as scripts/deploy does, and gives the image's reference.
func build(ko, host string) (string, error) {
	cmd := exec.Command(ko, "build", "./sensor", "--bare", "--platform=linux/amd64,linux/arm64", "--sbom=spdx", "--insecure-registry")
	cmd.Env = append(os.Environ(), "KO_DOCKER_REPO="+host+"/tiercel/sensor", "KO_DEFAULTBASEIMAGE="+host+"/base:latest", "VERSION=1.2.3-check")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// look unpacks an image, and runs it if it is this machine's.
func look(repository name.Repository, image v1.Image, m v1.Descriptor) error {
	size := int64(0)
	layers, err := image.Layers()
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
	files := tar.NewReader(mutate.Extract(image))
	binary := ""
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Mode&0o111 == 0 {
			continue
		}
		if h.Name != "ko-app/sensor" && h.Name != "/ko-app/sensor" {
			return fmt.Errorf("%s is in it, which runs", h.Name)
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
	sbom := repository.Tag(strings.Replace(m.Digest.String(), ":", "-", 1) + ".sbom")
	if _, err := remote.Image(sbom); err != nil {
		return fmt.Errorf("no SBOM: %w", err)
	}
	fmt.Printf("%s: %.1f MB, %s\n", m.Platform, float64(size)/(1<<20), m.Digest)
	if m.Platform.Architecture != runtime.GOARCH {
		return nil
	}
	out, err := exec.Command(binary, "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1.2.3-check") {
		return fmt.Errorf("it runs to %v: %s", err, out)
	}
	return nil
}
