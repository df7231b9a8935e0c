package scc

import (
	"maps"
	"slices"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
)

// repeated are the fields that a repeat changes, beside the properties. State, mute and marks are not among them: an
// operator's word stands. Nor are those that cannot change.
var repeated = []string{
	"event_time", "severity", "description", "next_steps", "external_uri", "processes", "files", "connections", "containers",
	"kubernetes", "access", "mitre_attack",
}

// written are the properties that a finding may have: named in the mask and absent from a repeat, they go away.
var written = []string{
	"Container_Image_Uri", "Container_Name", "Pod_Name", "Pod_Namespace", "VM_Instance_Name", "alert_id", "attack_ids",
	"autopilot", "cluster_labels", "cluster_uid", "connection_asked", "connection_protocol", "connection_unix_path",
	"container_id", "container_incomplete", "container_privileged", "control_plane_version", "count", "event_args",
	"event_failed", "event_result", "event_type", "executable_in_memory", "executable_not_in_image",
	"executable_writable", "file_asked", "file_operations", "file_outside_of_root", "finding_truncated", "first_seen",
	"identity", "last_seen", "links", "login_user", "missing", "node", "node_architecture", "node_kernel",
	"node_version", "original_severity", "output", "policy", "policy_reason", "policy_until", "process_incomplete",
	"release_channel", "rule", "rule_set", "rule_tags", "secrets_redacted", "sensor", "sensor_version", "services",
	"truncated", "user", "verification_reason", "verified", "working_directory",
}

// RepeatMask names what a repeat changes. Properties are named one by one, so that those somebody else put there stay.
// https://cloud.google.com/security-command-center/docs/reference/rest/v2/organizations.sources.findings/patch
func RepeatMask(f *pb.Finding) []string {
	keys := slices.AppendSeq(slices.Clone(written), maps.Keys(f.GetSourceProperties()))
	slices.Sort(keys)
	mask := slices.Clone(repeated)
	for _, key := range slices.Compact(keys) {
		mask = append(mask, "source_properties."+key)
	}
	return mask
}
