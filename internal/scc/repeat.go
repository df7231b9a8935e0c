package scc

import (
	"maps"
	"slices"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
)

// repeated are the fields that a repeat changes, beside the properties. State, mute and marks are not among them: an
// operator's word stands. Nor are those that cannot change, or are made of the rule.
var repeated = []string{
	"event_time", "severity", "description", "next_steps", "external_uri", "processes", "files", "connections", "containers",
	"kubernetes", "access",
}

// passing are properties that a repeat may not have any more: named in the mask and absent from the finding, they go away.
var passing = []string{
	"connection_asked_ip", "container_privileged", "finding_truncated", "missing", "services", "truncated", "verification_reason",
	"verified",
}

// RepeatMask names what a repeat changes. Properties are named one by one, so that those somebody else put there stay.
// https://cloud.google.com/security-command-center/docs/reference/rest/v2/organizations.sources.findings/patch
func RepeatMask(f *pb.Finding) []string {
	keys := slices.Collect(maps.Keys(f.GetSourceProperties()))
	keys = append(keys, passing...)
	slices.Sort(keys)
	mask := slices.Clone(repeated)
	for _, key := range slices.Compact(keys) {
		mask = append(mask, "source_properties."+key)
	}
	return mask
}
