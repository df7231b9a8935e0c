package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	recommender "cloud.google.com/go/recommender/apiv1/recommenderpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/internal/posture"
)

// version is of a dump's form: one that is read with a part left out would decide otherwise.
const version = 1

// dump is a snapshot as one JSON document. Messages of APIs are in their own JSON, with the fields' names of the .proto files,
// which are those of conditions and of evidence.
type dump struct {
	Version      int                        `json:"version"`
	Time         time.Time                  `json:"time"`
	Resource     posture.Resource           `json:"resource"`
	Cluster      json.RawMessage            `json:"cluster,omitempty"`
	ServerConfig json.RawMessage            `json:"server_config,omitempty"`
	Upgrade      json.RawMessage            `json:"upgrade_info,omitempty"`
	PoolUpgrades map[string]json.RawMessage `json:"pool_upgrade_info,omitempty"`
	Operations   []json.RawMessage          `json:"operations,omitzero"`
	Insights     []json.RawMessage          `json:"insights,omitzero"`
	Kubernetes   *Kubernetes                `json:"kubernetes,omitempty"`
	IAM          *IAM                       `json:"iam,omitempty"`
	Gaps         []posture.Gap              `json:"gaps,omitempty"`
}

// Encode writes the snapshot as one line of JSON, without the secrets that a cluster's message may have. Several behind each
// other are a dump of several clusters.
func Encode(w io.Writer, s *Snapshot) error {
	d := dump{
		Version: version, Time: s.Time.UTC(), Resource: s.Resource, Kubernetes: s.Kubernetes, IAM: s.IAM, Gaps: s.Gaps,
	}
	var e encoder
	if s.Cluster != nil {
		d.Cluster = e.message(PartCluster, withoutSecrets(proto.CloneOf(s.Cluster)))
	}
	if s.ServerConfig != nil {
		d.ServerConfig = e.message(PartServerConfig, s.ServerConfig)
	}
	if s.Upgrade != nil {
		d.Upgrade = e.message(PartUpgrade, s.Upgrade)
	}
	if s.PoolUpgrades != nil {
		d.PoolUpgrades = make(map[string]json.RawMessage, len(s.PoolUpgrades))
		for pool, info := range s.PoolUpgrades {
			d.PoolUpgrades[pool] = e.message(PartPoolUpgrade+"/"+pool, info)
		}
	}
	d.Operations = encoded(&e, PartOperations, s.Operations)
	d.Insights = encoded(&e, PartInsights, s.Insights)
	line, err := json.Marshal(d)
	if err = errors.Join(e.err, err); err != nil {
		return fmt.Errorf("dump %s: %w", s.Resource, err)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// encoder keeps the first error.
type encoder struct{ err error }

func (e *encoder) message(part string, m proto.Message) json.RawMessage {
	out, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("%s: %w", part, err)
	}
	return out
}

// encoded keeps nil apart from empty: the one is not known, the other nothing.
func encoded[M proto.Message](e *encoder, part string, all []M) []json.RawMessage {
	if all == nil {
		return nil
	}
	out := make([]json.RawMessage, len(all))
	for i, m := range all {
		out[i] = e.message(part, m)
	}
	return out
}

// A Decoder reads snapshots that [Encode] wrote, one after the other.
type Decoder struct {
	documents *json.Decoder
	read      int
}

// NewDecoder reads from r, also beyond what it has decoded.
func NewDecoder(r io.Reader) *Decoder {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	return &Decoder{documents: d}
}

// ErrNoDump means that what was read is no snapshot, or of another version.
var ErrNoDump = errors.New("no dump of a cluster")

// Decode returns the next snapshot, [io.EOF] behind the last, and [ErrNoDump] with the document's number and what is wrong.
// What this program does not know of is refused, and not left out: a check could pass without it.
func (d *Decoder) Decode() (*Snapshot, error) {
	var document dump
	err := d.documents.Decode(&document)
	if err == io.EOF {
		return nil, io.EOF
	}
	d.read++
	var s *Snapshot
	if err == nil {
		s, err = document.snapshot()
	}
	if err != nil {
		return nil, fmt.Errorf("document %d: %w: %w", d.read, ErrNoDump, err)
	}
	return s, nil
}

func (d dump) snapshot() (*Snapshot, error) {
	if d.Version != version {
		return nil, fmt.Errorf("version is %d, not %d", d.Version, version)
	}
	if d.Resource.Project == "" {
		return nil, errors.New("resource.project is empty")
	}
	s := &Snapshot{Time: d.Time, Resource: d.Resource, Kubernetes: d.Kubernetes, IAM: d.IAM, Gaps: d.Gaps}
	var e decoder
	s.Cluster = decoded[pb.Cluster](&e, PartCluster, d.Cluster)
	s.ServerConfig = decoded[pb.ServerConfig](&e, PartServerConfig, d.ServerConfig)
	s.Upgrade = decoded[pb.ClusterUpgradeInfo](&e, PartUpgrade, d.Upgrade)
	if d.PoolUpgrades != nil {
		s.PoolUpgrades = make(map[string]*pb.NodePoolUpgradeInfo, len(d.PoolUpgrades))
		for pool, info := range d.PoolUpgrades {
			s.PoolUpgrades[pool] = decoded[pb.NodePoolUpgradeInfo](&e, PartPoolUpgrade+"/"+pool, info)
		}
	}
	s.Operations = decodedAll[pb.Operation](&e, PartOperations, d.Operations)
	s.Insights = decodedAll[recommender.Insight](&e, PartInsights, d.Insights)
	if e.err != nil {
		return nil, e.err
	}
	if d.Resource.Cluster != "" && s.Cluster == nil && s.Gap(PartCluster) == nil {
		return nil, errors.New("cluster is missing, and no gap says why")
	}
	if s.Cluster != nil {
		withoutSecrets(s.Cluster) // a dump that somebody else made may have them
	}
	return s, nil
}

// decoder keeps the first error.
type decoder struct{ err error }

func decoded[T any, M interface {
	*T
	proto.Message
}](d *decoder, part string, raw json.RawMessage) M {
	if raw == nil {
		return nil
	}
	m := M(new(T))
	if err := protojson.Unmarshal(raw, m); err != nil && d.err == nil {
		d.err = fmt.Errorf("%s: %w", part, err)
	}
	return m
}

func decodedAll[T any, M interface {
	*T
	proto.Message
}](d *decoder, part string, raw []json.RawMessage) []M {
	if raw == nil {
		return nil
	}
	all := make([]M, len(raw))
	for i := range raw {
		all[i] = decoded[T, M](d, part, raw[i])
	}
	return all
}
