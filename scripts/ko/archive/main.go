// Command archive builds the sensor's image as a deployment does, and writes what this machine's architecture has of it into an OCI
// archive, for `ctr images import`. It prints the image's digest. scripts/e2e-kubernetes calls it.
package main

import (
	"archive/tar"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"tiercel.dev/scripts/ko/image"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: archive KO VERSION OUT.tar, in the project's folder")
		os.Exit(2)
	}
	digest, err := archive(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
	fmt.Println(digest)
}

func archive(ko, version, out string) (v1.Hash, error) {
	r := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer r.Close()
	repository := strings.TrimPrefix(r.URL, "http://") + "/tiercel/sensor"
	base, err := image.PushBase(repository + ":base")
	if err != nil {
		return v1.Hash{}, fmt.Errorf("base: %w", err)
	}
	cmd := exec.Command(ko, "build", "./sensor", "--bare", "--platform=linux/"+runtime.GOARCH, "--sbom=none", "--insecure-registry")
	cmd.Env = append(os.Environ(), "KO_DOCKER_REPO="+repository, "KO_DEFAULTBASEIMAGE="+base.String(), "VERSION="+version)
	cmd.Stderr = os.Stderr
	built, err := cmd.Output()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("ko build: %w", err)
	}
	ref, err := name.ParseReference(strings.TrimSpace(string(built)))
	if err != nil {
		return v1.Hash{}, err
	}
	made, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return v1.Hash{}, err
	}
	digest, err := made.Digest()
	if err != nil {
		return v1.Hash{}, err
	}
	dir, err := os.MkdirTemp("", "tiercel-archive-")
	if err != nil {
		return v1.Hash{}, err
	}
	defer os.RemoveAll(dir)
	written, err := layout.Write(dir, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := written.AppendImage(made); err != nil {
		return v1.Hash{}, err
	}
	return digest, pack(dir, out)
}

// pack writes a folder's files into a tar archive.
func pack(dir, out string) error {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}
