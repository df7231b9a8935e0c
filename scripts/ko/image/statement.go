package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	buildType     = "https://tiercel.dev/sensor-image/v1" // what Parameters are

	mediaType types.MediaType = "application/vnd.in-toto+json"
)

// ErrNoProvenance is that nobody has said where an image comes from.
var ErrNoProvenance = errors.New("it has no provenance")

// A Statement says of an image how it was built: https://slsa.dev/spec/v1.0/provenance. It is not signed. What it says can be tried
// instead, since the same source and parameters make the same image.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     Predicate  `json:"predicate"`
}

// A Resource is something by its hash.
type Resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

// A Predicate is of SLSA's provenance.
type Predicate struct {
	BuildDefinition struct {
		BuildType            string     `json:"buildType"`
		ExternalParameters   Parameters `json:"externalParameters"`
		InternalParameters   Tools      `json:"internalParameters"`
		ResolvedDependencies []Resource `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Metadata struct {
			InvocationID string `json:"invocationId,omitempty"`
		} `json:"metadata"`
	} `json:"runDetails"`
}

// Parameters are what an image depends on besides its source and tools.
type Parameters struct {
	Version string `json:"version"` // that the sensor says it is
	Base    string `json:"base"`    // the reference of its base, which stands in the image
}

// Tools are what built it.
type Tools struct {
	Go string `json:"go"` // as go env GOVERSION says it
}

// Origin is what a builder knows of a build.
type Origin struct {
	Parameters
	Tools
	Source string // see [Source]
	Commit string // of git, where that is known
	Build  string // Cloud Build's id of the build; empty for a person's
}

// State says of an image where it comes from.
func State(image name.Digest, o Origin) (Statement, error) {
	s := Statement{Type: statementType, PredicateType: predicateType}
	digest, err := v1.NewHash(image.DigestStr())
	if err != nil {
		return s, err
	}
	base, err := name.NewDigest(o.Base, name.Insecure)
	if err != nil {
		return s, fmt.Errorf("base: %w", err)
	}
	baseDigest, err := v1.NewHash(base.DigestStr())
	if err != nil {
		return s, err
	}
	s.Subject = []Resource{{Name: image.Context().Name(), Digest: map[string]string{digest.Algorithm: digest.Hex}}}
	d := &s.Predicate.BuildDefinition
	d.BuildType, d.ExternalParameters, d.InternalParameters = buildType, o.Parameters, o.Tools
	d.ResolvedDependencies = []Resource{{Name: "source", Digest: map[string]string{"sha256": o.Source}}, {Name: "base", URI: o.Base, Digest: map[string]string{baseDigest.Algorithm: baseDigest.Hex}}}
	if o.Commit != "" {
		d.ResolvedDependencies = append(d.ResolvedDependencies, Resource{Name: "commit", Digest: map[string]string{"gitCommit": o.Commit}})
	}
	s.Predicate.RunDetails.Builder.ID = "https://tiercel.dev/builders/by-hand"
	if o.Build != "" {
		s.Predicate.RunDetails.Builder.ID = "https://cloudbuild.googleapis.com/GoogleHostedWorker"
		s.Predicate.RunDetails.Metadata.InvocationID = o.Build
	}
	return s, nil
}

// Source is the hash of what the image was built from, as the statement says.
func (s Statement) Source() string {
	for _, r := range s.Predicate.BuildDefinition.ResolvedDependencies {
		if r.Name == "source" {
			return r.Digest["sha256"]
		}
	}
	return ""
}

// Attach puts a statement beside its image: as an artifact that refers to it. The same one again is the same artifact.
func (s Statement) Attach(image name.Digest, options ...remote.Option) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	subject, err := remote.Head(image, options...)
	if err != nil {
		return err
	}
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mediaType)
	if artifact, err = mutate.AppendLayers(artifact, static.NewLayer(data, mediaType)); err != nil {
		return err
	}
	artifact = mutate.Subject(artifact, *subject).(v1.Image)
	digest, err := artifact.Digest()
	if err != nil {
		return err
	}
	return remote.Write(image.Context().Digest(digest.String()), artifact, options...)
}

// Find gives the statement about an image; without one, [ErrNoProvenance].
func Find(image name.Digest, options ...remote.Option) (Statement, error) {
	index, err := remote.Referrers(image, options...)
	if err != nil {
		return Statement{}, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return Statement{}, err
	}
	for _, m := range manifest.Manifests {
		s, err := read(image.Context().Digest(m.Digest.String()), options...)
		if err != nil {
			return Statement{}, err
		}
		for _, subject := range s.Subject {
			if s.PredicateType == predicateType && "sha256:"+subject.Digest["sha256"] == image.DigestStr() {
				return s, nil
			}
		}
	}
	return Statement{}, ErrNoProvenance
}

// read gives the statement in an artifact; an empty one, where the artifact holds something else.
func read(at name.Digest, options ...remote.Option) (s Statement, err error) {
	artifact, err := remote.Image(at, options...)
	if err != nil {
		return s, err
	}
	layers, err := artifact.Layers()
	if err != nil || len(layers) != 1 {
		return s, err
	}
	if t, err := layers[0].MediaType(); err != nil || t != mediaType {
		return s, err
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		return s, err
	}
	defer r.Close()
	if err := json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", at, err)
	}
	return s, nil
}
