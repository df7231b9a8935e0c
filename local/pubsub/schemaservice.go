package pubsub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// deletedSchema is what a topic names once its schema is gone: then it takes no message.
const deletedSchema = "_deleted-schema_"

// find returns the place of a revision, or -1.
func find(all []*revision, id string) int {
	return slices.IndexFunc(all, func(r *revision) bool { return r.spec.RevisionId == id })
}

// CreateSchema makes a schema with a first revision.
func (s *Server) CreateSchema(_ context.Context, r *pb.CreateSchemaRequest) (*pb.Schema, error) {
	name := r.GetParent() + "/schemas/" + r.GetSchemaId()
	if !schemaName.MatchString(name) {
		return nil, status.Errorf(codes.InvalidArgument, "schema %q: not projects/PROJECT/schemas/SCHEMA", name)
	}
	return s.revise(name, r.GetSchema(), func() error {
		if s.schemas[name] != nil {
			return status.Errorf(codes.AlreadyExists, "schema %q exists", name)
		}
		return nil
	})
}

// CommitSchema adds a revision.
func (s *Server) CommitSchema(_ context.Context, r *pb.CommitSchemaRequest) (*pb.Schema, error) {
	return s.revise(r.GetName(), r.GetSchema(), func() error { return s.canRevise(r.GetName()) })
}

// RollbackSchema adds a revision that says what an older one says.
func (s *Server) RollbackSchema(_ context.Context, r *pb.RollbackSchemaRequest) (*pb.Schema, error) {
	s.mu.Lock()
	old, err := s.revision(r.GetName() + "@" + r.GetRevisionId())
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.revise(r.GetName(), old.spec, func() error { return s.canRevise(r.GetName()) })
}

func (s *Server) canRevise(name string) error {
	if _, err := s.revision(name); err != nil {
		return err
	}
	if len(s.schemas[name]) >= maxRevisions {
		return status.Errorf(codes.ResourceExhausted, "schema %q has %d revisions, the most it may", name, maxRevisions)
	}
	return nil
}

// revise adds a revision if allowed, which is called under the lock, says so.
func (s *Server) revise(name string, spec *pb.Schema, allowed func() error) (*pb.Schema, error) {
	spec = proto.CloneOf(spec)
	if spec == nil {
		spec = new(pb.Schema)
	}
	spec.Name = name
	message, err := compile(spec)
	if err != nil {
		return nil, err
	}
	var id [4]byte
	rand.Read(id[:])
	spec.RevisionId, spec.RevisionCreateTime = hex.EncodeToString(id[:]), timestamppb.New(time.Now())
	err = s.change(func() error {
		if err := allowed(); err != nil {
			return err
		}
		s.schemas[name] = append(s.schemas[name], &revision{spec, message})
		s.keepSpec(schemaBucket, name+"@"+spec.RevisionId, spec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(spec), nil
}

// revision finds NAME@REVISION, or the newest revision of NAME.
func (s *Server) revision(name string) (*revision, error) {
	name, id, exact := strings.Cut(name, "@")
	all := s.schemas[name]
	i := len(all) - 1
	if exact {
		i = find(all, id)
	}
	if i < 0 {
		return nil, status.Errorf(codes.NotFound, "schema %q, revision %q is not there", name, id)
	}
	return all[i], nil
}

// GetSchema returns a revision, or the newest.
func (s *Server) GetSchema(_ context.Context, r *pb.GetSchemaRequest) (*pb.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.revision(r.GetName())
	if err != nil {
		return nil, err
	}
	return found.view(r.GetView()), nil
}

func (r *revision) view(v pb.SchemaView) *pb.Schema {
	spec := proto.CloneOf(r.spec)
	if v == pb.SchemaView_BASIC {
		spec.Definition = ""
	}
	return spec
}

// ListSchemas returns the newest revision of each of a project's.
func (s *Server) ListSchemas(_ context.Context, r *pb.ListSchemasRequest) (*pb.ListSchemasResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next, err := page(s.schemas, r.GetParent()+"/schemas/", r)
	if err != nil {
		return nil, err
	}
	list := &pb.ListSchemasResponse{NextPageToken: next}
	for _, name := range names {
		all := s.schemas[name]
		list.Schemas = append(list.Schemas, all[len(all)-1].view(r.GetView()))
	}
	return list, nil
}

// ListSchemaRevisions returns all, the newest first: there are at most 20.
func (s *Server) ListSchemaRevisions(_ context.Context, r *pb.ListSchemaRevisionsRequest) (*pb.ListSchemaRevisionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.revision(r.GetName()); err != nil {
		return nil, err
	}
	list := new(pb.ListSchemaRevisionsResponse)
	for _, revision := range slices.Backward(s.schemas[r.GetName()]) {
		list.Schemas = append(list.Schemas, revision.view(r.GetView()))
	}
	return list, nil
}

// DeleteSchemaRevision removes a revision that is not the only one.
func (s *Server) DeleteSchemaRevision(_ context.Context, r *pb.DeleteSchemaRevisionRequest) (*pb.Schema, error) {
	name, id, _ := strings.Cut(r.GetName(), "@")
	var left *pb.Schema
	err := s.change(func() error {
		if _, err := s.revision(name + "@" + id); err != nil {
			return err
		}
		if len(s.schemas[name]) == 1 {
			return status.Errorf(codes.InvalidArgument, "schema %q: revision %q is its only one", name, id)
		}
		s.schemas[name] = slices.DeleteFunc(s.schemas[name], func(r *revision) bool { return r.spec.RevisionId == id })
		s.forgetSpec(schemaBucket, name+"@"+id)
		newest, err := s.revision(name)
		if err == nil {
			left = newest.view(pb.SchemaView_FULL)
		}
		return err
	})
	return left, err
}

// DeleteSchema removes all revisions. Topics that have the schema take no message from then on.
func (s *Server) DeleteSchema(_ context.Context, r *pb.DeleteSchemaRequest) (*emptypb.Empty, error) {
	name := r.GetName()
	return new(emptypb.Empty), s.change(func() error {
		if _, err := s.revision(name); err != nil {
			return err
		}
		for _, revision := range s.schemas[name] {
			s.forgetSpec(schemaBucket, name+"@"+revision.spec.RevisionId)
		}
		delete(s.schemas, name)
		for _, t := range s.topics {
			if t.spec.GetSchemaSettings().GetSchema() == name {
				t.spec = proto.CloneOf(t.spec)
				t.spec.SchemaSettings.Schema = deletedSchema
				s.keepSpec(topicBucket, t.spec.Name, t.spec)
			}
		}
		return nil
	})
}

// ValidateSchema tells whether a definition would be taken.
func (s *Server) ValidateSchema(_ context.Context, r *pb.ValidateSchemaRequest) (*pb.ValidateSchemaResponse, error) {
	_, err := compile(r.GetSchema())
	return new(pb.ValidateSchemaResponse), err
}

// ValidateMessage tells whether a message fits a schema, one that is kept or one that comes along.
func (s *Server) ValidateMessage(_ context.Context, r *pb.ValidateMessageRequest) (*pb.ValidateMessageResponse, error) {
	against := &revision{spec: r.GetSchema()}
	var err error
	if r.GetName() != "" {
		s.mu.Lock()
		against, err = s.revision(r.GetName())
		s.mu.Unlock()
	} else {
		against.message, err = compile(r.GetSchema())
	}
	if err != nil {
		return nil, err
	}
	if err := against.fits(r.GetMessage(), r.GetEncoding()); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "message does not fit schema %q: %v", against.spec.GetName(), err)
	}
	return new(pb.ValidateMessageResponse), nil
}
