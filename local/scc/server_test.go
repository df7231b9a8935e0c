package scc

import (
	"errors"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const source = "organizations/1/sources/2"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func server(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return noon }
	}
	s := New(cfg)
	if err := s.AddSource(source, "Tiercel"); err != nil {
		t.Fatal(err)
	}
	return s
}

func finding(change func(*pb.Finding)) *pb.Finding {
	f := &pb.Finding{Name: source + "/findings/0123456789abcdef0123456789abcdef", Category: "c", ResourceName: "//r", EventTime: timestamppb.New(noon),
		State: pb.Finding_ACTIVE, SourceProperties: map[string]*structpb.Value{"count": structpb.NewNumberValue(1), "node": structpb.NewStringValue("n")}}
	if change != nil {
		change(f)
	}
	return f
}

func TestRefuses(t *testing.T) {
	s := server(t, Config{})
	if _, err := s.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(nil)}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*pb.Finding)
		mask   []string
		want   codes.Code
	}{
		{"an id with a dash", func(f *pb.Finding) { f.Name = source + "/findings/a-b" }, nil, codes.InvalidArgument},
		{"an id of 33", func(f *pb.Finding) { f.Name += "0" }, nil, codes.InvalidArgument},
		{"another source", func(f *pb.Finding) { f.Name = strings.Replace(f.Name, "sources/2", "sources/3", 1) }, nil, codes.NotFound},
		{"no category", func(f *pb.Finding) { f.Category = "" }, nil, codes.InvalidArgument},
		{"another category", func(f *pb.Finding) { f.Category = "d" }, nil, codes.InvalidArgument},
		{"another resource", func(f *pb.Finding) { f.ResourceName = "//s" }, nil, codes.InvalidArgument},
		{"no time", func(f *pb.Finding) { f.EventTime = nil }, nil, codes.InvalidArgument},
		{"a time to come", func(f *pb.Finding) { f.EventTime = timestamppb.New(noon.Add(time.Second)) }, nil, codes.InvalidArgument},
		{"an address that is none", func(f *pb.Finding) { f.ExternalUri = "javascript:alert(1)" }, nil, codes.InvalidArgument},
		{"a key with dots", func(f *pb.Finding) { f.SourceProperties["k8s.pod"] = structpb.NewNullValue() }, nil, codes.InvalidArgument},
		{"a mask of nothing", nil, []string{"no_such_field"}, codes.InvalidArgument},
		{"a mask of what is the service's", nil, []string{"mute"}, codes.InvalidArgument},
		{"a mask with one field twice", nil, []string{"severity", "severity"}, codes.InvalidArgument},
		{"a masked time to come", func(f *pb.Finding) { f.EventTime = timestamppb.New(noon.Add(time.Second)) }, []string{"event_time"}, codes.InvalidArgument},
		{"a masked category", func(f *pb.Finding) { f.Category = "d" }, []string{"category"}, codes.InvalidArgument},
		{"a time that was left out of the mask", func(f *pb.Finding) { f.EventTime = nil }, []string{"severity"}, codes.OK},
		{"a mask on what is not there", func(f *pb.Finding) { f.Name = source + "/findings/1" }, []string{"severity"}, codes.NotFound},
	} {
		_, err := s.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(tt.change), UpdateMask: &fieldmaskpb.FieldMask{Paths: tt.mask}})
		if status.Code(err) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestMaskLeavesTheRest(t *testing.T) {
	s := server(t, Config{})
	s.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(nil)})
	s.SetFindingState(t.Context(), &pb.SetFindingStateRequest{Name: finding(nil).Name, State: pb.Finding_INACTIVE})
	_, err := s.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(func(f *pb.Finding) {
		f.Severity = pb.Finding_HIGH
		f.SourceProperties["count"] = structpb.NewNumberValue(7)
		delete(f.SourceProperties, "node")
	}), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"severity", "source_properties.count"}}})
	if err != nil {
		t.Fatal(err)
	}
	f := s.Findings()[0]
	if f.Severity != pb.Finding_HIGH || f.State != pb.Finding_INACTIVE || f.SourceProperties["count"].GetNumberValue() != 7 || f.SourceProperties["node"] == nil {
		t.Errorf("%v", f)
	}
	if f.ParentDisplayName != "Tiercel" || f.CreateTime == nil || f.SecurityMarks == nil {
		t.Errorf("the service's own fields: %v", f)
	}
}

func TestQuota(t *testing.T) {
	now := noon
	size := int64(proto.Size(finding(nil)))
	s := server(t, Config{WritesPerMinute: 2, BytesPerDay: 3 * size, Now: func() time.Time { return now }})
	write := func() error {
		_, err := s.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(nil)})
		return err
	}
	if err := errors.Join(write(), write()); err != nil {
		t.Fatal(err)
	}
	wait := func(want time.Duration) {
		t.Helper()
		st := status.Convert(write())
		var reason string
		var delay time.Duration
		for _, d := range st.Details() {
			switch d := d.(type) {
			case *errdetails.ErrorInfo:
				reason = d.Reason
			case *errdetails.RetryInfo:
				delay = d.RetryDelay.AsDuration()
			}
		}
		if st.Code() != codes.ResourceExhausted || reason != "RATE_LIMIT_EXCEEDED" || delay != want {
			t.Errorf("%v, %q, wait %v, want %v", st.Code(), reason, delay, want)
		}
	}
	wait(time.Minute)
	now = now.Add(time.Minute)
	if err := write(); err != nil {
		t.Errorf("the next minute: %v", err)
	}
	wait(12*time.Hour - time.Minute)
	now = now.Add(12 * time.Hour)
	if err := write(); err != nil {
		t.Errorf("the next day: %v", err)
	}
}
