// Command check builds the sensor's image as a deployment does, twice, into a registry of its own, and looks at it: both
// architectures, the same bytes each time, at most 40 MB, the sensor and nothing else that runs, an SBOM. scripts/image calls it.
package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"tiercel.dev/scripts/ko/offline"
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
	r, err := offline.Start()
	if err != nil {
		return err
	}
	defer r.Close()
	first, err := r.Build(ko, version)
	if err != nil {
		return err
	}
	again, err := r.Build(ko, version)
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
	if err != nil || !strings.Contains(string(out), version) {
		return fmt.Errorf("it runs to %v: %s", err, out)
	}
	return nil
}
