// Package rotate takes the credentials of clusters through a rotation: the certificate authority, the keys that sign service
// accounts' tokens, and the address of the API server. It knows when one is due, names what is in its way, starts and completes
// it where people have approved each, watches those that others or GKE itself have begun, and says all the time by when what
// happens.
//
// [Next] decides, a pure function of the time, what was observed, the record and the policy. [Rotator.Tick], which a schedule
// calls, looks at the clusters and carries out what it says: the record is written before GKE is asked for anything, since no
// field of a cluster tells that a rotation runs. [Rotator.Approve] takes approvals of people, and [Rotator.Propose] alerts about
// leaked credentials. Without a policy that says otherwise nothing is ever called: people are told what to do, and how far it is.
//
// https://cloud.google.com/kubernetes-engine/docs/how-to/credential-rotation
package rotate
