// Package harden checks how clusters are set up. A [Worker] is given one cluster of a run by a message: it reads what the APIs say
// of it, judges, keeps the record of what it came to, and brings the cluster's findings in Security Command Center in line with
// that.
//
// The order is what makes it safe to die anywhere, or to run twice. The record is written once and decides from then on: whoever
// takes the job over reads it and does not judge again. That a finding is to be written stands in the list of open ones
// (harden/open/PROJECT/LOCATION/CLUSTER.json) before it is, so that what was opened is ended some day, whoever dies.
package harden
