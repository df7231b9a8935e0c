package scc

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// UpdateFinding creates a finding that is not there, if there is no mask, or changes what the mask names.
func (s *Server) UpdateFinding(_ context.Context, r *pb.UpdateFindingRequest) (*pb.Finding, error) {
	f := r.GetFinding()
	source, err := s.check(f)
	if err != nil {
		return nil, err
	}
	if s.cfg.Fail != nil {
		if err, carriedOut := s.cfg.Fail(proto.CloneOf(f)); err != nil {
			if carriedOut {
				s.write(source, f, r.GetUpdateMask().GetPaths())
			}
			return nil, err
		}
	}
	return s.write(source, f, r.GetUpdateMask().GetPaths())
}

func (s *Server) write(source *pb.Source, f *pb.Finding, mask []string) (*pb.Finding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	if err := s.quota.take(now, int64(proto.Size(f))); err != nil {
		return nil, err
	}
	was := s.findings[f.Name]
	var written *pb.Finding
	switch {
	case was == nil && len(mask) > 0:
		return nil, status.Errorf(codes.NotFound, "finding %q is not there", f.Name)
	case was == nil:
		written = proto.CloneOf(f)
		written.CreateTime = timestamppb.New(now)
	case len(mask) > 0:
		var err error
		if written, err = masked(was, f, mask); err != nil {
			return nil, err
		}
	default:
		written = proto.CloneOf(f)
		written.CreateTime = was.CreateTime
	}
	if was != nil && (written.Category != was.Category || written.ResourceName != was.ResourceName) {
		return nil, status.Errorf(codes.InvalidArgument, "finding %q: category and resource_name cannot change", f.Name)
	}
	keepOutput(written, was, source)
	s.store(written)
	return proto.CloneOf(written), nil
}

// keepOutput puts what the service alone sets where it belongs, whatever the caller wrote there.
func keepOutput(f, was *pb.Finding, source *pb.Source) {
	f.CanonicalName, f.ParentDisplayName, f.Parent = f.Name, source.DisplayName, source.Name
	f.Mute, f.SecurityMarks, f.ExternalSystems = was.GetMute(), was.GetSecurityMarks(), was.GetExternalSystems()
	if f.SecurityMarks == nil {
		f.SecurityMarks = &pb.SecurityMarks{Name: f.Name + "/securityMarks"}
	}
}

// masked is was with the masked fields of f. source_properties.KEY names one property.
func masked(was, f *pb.Finding, mask []string) (*pb.Finding, error) {
	out := proto.CloneOf(was)
	for _, path := range mask {
		if key, ok := strings.CutPrefix(path, "source_properties."); ok {
			if out.SourceProperties == nil {
				out.SourceProperties = f.SourceProperties
			} else if v := f.SourceProperties[key]; v != nil {
				out.SourceProperties[key] = v
			} else {
				delete(out.SourceProperties, key)
			}
			continue
		}
		fd := out.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(path))
		if fd == nil {
			return nil, status.Errorf(codes.InvalidArgument, "update_mask: %q is no field of a finding", path)
		}
		if f.ProtoReflect().Has(fd) {
			out.ProtoReflect().Set(fd, f.ProtoReflect().Get(fd))
		} else {
			out.ProtoReflect().Clear(fd)
		}
	}
	return out, nil
}

var (
	findingName = regexp.MustCompile(`^(organizations/[0-9]+/sources/[0-9]+)(/locations/[a-z0-9-]+)?/findings/([0-9A-Za-z]{1,32})$`)
	propertyKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,254}$`)
)

// check refuses what no write may say, and returns the finding's source.
func (s *Server) check(f *pb.Finding) (*pb.Source, error) {
	refuse := func(format string, args ...any) (*pb.Source, error) {
		return nil, status.Errorf(codes.InvalidArgument, "finding %q: %s", f.GetName(), fmt.Sprintf(format, args...))
	}
	name := findingName.FindStringSubmatch(f.GetName())
	if name == nil {
		return refuse("not organizations/O/sources/S[/locations/L]/findings/ID with an id of 1 to 32 letters and digits")
	}
	s.mu.Lock()
	source := s.sources[name[1]]
	s.mu.Unlock()
	if source == nil {
		return nil, status.Errorf(codes.NotFound, "source %q is not there", name[1])
	}
	switch {
	case f.GetCategory() == "":
		return refuse("category is missing")
	case f.GetResourceName() == "":
		return refuse("resource_name is missing")
	case f.GetEventTime() == nil:
		return refuse("event_time is missing")
	case f.EventTime.AsTime().After(s.cfg.Now()):
		return refuse("event_time %v is in the future", f.EventTime.AsTime())
	}
	if uri := f.GetExternalUri(); uri != "" {
		if u, err := url.Parse(uri); err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" {
			return refuse("external_uri %q is no address", uri)
		}
	}
	for key := range f.GetSourceProperties() {
		if !propertyKey.MatchString(key) {
			return refuse("source_properties: %q does not begin with a letter, or holds more than letters, digits and underscores", key)
		}
	}
	return source, nil
}
