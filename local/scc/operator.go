package scc

import (
	"context"
	"strings"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// SetFindingState is an operator's word on a finding.
func (s *Server) SetFindingState(ctx context.Context, r *pb.SetFindingStateRequest) (*pb.Finding, error) {
	if r.GetState() == pb.Finding_STATE_UNSPECIFIED {
		return nil, status.Error(codes.InvalidArgument, "state is missing")
	}
	return s.change(ctx, "securitycenter.findings.setState", r.GetName(), func(f *pb.Finding) { f.State = r.GetState() })
}

// SetMute is an operator's word on a finding.
func (s *Server) SetMute(ctx context.Context, r *pb.SetMuteRequest) (*pb.Finding, error) {
	return s.change(ctx, "securitycenter.findings.setMute", r.GetName(), func(f *pb.Finding) {
		f.Mute, f.MuteUpdateTime = r.GetMute(), timestamppb.New(s.cfg.Now())
	})
}

const (
	maxMarkKey   = 256
	maxMarkValue = 4096
)

// UpdateSecurityMarks replaces a finding's marks, or with a mask the ones it names.
func (s *Server) UpdateSecurityMarks(ctx context.Context, r *pb.UpdateSecurityMarksRequest) (*pb.SecurityMarks, error) {
	name, ok := strings.CutSuffix(r.GetSecurityMarks().GetName(), "/securityMarks")
	if !ok {
		return nil, status.Errorf(codes.InvalidArgument, "security marks %q: not FINDING/securityMarks", r.GetSecurityMarks().GetName())
	}
	for k, v := range r.SecurityMarks.Marks {
		if k == "" || len(k) > maxMarkKey || len(v) > maxMarkValue {
			return nil, status.Errorf(codes.InvalidArgument, "mark %q: a key has 1 to %d bytes, a value up to %d", k, maxMarkKey, maxMarkValue)
		}
	}
	f, err := s.change(ctx, "securitycenter.findingsecuritymarks.update", name, func(f *pb.Finding) {
		f.SecurityMarks.Marks = marks(f.SecurityMarks.Marks, r.SecurityMarks.Marks, r.GetUpdateMask().GetPaths())
	})
	return f.GetSecurityMarks(), err
}

func marks(was, now map[string]string, mask []string) map[string]string {
	out := make(map[string]string)
	for k, v := range was {
		out[k] = v
	}
	if len(mask) == 0 {
		mask = []string{"marks"}
	}
	for _, path := range mask {
		k, one := strings.CutPrefix(path, "marks.")
		if !one {
			clear(out)
			for k, v := range now {
				out[k] = v
			}
		} else if v, ok := now[k]; ok {
			out[k] = v
		} else {
			delete(out, k)
		}
	}
	return out
}

// change is a write as an operator makes it.
func (s *Server) change(ctx context.Context, permission, name string, change func(*pb.Finding)) (*pb.Finding, error) {
	if err := s.permit(ctx, permission); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.findings[key(name)]
	if f == nil {
		return nil, status.Errorf(codes.NotFound, "finding %q is not there", name)
	}
	if err := s.quota.take(s.cfg.Now(), 0); err != nil {
		return nil, err
	}
	f = proto.CloneOf(f)
	change(f)
	if err := s.store(f); err != nil {
		return nil, err
	}
	return proto.CloneOf(f), nil
}
