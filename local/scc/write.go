package scc

import (
	"context"
	"slices"
	"strings"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CreateFinding writes a finding that must not be there.
func (s *Server) CreateFinding(ctx context.Context, r *pb.CreateFindingRequest) (*pb.Finding, error) {
	f := proto.CloneOf(r.GetFinding())
	if f == nil {
		f = new(pb.Finding)
	}
	f.Name = r.GetParent() + "/findings/" + r.GetFindingId()
	return s.write(ctx, f, nil, true)
}

// UpdateFinding creates a finding that is not there, if there is no mask, or changes what the mask names.
func (s *Server) UpdateFinding(ctx context.Context, r *pb.UpdateFindingRequest) (*pb.Finding, error) {
	return s.write(ctx, r.GetFinding(), r.GetUpdateMask().GetPaths(), false)
}

func (s *Server) write(ctx context.Context, f *pb.Finding, mask []string, create bool) (*pb.Finding, error) {
	if err := s.permit(ctx, "securitycenter.findings.update"); err != nil {
		return nil, err
	}
	if s.cfg.Fail != nil {
		if err, carriedOut := s.cfg.Fail(proto.CloneOf(f)); err != nil {
			if carriedOut {
				s.put(f, mask, create)
			}
			return nil, err
		}
	}
	return s.put(f, mask, create)
}

func (s *Server) put(f *pb.Finding, mask []string, create bool) (*pb.Finding, error) {
	parts := findingName.FindStringSubmatch(f.GetName())
	if parts == nil {
		return nil, status.Errorf(codes.InvalidArgument,
			"finding %q: not organizations/O/sources/S[/locations/L]/findings/ID with an id of 1 to 32 letters and digits", f.GetName())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	source := s.sources[parts[1]]
	if source == nil {
		return nil, status.Errorf(codes.NotFound, "source %q is not there", parts[1])
	}
	now := s.cfg.Now()
	if err := s.quota.take(now, int64(proto.Size(f))); err != nil {
		return nil, err
	}
	was := s.findings[key(f.Name)]
	switch {
	case was == nil && len(mask) > 0:
		return nil, status.Errorf(codes.NotFound, "finding %q is not there", f.Name)
	case was != nil && create:
		return nil, status.Errorf(codes.AlreadyExists, "finding %q is there", f.Name)
	}
	written, err := merged(was, f, mask)
	if err != nil {
		return nil, err
	}
	if err := check(written, was, now); err != nil {
		return nil, err
	}
	keepOutput(written, was, source)
	if was == nil {
		written.CreateTime = timestamppb.New(now)
	}
	if err := s.store(written); err != nil {
		return nil, err
	}
	return proto.CloneOf(written), nil
}

// keepOutput puts what the service alone sets where it belongs, whatever the caller wrote there.
func keepOutput(f, was *pb.Finding, source *pb.Source) {
	f.CanonicalName, f.ParentDisplayName, f.Parent = f.Name, source.DisplayName, source.Name
	f.CreateTime, f.Mute, f.MuteUpdateTime, f.MuteInfo = was.GetCreateTime(), was.GetMute(), was.GetMuteUpdateTime(), was.GetMuteInfo()
	f.SecurityMarks, f.ExternalSystems, f.AttackExposure, f.Contacts = was.GetSecurityMarks(), was.GetExternalSystems(), nil, nil
	if f.SecurityMarks == nil {
		f.SecurityMarks = &pb.SecurityMarks{Name: f.Name + "/securityMarks", CanonicalName: f.Name + "/securityMarks"}
	}
	if f.State == pb.Finding_STATE_UNSPECIFIED {
		f.State = pb.Finding_ACTIVE
	}
}

// outputOnly are fields that no mask may name.
var outputOnly = []string{
	"attack_exposure", "canonical_name", "contacts", "create_time", "external_systems", "mute", "mute_info", "mute_update_time",
	"parent_display_name", "security_marks",
}

// merged is was with the masked fields of f, or all of f without a mask. source_properties.KEY names one property.
func merged(was, f *pb.Finding, mask []string) (*pb.Finding, error) {
	if len(mask) == 0 {
		return proto.CloneOf(f), nil
	}
	out, f := proto.CloneOf(was), proto.CloneOf(f)
	for i, path := range mask {
		if slices.Contains(mask[:i], path) {
			return nil, status.Errorf(codes.InvalidArgument, "update_mask: %q is in it twice", path)
		}
		if key, ok := strings.CutPrefix(path, "source_properties."); ok {
			if v := f.SourceProperties[key]; v == nil {
				delete(out.SourceProperties, key)
			} else if out.SourceProperties == nil {
				out.SourceProperties = map[string]*structpb.Value{key: v}
			} else {
				out.SourceProperties[key] = v
			}
			continue
		}
		field := out.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(path))
		if field == nil || slices.Contains(outputOnly, path) {
			return nil, status.Errorf(codes.InvalidArgument, "update_mask: %q is no field of a finding that can be written", path)
		}
		if f.ProtoReflect().Has(field) {
			out.ProtoReflect().Set(field, f.ProtoReflect().Get(field))
		} else {
			out.ProtoReflect().Clear(field)
		}
	}
	return out, nil
}
