// Package upgrade says of each cluster which versions it should have, in which order to get there, by when and why, and does as much
// of it as it was allowed to.
//
// [Decide] is a pure function of what GKE's API says, of what GKE has notified of, and of a policy. What could not be read is named
// among the gaps: it is never taken for nothing to be done.
package upgrade
