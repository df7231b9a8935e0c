package checks

// An Unevaluated is what a benchmark or good practice asks for, and no check answers.
type Unevaluated struct{ ID, Title, Reason string }

// NotEvaluated lists what is not, and why: who reads a report is to know what it does not say.
func NotEvaluated() []Unevaluated {
	const onNode = "Only a program on the node sees it, and nothing of these checks runs there."
	return []Unevaluated{
		{"3.1.x", "Files of the node: owner and mode of kubelet's kubeconfig and configuration (CIS GKE 3.1.1 to 3.1.4)", onNode},
		{"5.7.2", "Linux auditd logging on nodes (CIS GKE 5.7.2)", onNode},
		{"VPC-FLOW", "Flow logs of the cluster's subnetwork (the other half of CIS GKE 5.6.1)", "The Compute Engine API alone tells it, which these functions do not call."},
		{"VPC-FW", "Firewall rules towards nodes (CIS GKE 5.6.6)", "The Compute Engine API alone tells them, which these functions do not call."},
		{"REG-SCAN", "Scanning of images in the registry (CIS GKE 5.1.1)", "The Service Usage API alone tells whether it is on."},
		{"KMS", "State and rotation period of the keys of secrets and boot disks", "The Cloud KMS API alone tells it; that a key fails, GKE reports (CL-STATUS, DATA-ETCD)."},
		{"disks of volumes", "Disks that are there encrypted with a key of your own (the other half of CIS GKE 5.9.1)", "The Compute Engine API alone tells the disks' keys; storage classes, PD-CMEK checks."},
		{"BINAUTHZ-POL", "The Binary Authorization policy lets in less than everything", "The Binary Authorization API alone tells the policy; that one is enforced, SUP-BINAUTHZ checks."},
		{"ORGPOL", "Organization policies container.managed.* are enforced", "The Organization Policy API alone tells it; the checks look at what the policies would forbid."},
		{"vulnerability scanning", "Workload vulnerability scanning mode", "Google has shut the service down: the setting means nothing."},
	}
}
