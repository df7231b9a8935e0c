package checks

import (
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/check"
)

// deepest is how far below a cluster enums are set.
const deepest = 6

// A number of an enum that is newer than the module stands for anything: a check passes with it only if it passes with every
// value that there is. All enums of a cluster and of a pool that checks name are tried, in clusters of several kinds.
func TestUnknownEnumsNeverPass(t *testing.T) {
	set, err := Set()
	if err != nil {
		t.Fatal(err)
	}
	files, _, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, f := range files {
		text += string(f.Data)
	}
	tried := 0
	for name, base := range map[string]*pb.Cluster{
		"empty": {}, "Dataplane V2": {NetworkConfig: &pb.NetworkConfig{DatapathProvider: pb.DatapathProvider_ADVANCED_DATAPATH}},
		"running": {Status: pb.Cluster_RUNNING}, "Autopilot": {Autopilot: &pb.Autopilot{Enabled: true}},
	} {
		base.Name, base.Location, base.CurrentMasterVersion = "c", "europe-west1", "1.35.2-gke.1000"
		base.NodePools = []*pb.NodePool{{Name: "p", Version: "1.35.2-gke.1000", Status: pb.NodePool_RUNNING, UpgradeSettings: &pb.NodePool_UpgradeSettings{MaxSurge: 1}}}
		enums(base.ProtoReflect().Descriptor(), nil, func(path []protoreflect.FieldDescriptor) {
			if !strings.Contains(text, "."+string(path[len(path)-1].Name())) {
				return
			}
			tried++
			passes := map[string]bool{} // with every value there is
			with := func(n protoreflect.EnumNumber) map[string]posture.Verdict { return verdicts(t, set, base, path, n) }
			values := path[len(path)-1].Enum().Values()
			for i := range values.Len() {
				for id, v := range with(values.Get(i).Number()) {
					passes[id] = v == posture.Pass && (i == 0 || passes[id])
				}
			}
			for id, v := range with(9999) {
				if v == posture.Pass && !passes[id] {
					t.Errorf("%s cluster: %s passes with a number of %s that nobody knows", name, id, dotted(path))
				}
			}
		})
	}
	if tried < 100 {
		t.Errorf("%d enums tried", tried)
	}
}

// enums calls do with the path to each enum below a message; of pools to those of the first.
func enums(m protoreflect.MessageDescriptor, path []protoreflect.FieldDescriptor, do func([]protoreflect.FieldDescriptor)) {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		below := append(path[:len(path):len(path)], f)
		switch {
		case f.IsMap() || f.IsList() && f.Name() != "node_pools" || len(below) > deepest:
		case f.Enum() != nil:
			do(below)
		case f.Message() != nil:
			enums(f.Message(), below, do)
		}
	}
}

// verdicts are the checks' with one enum set.
func verdicts(t *testing.T, set *check.Set, base *pb.Cluster, path []protoreflect.FieldDescriptor, n protoreflect.EnumNumber) map[string]posture.Verdict {
	c := proto.CloneOf(base)
	m := c.ProtoReflect()
	for _, f := range path[:len(path)-1] {
		if v := m.Mutable(f); f.IsList() {
			m = v.List().Get(0).Message()
		} else {
			m = v.Message()
		}
	}
	m.Set(path[len(path)-1], protoreflect.ValueOfEnum(n))
	out := map[string]posture.Verdict{}
	r := posture.Resource{Project: "p", Location: c.Location, Cluster: c.Name}
	w := check.GKE(r, c)
	delete(w.Unknown, "credentials")
	for _, r := range check.Judge(t.Context(), w, set, nil, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)) {
		out[r.Check] = r.Verdict
	}
	return out
}

func dotted(path []protoreflect.FieldDescriptor) string {
	var names []string
	for _, f := range path {
		names = append(names, string(f.Name()))
	}
	return strings.Join(names, ".")
}
