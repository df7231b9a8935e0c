// Package offline has ko build the sensor's image as a deployment does, where no registry is at hand: into one of this process, on a
// base that is empty. What Google's base adds are certificates and time zones.
package offline

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// A Registry holds the base and what is built, until Close.
type Registry struct {
	server *httptest.Server
	host   string
}

// Start makes one with the base in it.
func Start() (*Registry, error) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	r := &Registry{server, strings.TrimPrefix(server.URL, "http://")}
	if err := r.pushBase(); err != nil {
		server.Close()
		return nil, fmt.Errorf("base: %w", err)
	}
	return r, nil
}

// Close forgets all images.
func (r *Registry) Close() { r.server.Close() }

func (r *Registry) pushBase() error {
	ref, err := name.ParseReference(r.host + "/base:latest")
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

// Build has the program ko build the project in the working folder, as scripts/deploy does but for what version it says it is, and
// returns the image's reference.
func (r *Registry) Build(ko, version string) (string, error) {
	cmd := exec.Command(ko, "build", "./sensor", "--bare", "--platform=linux/amd64,linux/arm64", "--sbom=spdx", "--insecure-registry")
	cmd.Env = append(os.Environ(), "KO_DOCKER_REPO="+r.host+"/tiercel/sensor", "KO_DEFAULTBASEIMAGE="+r.host+"/base:latest", "VERSION="+version)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ko build: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
