package check

import (
	"encoding/json"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/internal/posture"
)

// testCluster is what cases of tests files are about, unless they say.
var testCluster = posture.Resource{Project: "p", Location: "europe-west1", Cluster: "c"}

// world is that of a case; nil if it is wrong.
func (t trial) world() *World {
	c := &pb.Cluster{Name: testCluster.Cluster, Location: testCluster.Location, CurrentMasterVersion: "1.35.2-gke.1000"}
	t.merge(t.keys["cluster"], c)
	var pools []*yaml.Node
	if k := t.keys["pools"]; k != nil && t.f.Is(k, yaml.SequenceNode, "pools") {
		pools = k.Content
	} else if k := t.keys["pool"]; k != nil {
		pools = []*yaml.Node{k}
	}
	for _, n := range pools {
		p := &pb.NodePool{Name: "pool-1", Version: c.CurrentMasterVersion}
		t.merge(n, p)
		c.NodePools = append(c.NodePools, p)
	}
	r := testCluster
	r.Location = c.Location
	w := GKE(r, c)
	delete(w.Unknown, "credentials") // unless the case says
	if k := t.keys["vars"]; k != nil && t.f.Is(k, yaml.MappingNode, "vars") {
		t.f.Pairs(k, func(key, value *yaml.Node) { t.setVar(w, key, value) })
	}
	if k := t.keys["sets"]; k != nil && t.f.Is(k, yaml.MappingNode, "sets") {
		t.f.Pairs(k, func(key, value *yaml.Node) { t.fillSet(w, key, value) })
	}
	if k := t.keys["unknown"]; k != nil && t.f.Is(k, yaml.MappingNode, "unknown") {
		t.f.Pairs(k, func(key, value *yaml.Node) {
			w.Unknown[key.Value] = &posture.Gap{Part: key.Value, Permission: value.Value, Error: "refused"}
			delete(w.Sets, key.Value)
		})
	}
	return w
}

// merge lays YAML, as the JSON of a message, over a message.
func (t trial) merge(n *yaml.Node, into proto.Message) {
	if n == nil {
		return
	}
	raw, ok := t.json(n)
	if !ok {
		return
	}
	given := into.ProtoReflect().New().Interface()
	if err := (protojson.UnmarshalOptions{AllowPartial: true}).Unmarshal(raw, given); err != nil {
		t.f.Fail(n, "%v", err)
		return
	}
	proto.Merge(into, given)
}

func (t trial) json(n *yaml.Node) ([]byte, bool) {
	var v any
	err := n.Decode(&v)
	if err == nil {
		var raw []byte
		if raw, err = json.Marshal(v); err == nil {
			return raw, true
		}
	}
	t.f.Fail(n, "%v", err)
	return nil, false
}

func (t trial) setVar(w *World, key, value *yaml.Node) {
	delete(w.Unknown, key.Value)
	var message proto.Message
	switch v, known := variablesByName[key.Value]; {
	case !known || v.set:
		t.f.Fail(key, "there is no variable %q", key.Value)
		return
	case key.Value == "server_config":
		message = &pb.ServerConfig{}
	case key.Value == "upgrade_info":
		message = &pb.ClusterUpgradeInfo{}
	}
	if message != nil {
		t.merge(value, message)
		w.Vars[key.Value] = message
		return
	}
	var v any
	if err := value.Decode(&v); err != nil {
		t.f.Fail(value, "%v", err)
	}
	w.Vars[key.Value] = v
}

func (t trial) fillSet(w *World, key, value *yaml.Node) {
	if !isSet(key.Value) {
		t.f.Fail(key, "there is no set %q", key.Value)
		return
	}
	if !t.f.Is(value, yaml.SequenceNode, "a set") {
		return
	}
	w.Sets[key.Value] = []Item{}
	for _, n := range value.Content {
		if !t.f.Is(n, yaml.MappingNode, "an item") {
			continue
		}
		keys := t.f.Keys(n, "an item", "resource", "value")
		it := Item{Resource: testCluster, Value: map[string]any{}}
		for word, into := range map[string]any{"resource": &it.Resource, "value": &it.Value} {
			if k := keys[word]; k != nil {
				if raw, ok := t.json(k); ok && word == "resource" {
					if err := json.Unmarshal(raw, into); err != nil {
						t.f.Fail(k, "%v", err)
					}
				} else if err := k.Decode(into); err != nil {
					t.f.Fail(k, "%v", err)
				}
			}
		}
		w.Sets[key.Value] = append(w.Sets[key.Value], it)
	}
}
