package pubsub

import (
	"os"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
)

const schemaA = "projects/p/schemas/aaa"

func createSchema(t *testing.T, s *Server, definition string) *pb.Schema {
	t.Helper()
	got, err := s.CreateSchema(t.Context(), &pb.CreateSchemaRequest{Parent: "projects/p", SchemaId: "aaa", Schema: &pb.Schema{
		Type: pb.Schema_PROTOCOL_BUFFER, Definition: definition,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func createTopic(t *testing.T, s *Server, name string, set *pb.SchemaSettings) {
	t.Helper()
	if _, err := s.CreateTopic(t.Context(), &pb.Topic{Name: name, SchemaSettings: set}); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, s *Server, topic, data string) error {
	_, err := s.Publish(t.Context(), &pb.PublishRequest{Topic: topic, Messages: []*pb.PubsubMessage{{Data: []byte(data)}}})
	return err
}

// The contract of the alerts' topics is a schema that the service takes.
func TestSchemaOfAlerts(t *testing.T) {
	definition, err := os.ReadFile("../../alert/alert.proto")
	if err != nil {
		t.Fatal(err)
	}
	s, c := serve(t, Config{})
	made := createSchema(t, s, string(definition))
	const binary, json = "projects/p/topics/binary", "projects/p/topics/json"
	createTopic(t, s, binary, &pb.SchemaSettings{Schema: schemaA, Encoding: pb.Encoding_BINARY})
	createTopic(t, s, json, &pb.SchemaSettings{Schema: schemaA, Encoding: pb.Encoding_JSON})
	subscribe(t, c, &pb.Subscription{Name: subS, Topic: binary})
	raw, err := proto.Marshal(&alert.Alert{AlertId: "a", Seq: 7})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, topic, data string
		want              codes.Code
	}{
		{"binary", binary, string(raw), codes.OK},
		{"a field of a later version", binary, string(raw) + "\xf8\xff\x03\x01", codes.OK},
		{"no protocol buffer", binary, "hello", codes.InvalidArgument},
		{"JSON", json, `{"alert_id":"a","seq":"7"}`, codes.OK},
		{"a field that JSON must know", json, `{"nobody":1}`, codes.InvalidArgument},
		{"another type", json, `{"seq":"x"}`, codes.InvalidArgument},
		{"binary where JSON is asked for", json, string(raw), codes.InvalidArgument},
	} {
		if err := put(t, s, tt.topic, tt.data); status.Code(err) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	got := pull(t, s, subS, 1)[0].Message.Attributes
	if got["googclient_schemaname"] != schemaA || got["googclient_schemaencoding"] != "BINARY" || got["googclient_schemarevisionid"] != made.RevisionId {
		t.Errorf("attributes %v", got)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s, _ := serve(t, Config{})
	for _, tt := range []struct {
		name, definition string
		kind             pb.Schema_Type
		want             codes.Code
		says             string
	}{
		{"two messages", `syntax = "proto3"; message A {} message B {}`, pb.Schema_PROTOCOL_BUFFER, codes.InvalidArgument, "2 messages at the top"},
		{"no message", `syntax = "proto3";`, pb.Schema_PROTOCOL_BUFFER, codes.InvalidArgument, "0 messages at the top"},
		{"an import", `syntax = "proto3"; import "other.proto"; message A {}`, pb.Schema_PROTOCOL_BUFFER, codes.InvalidArgument, "other.proto"},
		{"a mistake", `syntax = "proto3"; message A { strin a = 1; }`, pb.Schema_PROTOCOL_BUFFER, codes.InvalidArgument, "strin"},
		{"too long", `syntax = "proto3"; message A {} //` + strings.Repeat("x", maxDefinition), pb.Schema_PROTOCOL_BUFFER, codes.InvalidArgument, "bytes"},
		{"no type", `syntax = "proto3"; message A {}`, 0, codes.InvalidArgument, "type is missing"},
		{"Avro", `{}`, pb.Schema_AVRO, codes.Unimplemented, "Avro"},
		{"nested messages and enums", `syntax = "proto3"; message A { message B { enum C { X = 0; } C c = 1; } B b = 1; }`, pb.Schema_PROTOCOL_BUFFER, codes.OK, ""},
	} {
		_, err := s.ValidateSchema(t.Context(), &pb.ValidateSchemaRequest{Parent: "projects/p", Schema: &pb.Schema{Type: tt.kind, Definition: tt.definition}})
		if status.Code(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %v that says %q", tt.name, err, tt.want, tt.says)
		}
	}
}

func TestSchemaRevisions(t *testing.T) {
	s, c := serve(t, Config{})
	ctx := t.Context()
	first := createSchema(t, s, `syntax = "proto3"; message A { string a = 1; }`)
	second, err := s.CommitSchema(ctx, &pb.CommitSchemaRequest{Name: schemaA, Schema: &pb.Schema{
		Type: pb.Schema_PROTOCOL_BUFFER, Definition: `syntax = "proto3"; message A { string a = 1; string b = 2; }`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	const old, both = "projects/p/topics/old", "projects/p/topics/both"
	createTopic(t, s, old, &pb.SchemaSettings{Schema: schemaA, Encoding: pb.Encoding_JSON, LastRevisionId: first.RevisionId})
	createTopic(t, s, both, &pb.SchemaSettings{Schema: schemaA, Encoding: pb.Encoding_JSON})
	if err := put(t, s, old, `{"b":"x"}`); status.Code(err) != codes.InvalidArgument {
		t.Errorf("the first revision took a field of the second: %v", err)
	}
	if err := put(t, s, both, `{"b":"x"}`); err != nil {
		t.Error(err)
	}
	if _, err := s.DeleteSchemaRevision(ctx, &pb.DeleteSchemaRevisionRequest{Name: schemaA + "@" + second.RevisionId}); err != nil {
		t.Error(err)
	}
	if err := put(t, s, both, `{"b":"x"}`); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a revision that was deleted took a message: %v", err)
	}
	if _, err := s.DeleteSchemaRevision(ctx, &pb.DeleteSchemaRevisionRequest{Name: schemaA + "@" + first.RevisionId}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("the only revision was deleted: %v", err)
	}
	if _, err := s.DeleteSchema(ctx, &pb.DeleteSchemaRequest{Name: schemaA}); err != nil {
		t.Error(err)
	}
	if err := put(t, s, both, `{"a":"x"}`); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a topic whose schema was deleted took a message: %v", err)
	}
	got, err := c.TopicAdminClient.GetTopic(ctx, &pb.GetTopicRequest{Topic: both})
	if err != nil || got.SchemaSettings.Schema != deletedSchema {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.CreateTopic(ctx, &pb.Topic{Name: "projects/p/topics/late", SchemaSettings: &pb.SchemaSettings{Schema: schemaA, Encoding: pb.Encoding_JSON}}); status.Code(err) != codes.NotFound {
		t.Errorf("topic of a schema that is not there: %v", err)
	}
}
