package scc

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/alert"
)

var update = flag.Bool("update", false, "write the findings in testdata")

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

func TestFindings(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.alert.json")
	if len(paths) < 3 {
		t.Fatalf("%d samples", len(paths))
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".alert.json")
		got := Finding(sample(t, name), twoT, now)
		golden := filepath.Join("testdata", name+".finding.json")
		if *update {
			text, err := protojson.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			json.Indent(&out, text, "", "  ")
			out.WriteByte('\n')
			if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		want := new(pb.Finding)
		if err := protojson.Unmarshal(text, want); err != nil {
			t.Fatalf("%s: %v", golden, err)
		}
		if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
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
	if len(techniques) != len(pb.MitreAttack_Technique_name)-1 {
		t.Errorf("%d techniques in the table, %d in the API", len(techniques), len(pb.MitreAttack_Technique_name)-1)
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
		"its uid":      func(a *alert.Alert) { a.Enrichment = &alert.Enrichment{ClusterUid: "u"} },
	} {
		b := proto.CloneOf(a)
		if change(b); ID(b) == id {
			t.Errorf("%s does not change the id", name)
		}
	}
	b := proto.CloneOf(a)
	b.Seq, b.AlertId, b.Time = 99, "x", "y"
	if ID(b) != id {
		t.Error("a repeat has another id")
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
	for k := range f.SourceProperties {
		if !key.MatchString(k) {
			t.Errorf("key %q", k)
		}
	}
	if !f.SourceProperties["finding_truncated"].GetBoolValue() || !f.Processes[0].ArgumentsTruncated {
		t.Error("what was cut is not told")
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
	for _, want := range []string{"event_time", "source_properties.count", "source_properties.missing"} {
		if !slices.Contains(mask, want) {
			t.Errorf("%s is not in %v", want, mask)
		}
	}
}
