package pubsub

import (
	"context"
	"fmt"
	"slices"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Limits of a schema.
// https://cloud.google.com/pubsub/quotas#resource_limits
const (
	maxDefinition = 300_000 // bytes
	maxRevisions  = 20
)

// A revision of a schema does not change.
type revision struct {
	spec    *pb.Schema
	message protoreflect.MessageDescriptor
}

// compile reads a definition as the service takes it: one message at the top, and no imports.
// https://cloud.google.com/pubsub/docs/schemas#protocol-buffer-format
func compile(spec *pb.Schema) (protoreflect.MessageDescriptor, error) {
	switch {
	case spec.GetType() == pb.Schema_AVRO:
		return nil, status.Errorf(codes.Unimplemented, "schema %q: Avro is not to be had here", spec.GetName())
	case spec.GetType() != pb.Schema_PROTOCOL_BUFFER:
		return nil, status.Errorf(codes.InvalidArgument, "schema %q: type is missing", spec.GetName())
	case len(spec.GetDefinition()) > maxDefinition:
		return nil, status.Errorf(codes.InvalidArgument, "schema %q: definition has %d bytes of at most %d", spec.GetName(), len(spec.Definition), maxDefinition)
	}
	const file = "schema.proto"
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{file: spec.GetDefinition()}),
	}}
	files, err := c.Compile(context.Background(), file)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "schema %q: %v", spec.GetName(), err)
	}
	f := files[0]
	if n, imports := f.Messages().Len(), f.Imports().Len(); n != 1 || imports != 0 {
		return nil, status.Errorf(codes.InvalidArgument, "schema %q: %d messages at the top and %d imports; one message and no import is taken", spec.GetName(), n, imports)
	}
	return f.Messages().Get(0), nil
}

// fits returns why data is not a message of the schema. A binary message may have fields that the schema does not know, as
// protocol buffers have it; JSON may not.
func (r *revision) fits(data []byte, encoding pb.Encoding) error {
	m := dynamicpb.NewMessage(r.message)
	switch encoding {
	case pb.Encoding_JSON:
		return protojson.Unmarshal(data, m)
	case pb.Encoding_BINARY:
		return proto.Unmarshal(data, m)
	}
	return fmt.Errorf("encoding is missing")
}

// checkSchemaSettings refuses a topic whose schema is not there.
func (s *Server) checkSchemaSettings(spec *pb.Topic) error {
	set := spec.GetSchemaSettings()
	if set == nil || set.Schema == "" {
		return nil
	}
	if set.Encoding != pb.Encoding_JSON && set.Encoding != pb.Encoding_BINARY {
		return status.Errorf(codes.InvalidArgument, "topic %q: schema_settings.encoding is missing", spec.Name)
	}
	if set.Schema == deletedSchema {
		return nil
	}
	revisions := s.schemas[set.Schema]
	if revisions == nil {
		return status.Errorf(codes.NotFound, "topic %q: schema %q is not there", spec.Name, set.Schema)
	}
	for _, id := range []string{set.FirstRevisionId, set.LastRevisionId} {
		if id != "" && find(revisions, id) < 0 {
			return status.Errorf(codes.NotFound, "topic %q: schema %q has no revision %q", spec.Name, set.Schema, id)
		}
	}
	return nil
}

// checkSchema refuses messages that fit no revision that the topic allows, the newest first. It returns the attributes
// that the service adds to a message which it checked.
func (s *Server) checkSchema(r *pb.PublishRequest) (stamp map[string]string, err error) {
	set, allowed, err := s.allowed(r.GetTopic())
	if err != nil || allowed == nil {
		return nil, err
	}
	fit := allowed[len(allowed)-1]
	for i, m := range r.GetMessages() {
		if fit, err = firstFit(allowed, m.GetData(), set.Encoding); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "topic %q: message %d does not fit schema %q: %v", r.Topic, i, set.Schema, err)
		}
	}
	return map[string]string{
		"googclient_schemaname": set.Schema, "googclient_schemaencoding": set.Encoding.String(), "googclient_schemarevisionid": fit.spec.RevisionId,
	}, nil
}

func firstFit(allowed []*revision, data []byte, encoding pb.Encoding) (*revision, error) {
	var newest error
	for i := len(allowed) - 1; i >= 0; i-- {
		err := allowed[i].fits(data, encoding)
		if err == nil {
			return allowed[i], nil
		}
		if newest == nil {
			newest = err
		}
	}
	return nil, newest
}

// allowed returns the revisions that a topic takes, the newest last, or none if it takes everything.
func (s *Server) allowed(topic string) (*pb.SchemaSettings, []*revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(topic)
	if err != nil {
		return nil, nil, err
	}
	set := t.spec.GetSchemaSettings()
	if set.GetSchema() == "" {
		return nil, nil, nil
	}
	all := s.schemas[set.Schema]
	first, last := 0, len(all)-1
	if set.FirstRevisionId != "" {
		first = find(all, set.FirstRevisionId)
	}
	if set.LastRevisionId != "" {
		last = find(all, set.LastRevisionId)
	}
	if first < 0 || last < first {
		return nil, nil, status.Errorf(codes.InvalidArgument, "topic %q: schema %q has no revision that the topic allows", topic, set.Schema)
	}
	return set, slices.Clone(all[first : last+1]), nil
}
