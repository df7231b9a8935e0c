package alert

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shell is an alert of a container in a pod, as a sensor sends it.
func shell() *Alert {
	a := &Alert{
		Schema: Schema, Kind: KindAlert, SensorId: "gke-prod-pool-1-abcd", BootId: "6f0c3c1e-6b0b-4f5b-9c3e-0d9ad1a0a001", Seq: 17,
		Time: Time(1767323045000000006), ObservedTime: Time(1767323045001000000),
		Severity: High, SensorVersion: "v1.2.3",
		Rule: &Rule{Name: "terminal_shell_in_container", Title: "Terminal shell in container",
			Description: "An interactive shell was started inside a container.", Tags: []string{"container", "shell"},
			Attack: []string{"T1059.004"}, SetHash: "5f2d"},
		Suppressed: &Suppressed{Count: 2, FirstTime: Time(1767323045500000000), LastTime: Time(1767323046000000000)},
		Output:     "shell bash -i started by runc in app (web/app-1)",
		Fields:     []*Field{NewField("proc.cmdline", "bash -i"), NewField("proc.tty", int64(34816)), NewField("k8s.pod.name", "app-1")},
		Event:      &Event{Type: "execve", Num: 12345},
		Process: &Process{Pid: 4242, ParentPid: 4200, StartTime: Time(1767323045000000000), Name: "bash", Exe: "bash",
			ExePath: "/usr/bin/bash", Args: []string{"-i"}, CommandLine: "bash -i", Cwd: "/", Tty: 34816, UserName: "root",
			LoginUserId: -1, NamespacePid: 7, CapabilitiesEffective: "00000000a80425fb"},
		Ancestors: []*Process{{Pid: 4200, Name: "runc", ExePath: "/usr/bin/runc"}},
		Container: &Container{Id: strings.Repeat("0123456789abcdef", 4), Name: "app", Runtime: "containerd",
			ImageRepository: "gcr.io/acme/app", ImageTag: "v7", ImageDigest: "sha256:" + strings.Repeat("ab", 32)},
		Pod: &Pod{Namespace: "web", Name: "app-1", Uid: "u-1", Ip: "10.1.2.3", WorkloadKind: "Deployment", WorkloadName: "app",
			Labels: []*Label{{Key: "app", Value: "app"}}},
		Node:    &Node{Name: "n1", Kernel: "6.12.40", Architecture: "amd64"},
		Cluster: &Cluster{Project: "acme", Location: "europe-west1", Name: "prod"},
	}
	a.AlertId = ID(a.SensorId, a.BootId, a.Seq)
	a.Identity = Identity(a)
	return a
}

func heartbeat() *Alert {
	return &Alert{
		Schema: Schema, Kind: KindHeartbeat, AlertId: HeartbeatID("n1", "b1", Time(1767323045000000006)), SensorId: "n1", BootId: "b1",
		Time: Time(1767323045000000006), SensorVersion: "v1.2.3", Node: &Node{Name: "n1", Kernel: "6.12.40"},
		Heartbeat: &Heartbeat{StartTime: Time(1767320000000000000), IntervalSeconds: 60, RuleSetHash: "5f2d", Rules: 15,
			LastSeq: 17, Alerts: 17, Suppressed: 40,
			Events:  []*Count{{Kind: "exec", Count: 100}, {Kind: "openat", Count: 20}},
			Drops:   []*Drop{{Reason: "ring_full", Kind: "openat", Count: 3}},
			Outputs: []*Output{{Name: "pubsub", State: "ok", Sent: 15, Waiting: 2}}},
	}
}

// repaired is an alert of a process that was partly read from /proc and of a file behind a bind mount.
func repaired() *Alert {
	a := shell()
	a.Rule.Attack = []string{"TA0002", "T1059.004"}
	a.Process.Repaired, a.Ancestors[0].Repaired = true, true
	a.Files = []*File{{Path: "/data/x", RawPath: "x", RealPath: "/data/x", Operation: Alert_File_WRITE, Inode: 77, Device: "8:1",
		FsPath: "/var/lib/volumes/v1/x", Foreign: true}}
	return a
}

// losses is a heartbeat of a sensor whose disk was slow and then full.
func losses() *Alert {
	a := heartbeat()
	a.Heartbeat.Outputs[0].Dropped, a.Heartbeat.Outputs[0].Late = 5, 3
	a.Heartbeat.Outputs[0].Losses = []*Loss{{Reason: "full", Severity: Low, Count: 4}, {Reason: "rejected", Count: 1}}
	return a
}

// falco is an alert of a rule that came from a file of Falco's, with a field that the event had no value for.
func falco() *Alert {
	a := shell()
	a.Rule.Name, a.Rule.Title, a.Rule.Priority, a.Rule.Source = "Terminal shell in container", "", "Notice", "syscall"
	a.Fields = append(a.Fields, NewField("proc.tty", int64(34816)), NewField("fd.name", nil))
	return a
}

// fill sets every field of m, lists to two items, so that a field added later is part of the tests.
func fill(m protoreflect.Message, text string) {
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if !fd.IsList() {
			m.Set(fd, filled(fd, m.NewField(fd), text))
			continue
		}
		l := m.Mutable(fd).List()
		for range 2 {
			l.Append(filled(fd, l.NewElement(), text))
		}
	}
}

func filled(fd protoreflect.FieldDescriptor, zero protoreflect.Value, text string) protoreflect.Value {
	n := int32(fd.Number())
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text + string(fd.Name()))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(-n)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(-1 << 53)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(1<<63 + uint64(n))
	case protoreflect.MessageKind:
		fill(zero.Message(), text)
		return zero
	default:
		panic("the contract has a kind that tests do not fill: " + fd.Kind().String())
	}
}

func full() *Alert {
	a := new(Alert)
	fill(a.ProtoReflect(), "é ")
	return a
}

func clone(a *Alert) *Alert { return proto.CloneOf(a) }
