package snapshot

// Kubernetes is what the cluster's own API says.
type Kubernetes struct{}
