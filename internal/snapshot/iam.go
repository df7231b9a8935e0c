package snapshot

// IAM is what Cloud IAM says of the cluster's project and those above it.
type IAM struct{}
