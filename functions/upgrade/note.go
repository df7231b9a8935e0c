package upgrade

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Note is one of GKE's notifications about a cluster.
// https://cloud.google.com/kubernetes-engine/docs/concepts/cluster-notifications
type Note struct {
	Kind      string    `json:"kind"` // SecurityBulletinEvent, UpgradeEvent, …
	Key       string    `json:"key"`  // the same for what says the same
	Published time.Time `json:"published"`
	// Payload is the message as protojson.
	Payload json.RawMessage `json:"payload"`
}

// kinds are those that are known. The service's types are v1beta1's, and have the form of v1's.
var kinds = map[string]func() proto.Message{
	"SecurityBulletinEvent": func() proto.Message { return new(pb.SecurityBulletinEvent) },
	"UpgradeEvent":          func() proto.Message { return new(pb.UpgradeEvent) },
	"UpgradeInfoEvent":      func() proto.Message { return new(pb.UpgradeInfoEvent) },
	"UpgradeAvailableEvent": func() proto.Message { return new(pb.UpgradeAvailableEvent) },
}

// typePrefix stands before the version and name of a notification's type.
const typePrefix = "type.googleapis.com/google.container."

// kindOf reads the name of a notification's type; false if it is not known.
func kindOf(typeURL string) (string, bool) {
	rest, ok := strings.CutPrefix(typeURL, typePrefix)
	version, kind, _ := strings.Cut(rest, ".")
	return kind, ok && kinds[kind] != nil && (version == "v1beta1" || version == "v1")
}

// newNote reads a payload. Errors name the field.
func newNote(kind, payload string, published time.Time) (Note, error) {
	m := kinds[kind]()
	if err := lenient.Unmarshal([]byte(payload), m); err != nil {
		return Note{}, fmt.Errorf("payload: %s%w", wrong(kind, payload), err)
	}
	if err := complete(m); err != nil {
		return Note{}, err
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		return Note{}, fmt.Errorf("payload: %w", err)
	}
	return Note{Kind: kind, Key: key(kind, m), Published: published.UTC(), Payload: text}, nil
}

// lenient passes over what a newer service says.
var lenient = protojson.UnmarshalOptions{DiscardUnknown: true}

// wrong names the field that cannot be read, which protojson does not.
func wrong(kind, payload string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(payload), &fields) != nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		one, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err == nil && lenient.Unmarshal(one, kinds[kind]()) != nil {
			return fmt.Sprintf("field %.80q: ", name)
		}
	}
	return ""
}

// complete reports what a message lacks without which it says nothing.
func complete(m proto.Message) error {
	switch m := m.(type) {
	case *pb.SecurityBulletinEvent:
		return given("bulletinId", m.GetBulletinId())
	case *pb.UpgradeEvent:
		return given("targetVersion", m.GetTargetVersion())
	case *pb.UpgradeAvailableEvent:
		return given("version", m.GetVersion())
	case *pb.UpgradeInfoEvent:
		// Some are about support alone, and some about an upgrade; what is about neither says so in words.
		if m.GetState() == 0 && m.GetEventType() == 0 && m.GetDescription() == "" {
			return given("eventType", "")
		}
	}
	return nil
}

func given(field, value string) error {
	if value == "" {
		return fmt.Errorf("payload: %s is missing", field)
	}
	return nil
}

// key is of what makes a notification the same again: GKE tells of a version once for each node pool, and delivers twice.
func key(kind string, m proto.Message) string {
	var parts []string
	switch m := m.(type) {
	case *pb.SecurityBulletinEvent:
		parts = []string{m.GetBulletinId(), m.GetResourceTypeAffected()}
	case *pb.UpgradeEvent:
		parts = []string{m.GetOperation(), m.GetResource(), m.GetTargetVersion(), m.GetOperationStartTime().AsTime().String()}
	case *pb.UpgradeAvailableEvent:
		parts = []string{m.GetVersion(), m.GetResourceType().String(), m.GetReleaseChannel().GetChannel().String()}
	case *pb.UpgradeInfoEvent:
		parts = []string{
			m.GetOperation(), m.GetResource(), m.GetState().String(), m.GetEventType().String(), m.GetTargetVersion(), m.GetDescription(),
			m.GetStartTime().AsTime().String(), m.GetDisruptionEvent().GetPdbBlockedNode(),
		}
	}
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return kind + "-" + hex.EncodeToString(h.Sum(nil)[:8])
}

// message is the payload read; nil if it cannot be, which only somebody else's writing makes.
func (n Note) message() proto.Message {
	build := kinds[n.Kind]
	if build == nil {
		return nil
	}
	m := build()
	if err := lenient.Unmarshal(n.Payload, m); err != nil {
		return nil
	}
	return m
}

// name is an enum's word for people: END_OF_SUPPORT is "end of support".
func name(e protoreflect.Enum) string {
	v := e.Descriptor().Values().ByNumber(e.Number())
	if v == nil {
		return fmt.Sprintf("%s %d", e.Descriptor().Name(), e.Number())
	}
	return strings.ToLower(strings.ReplaceAll(string(v.Name()), "_", " "))
}
