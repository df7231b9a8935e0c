package scc

import (
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"tiercel.dev/alert"
)

// properties are what the finding's own fields have no place for, and five that Container Threat Detection writes, under
// its names: parsers and playbooks know them. Keys are letters, digits and underscores, as the API wants them. What is
// empty is left out.
// https://cloud.google.com/security-command-center/docs/how-to-investigate-threats#container_threat_detection
func properties(a *alert.Alert, n Counted) map[string]*structpb.Value {
	p := make(map[string]*structpb.Value)
	text := func(key, value string) {
		if value != "" {
			p[key] = structpb.NewStringValue(clip(strings.ToValidUTF8(value, "\ufffd"), maxValue))
		}
	}
	c, pod, e := a.GetContainer(), a.GetPod(), a.GetEnrichment()
	text("Pod_Namespace", pod.GetNamespace())
	text("Pod_Name", pod.GetName())
	text("Container_Name", c.GetName())
	text("Container_Image_Uri", imageURI(c))
	text("VM_Instance_Name", vm(a))

	text("rule", a.GetRule().GetName())
	text("rule_set", a.GetRule().GetSetHash())
	text("rule_tags", strings.Join(a.GetRule().GetTags(), ","))
	text("attack_ids", strings.Join(a.GetRule().GetAttack(), ","))
	text("output", a.GetOutput())
	text("identity", a.GetIdentity())
	text("alert_id", a.GetAlertId())
	text("event_type", a.GetEvent().GetType())
	text("sensor", a.GetSensorId())
	text("sensor_version", a.GetSensorVersion())
	text("node", a.GetNode().GetName())
	text("node_kernel", a.GetNode().GetKernel())
	text("container_id", c.GetId())
	text("user", a.GetProcess().GetUserName())
	text("login_user", a.GetProcess().GetLoginUserName())
	text("release_channel", e.GetReleaseChannel())
	text("control_plane_version", e.GetControlPlaneVersion())
	text("verification_reason", e.GetVerificationReason())
	text("missing", strings.Join(e.GetMissing(), "; "))
	text("truncated", strings.Join(a.GetTruncated(), ","))
	text("first_seen", alert.Time(n.First.UnixNano()))
	text("last_seen", alert.Time(n.Last.UnixNano()))
	p["count"] = structpb.NewNumberValue(float64(n.Events))
	if v := e.GetVerification(); v != alert.Alert_Enrichment_VERIFICATION_UNSPECIFIED {
		p["verified"] = boolean(v == alert.Verified)
	}
	if c.GetPrivileged() {
		p["container_privileged"] = boolean(true)
	}
	if conn := a.GetConnection(); conn.GetAskedIp() != "" && conn.GetAskedIp() != conn.GetRemoteIp() {
		text("connection_asked_ip", conn.AskedIp)
	}
	text("connection_unix_path", a.GetConnection().GetUnixPath())
	if services := serviceNames(e.GetServices()); services != "" {
		text("services", services)
	}
	return p
}

func boolean(b bool) *structpb.Value { return structpb.NewBoolValue(b) }

// vm is the node's virtual machine by its short name. A GKE node has the name of its machine.
func vm(a *alert.Alert) string {
	if name := a.GetEnrichment().GetNodeResource(); name != "" {
		return name[strings.LastIndexByte(name, '/')+1:]
	}
	return a.GetNode().GetName()
}

func serviceNames(all []*alert.Service) string {
	var names []string
	for _, s := range all {
		name := s.GetName() + " (" + s.GetType()
		if s.GetExternal() {
			name += ", external"
		}
		names = append(names, name+")")
	}
	return strings.Join(names, ", ")
}
