// Package check is the language of hardening checks: CEL, as rules are, over the messages of GKE's API, Kubernetes objects and
// IAM policies. It reads files of checks, says what is wrong with them by file, line and column, and decides. It calls no API.
package check
