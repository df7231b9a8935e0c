package upgrade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// A Grant allows acts to clusters.
type Grant struct {
	Match pattern `yaml:"match"`
	Allow []Act   `yaml:"allow"`
}

// A pattern is of clusters' names, projects/P/locations/L/clusters/C, with the wildcards of [path.Match].
type pattern string

// UnmarshalYAML refuses what is no pattern of clusters' names.
func (p *pattern) UnmarshalYAML(n *yaml.Node) error {
	*p = pattern(n.Value)
	if _, err := path.Match(n.Value, ""); err != nil {
		return fmt.Errorf("match: %q: %w", n.Value, err)
	}
	if parts := strings.Split(n.Value, "/"); len(parts) != 6 || parts[0] != "projects" || parts[2] != "locations" || parts[4] != "clusters" {
		return fmt.Errorf("match: %q is not projects/P/locations/L/clusters/C, where a * stands for any text without a /", n.Value)
	}
	return nil
}

// UnmarshalYAML refuses acts that there are not.
func (a *Act) UnmarshalYAML(n *yaml.Node) error {
	if *a = Act(n.Value); !slices.Contains(Acts, *a) {
		return fmt.Errorf("allow: %q is none of %v", n.Value, Acts)
	}
	return nil
}

// LoadGrants reads what Tiercel may do from YAML:
//
//	clusters:
//	  - match: projects/acme/locations/*/clusters/dev-*
//	    allow: [auto-upgrade, auto-repair]
//
// Errors name the file, the line and the key.
func LoadGrants(name string, data []byte) ([]Grant, error) {
	var doc struct {
		Clusters []Grant `yaml:"clusters"`
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", name, strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "construct errors: "))
	}
	for i, g := range doc.Clusters {
		if g.Match == "" {
			return nil, fmt.Errorf("%s: clusters[%d]: match is missing", name, i)
		}
	}
	return doc.Clusters, nil
}

// PolicyFor is the policy for a cluster: what all grants together allow.
func PolicyFor(grants []Grant, r posture.Resource) (p Policy) {
	for _, g := range grants {
		if ok, _ := path.Match(string(g.Match), r.ClusterName()); ok {
			p.Allow = append(p.Allow, g.Allow...)
		}
	}
	return p
}

// policy reads the policy. One that is wrong allows nothing, and is told of in the log: clusters are looked after all the same.
func (w *Worker) policy(ctx context.Context, r posture.Resource) (Policy, error) {
	if w.cfg.Policy == "" {
		return Policy{}, nil
	}
	o, err := w.cfg.Store.Get(ctx, w.cfg.Policy)
	if errors.Is(err, objects.ErrNotFound) {
		return Policy{}, nil
	}
	if err != nil {
		return Policy{}, err
	}
	grants, err := LoadGrants(w.cfg.Policy, o.Data)
	if err != nil {
		w.cfg.Log.ErrorContext(ctx, "policy of upgrades: nothing is allowed", "err", err)
		return Policy{}, nil
	}
	return PolicyFor(grants, r), nil
}
