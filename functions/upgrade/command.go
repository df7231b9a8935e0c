package upgrade

import (
	"strings"

	"tiercel.dev/internal/posture"
)

// gcloud is a whole command line about the cluster; words are quoted for a shell where they have to be.
func (d *decision) gcloud(words ...string) string {
	r := d.s.Resource
	words = append(append([]string{"gcloud", "container"}, words...), "--location", r.Location, "--project", r.Project)
	for i, w := range words {
		words[i] = posture.Quote(w)
	}
	return strings.Join(words, " ")
}

// update changes a setting of the cluster.
func (d *decision) update(flags ...string) string {
	return d.gcloud(append([]string{"clusters", "update", d.s.Resource.Cluster}, flags...)...)
}

// pool is a command about a node pool.
func (d *decision) pool(verb, pool string, flags ...string) string {
	return d.gcloud(append([]string{"node-pools", verb, pool, "--cluster", d.s.Resource.Cluster}, flags...)...)
}

// upgrade carries a step out.
func (d *decision) upgrade(s step) string {
	which := []string{"--master"}
	if s.pool != "" {
		which = []string{"--node-pool", s.pool}
	}
	return d.gcloud(append(append([]string{"clusters", "upgrade", d.s.Resource.Cluster}, which...), "--cluster-version", s.to.text)...)
}
