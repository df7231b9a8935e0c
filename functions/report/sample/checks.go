package sample

import "tiercel.dev/internal/posture"

// A subject is a check of the sample with what its failures look like.
type subject struct {
	posture.Check
	evidence []posture.Evidence
	command  string // %s is the cluster's name, flags behind it come from the sample
	text     string
	disrupts string
}

func one(id, cis, title, why string, severity posture.Severity, path, value, command, disrupts string) subject {
	s := subject{
		Check: posture.Check{
			ID: id, Title: title, Why: why, Severity: severity, Category: id,
			Link: "https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster",
		},
		command: command, disrupts: disrupts, evidence: []posture.Evidence{{Path: path, Value: value}},
	}
	if cis != "" {
		s.Benchmarks = []posture.Benchmark{{Standard: "CIS GKE", Version: "1.9.0", IDs: []string{cis}}}
	}
	return s
}

const update = "gcloud container clusters update %s --location=europe-west1 --project=acme-shop "

var subjects = []subject{
	one("NET-CPEXP", "5.6.3", "Control plane reachable from any address", "Whoever finds a way around authentication needs no foothold first: the API answers the whole internet.",
		posture.Critical, "cluster.control_plane_endpoints_config.ip_endpoints_config.authorized_networks_config.enabled", "false",
		update+"--enable-master-authorized-networks --master-authorized-networks=CIDR", "none"),
	one("RBAC-ANON", "4.1.8", "Anonymous callers have rights", "system:anonymous and system:unauthenticated are everybody. A role for them is a role for the internet.",
		posture.Critical, "ClusterRoleBinding/open-metrics.subjects[0].name", "system:anonymous", "kubectl delete clusterrolebinding open-metrics", "may lock out"),
	one("ROT-STATICTOKEN", "", "Static tokens in secrets", "A token in a secret does not expire, and outlives whoever read it. Rotation of the cluster's credentials invalidates it without warning.",
		posture.High, "Secret/ci/deployer-token.type", "kubernetes.io/service-account-token", "kubectl -n ci delete secret deployer-token", "moves workloads"),
	one("NODE-DEFSA", "5.2.1", "Nodes run as the Compute Engine default account", "The default account is an editor of the project in many organizations: a pod that reaches the metadata server is one too.",
		posture.High, "node_pool.config.service_account", "default", "gcloud container node-pools create hardened --cluster=%s --service-account=SA", "new pool"),
	one("AUTH-WI", "5.2.2", "Workload Identity is off", "Pods take the node's identity, and with it all that the node may do.",
		posture.High, "cluster.workload_identity_config.workload_pool", "", update+"--workload-pool=acme-shop.svc.id.goog", "recreates nodes"),
	one("NET-POLICY", "5.6.7", "Network policies are not enforced", "Every pod reaches every other. One that is taken over is a step to all.",
		posture.High, "cluster.network_config.datapath_provider", "LEGACY_DATAPATH", update+"--enable-network-policy", "recreates nodes"),
	one("RBAC-ADMIN", "4.1.1", "cluster-admin bound widely", "Who may do everything may also read every secret and end every audit.",
		posture.High, "ClusterRoleBinding/devs.roleRef.name", "cluster-admin", "kubectl get clusterrolebinding devs -o yaml", "may lock out"),
	one("UPG-CHANNEL", "5.5.4", "No release channel", "Versions out of a channel are upgraded late, and at times that nobody chose.",
		posture.Medium, "cluster.release_channel.channel", "UNSPECIFIED", update+"--release-channel=regular", "none"),
	one("NODE-SHIELDED", "5.5.5", "Shielded nodes are off", "A node's identity can be taken with the node's bootstrap credentials.",
		posture.Medium, "cluster.shielded_nodes.enabled", "false", update+"--enable-shielded-nodes", "recreates nodes"),
	one("NODE-SECBOOT", "5.5.7", "Secure boot is off", "A changed kernel or boot loader starts unnoticed.",
		posture.Low, "node_pool.config.shielded_instance_config.enable_secure_boot", "false", "gcloud container node-pools create secure --cluster=%s --shielded-secure-boot", "new pool"),
	one("DATA-CMEK", "5.3.1", "Secrets are not encrypted with a key of yours", "Whoever reads etcd's disk, or a backup of it, reads the secrets.",
		posture.Medium, "cluster.database_encryption.state", "DECRYPTED", update+"--database-encryption-key=KEY", "none"),
	one("NET-FLOW", "5.6.1", "Flow logs are off", "After an incident nobody can say who talked to whom.",
		posture.Low, "subnetwork.enable_flow_logs", "false", "", "none"),
	one("LOG-COMP", "5.7.1", "Logging lacks components", "What the API server and the scheduler did is not kept.",
		posture.Medium, "cluster.logging_config.component_config.enable_components", "SYSTEM_COMPONENTS", update+"--logging=SYSTEM,WORKLOAD,API_SERVER", "none"),
	one("SUP-BINAUTH", "5.10.4", "Binary Authorization is off", "Any image runs, from anywhere.",
		posture.Medium, "cluster.binary_authorization.evaluation_mode", "DISABLED", update+"--binauthz-evaluation-mode=PROJECT_SINGLETON_POLICY_ENFORCE", "none"),
	one("NODE-COS", "5.5.1", "Node image is not Container-Optimized OS", "Larger images have more that can be attacked.",
		posture.Low, "node_pool.config.image_type", "UBUNTU_CONTAINERD", "gcloud container clusters upgrade %s --image-type=cos_containerd --node-pool=POOL", "recreates nodes"),
	one("AUTH-LEGACY", "5.8.4", "Legacy authorization is on", "Static rules grant rights beside RBAC.", posture.High, "cluster.legacy_abac.enabled", "true", update+"--no-enable-legacy-authorization", "may lock out"),
	one("AUTH-CERT", "5.8.1", "A client certificate was issued", "It cannot be revoked short of rotating the authority.", posture.Medium, "cluster.master_auth.client_certificate_config.issue_client_certificate", "true", "", "none"),
	one("POD-PRIV", "4.2.1", "Privileged pods are admitted", "A privileged pod is root on its node.", posture.High, "Namespace/builds.labels[pod-security.kubernetes.io/enforce]", "", "kubectl label namespace builds pod-security.kubernetes.io/enforce=baseline", "moves workloads"),
	one("NODE-INTEG", "5.5.6", "Integrity monitoring is off", "A node that boots something else does not say so.", posture.Low, "node_pool.config.shielded_instance_config.enable_integrity_monitoring", "false", "", "new pool"),
	one("UPG-REPAIR", "5.5.2", "Auto-repair is off", "A broken node stays until somebody looks.", posture.Low, "node_pool.management.auto_repair", "false", "", "none"),
}
