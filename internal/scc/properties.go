package scc

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"tiercel.dev/alert"
)

// A properties is a finding's source properties: what its own fields have no place for, and five that Container Threat
// Detection writes, under its names, since parsers and playbooks know them. Keys are letters, digits and underscores, as the
// API wants them. What is empty is left out.
// https://cloud.google.com/security-command-center/docs/how-to-investigate-threats#container_threat_detection
type properties map[string]*structpb.Value

func (p properties) text(key, value string) {
	if value != "" {
		p[key] = structpb.NewStringValue(shown(value, maxValue))
	}
}

func (p properties) flag(key string, value bool) {
	if value {
		p[key] = boolean(true)
	}
}

func boolean(b bool) *structpb.Value { return structpb.NewBoolValue(b) }

func propertiesOf(a *alert.Alert, n Counted) properties {
	p := make(properties)
	p.known(a)
	p.alert(a)
	p.counted(n)
	p.process(a)
	p.objects(a)
	p.enrichment(a.GetEnrichment())
	return p
}

// known are Container Threat Detection's.
func (p properties) known(a *alert.Alert) {
	p.text("Pod_Namespace", a.GetPod().GetNamespace())
	p.text("Pod_Name", a.GetPod().GetName())
	p.text("Container_Name", a.GetContainer().GetName())
	p.text("Container_Image_Uri", imageURI(a.GetContainer()))
	p.text("VM_Instance_Name", vm(a))
}

func (p properties) alert(a *alert.Alert) {
	p.text("rule", a.GetRule().GetName())
	p.text("rule_set", a.GetRule().GetSetHash())
	p.text("rule_tags", strings.Join(a.GetRule().GetTags(), ","))
	p.text("attack_ids", strings.Join(a.GetRule().GetAttack(), ","))
	p.text("output", a.GetOutput())
	p.text("identity", a.GetIdentity())
	p.text("alert_id", a.GetAlertId())
	p.text("sensor", a.GetSensorId())
	p.text("sensor_version", a.GetSensorVersion())
	p.text("node", a.GetNode().GetName())
	p.text("node_kernel", a.GetNode().GetKernel())
	p.text("node_architecture", a.GetNode().GetArchitecture())
	p.text("truncated", strings.Join(a.GetTruncated(), ","))
	if n := a.GetRedacted(); n > 0 {
		p["secrets_redacted"] = structpb.NewNumberValue(float64(n))
	}
}

func (p properties) counted(n Counted) {
	p["count"] = structpb.NewNumberValue(float64(n.Events))
	p.text("first_seen", alert.Time(n.First.UnixNano()))
	p.text("last_seen", alert.Time(n.Last.UnixNano()))
}

// process has what SCC does not ask of the process that acted.
func (p properties) process(a *alert.Alert) {
	by := a.GetProcess()
	p.text("user", by.GetUserName())
	p.text("login_user", by.GetLoginUserName())
	p.text("working_directory", by.GetCwd())
	p.flag("executable_not_in_image", by.GetExeUpperLayer())
	p.flag("executable_in_memory", by.GetExeMemfd())
	p.flag("executable_writable", by.GetExeWritable())
	p.flag("process_incomplete", by.GetPartial() || by.GetRepaired())
	p.text("container_id", a.GetContainer().GetId())
	p.flag("container_privileged", a.GetContainer().GetPrivileged())
	p.flag("container_incomplete", a.GetContainer().GetIncomplete())
}

// objects has what SCC does not ask of the event, its files and its connection.
func (p properties) objects(a *alert.Alert) {
	p.text("event_type", a.GetEvent().GetType())
	if failed(a) {
		p.flag("event_failed", true)
		p["event_result"] = structpb.NewNumberValue(float64(a.Event.Result))
	}
	var args, asked, operations []string
	for _, f := range a.GetFields() {
		if name, ok := strings.CutPrefix(f.GetName(), "evt.arg."); ok && f.Value() != nil {
			args = append(args, name+"="+f.Display())
		}
	}
	for _, f := range a.GetFiles() {
		if f.GetRealPath() != "" && f.GetPath() != f.GetRealPath() && f.GetPath() != "" {
			asked = append(asked, f.Path)
		}
		if op := f.GetOperation(); op != alert.Alert_File_OPERATION_UNSPECIFIED {
			operations = append(operations, op.String())
		}
		p.flag("file_outside_of_root", f.GetForeign())
	}
	p.text("event_args", strings.Join(args, " "))
	p.text("file_asked", strings.Join(asked, " "))
	p.text("file_operations", strings.Join(slices.Compact(operations), ","))
	c := a.GetConnection()
	if c.GetAskedIp() != "" && (c.GetAskedIp() != c.GetRemoteIp() || c.GetAskedPort() != c.GetRemotePort()) {
		p.text("connection_asked", net.JoinHostPort(c.AskedIp, strconv.FormatUint(uint64(c.AskedPort), 10)))
	}
	if c != nil && protocols[c.GetProtocol()] == 0 {
		p.text("connection_protocol", c.GetProtocol())
	}
	p.text("connection_unix_path", c.GetUnixPath())
}

// inProgress is what connect returns for a socket that does not wait: the connection is being made.
const inProgress = -115

// failed reports whether what was asked for was not done.
func failed(a *alert.Alert) bool {
	return a.GetEvent().GetFailed() && (a.Event.Type != "connect" || a.Event.Result != inProgress)
}

// vm is the node's virtual machine by its short name. A GKE node has the name of its machine.
func vm(a *alert.Alert) string {
	if name := a.GetEnrichment().GetNodeResource(); name != "" {
		return name[strings.LastIndexByte(name, '/')+1:]
	}
	return a.GetNode().GetName()
}
