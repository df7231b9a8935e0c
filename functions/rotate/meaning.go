package rotate

// A Meaning says what a state is for people: what it waits for, and what they do meanwhile.
type Meaning struct {
	State               State
	Is, Waits, PeopleDo string
}

// Meanings are those of all states. The table in docs/rotation.md is made of them.
var Meanings = []Meaning{
	{Idle, "Nothing is due.", "The authority to come near its end, to be of the age that the policy names, or a verified alert that says that a credential has leaked.", "Nothing."},
	{Due, "A rotation is to be started. What is in the way is listed.", "The approval of a person, or a start by hand where the policy only advises.", "Clear what is in the way, and approve the start."},
	{Approved, "The start is approved.", "No operation to run, no day on which nothing is started, and nothing that blocks. The approval lapses at its end.", "Nothing, or acknowledge what blocks."},
	{Starting, "GKE was asked to start.", "The operation. If the answer was lost, a trace of it in the audit log for a quarter of an hour.", "Nothing."},
	{NodesRecreating, "GKE serves two addresses and two authorities, and makes the nodes anew, pool by pool, within maintenance windows.", "For each pool an operation that has done so since, or nodes that are all younger than the start.", "Nothing; or make a pool anew at once, by the command that is shown."},
	{ClientsPending, "Nodes have moved. Clients and static tokens have not.", "No static token, and each registered client to be said to have moved, or a person who answers for what has not; and one who answers for what nobody can see: certificates, and the old address.", "Fetch kubeconfigs anew, move hard-coded addresses, replace static tokens and certificates, and acknowledge."},
	{Ready, "Nothing uses the old credentials that nobody answers for.", "The second approval, and the hours that the policy leaves between the last new node and the completion.", "Approve the completion; another person, where the policy wants two."},
	{Completing, "GKE was asked to complete.", "The operation, and the new authority to be shown.", "Nothing."},
	{Verifying, "A new authority is in force, whoever completed the rotation.", "The cluster to run, its API to answer, nodes to be ready, and the authority to be good for long.", "Look after whoever was left behind."},
	{Done, "The rotation is over.", "As in IDLE.", "Nothing."},
	{Blocked, "It cannot go on, from a state that is named.", "What blocks it to be cleared, or acknowledged where somebody may answer for it.", "Read what blocks it and what is said of each."},
	{Foreign, "Somebody else, or GKE itself, started a rotation. Tiercel asks for nothing.", "A new authority, or the start to come to nothing.", "Find out who it was, move clients, and complete it by hand."},
	{Expired, "The authority's time is over.", "Another authority.", "Ask Google's support; prepare a new cluster."},
}
