package scc

import (
	"errors"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/internal/fault"
	findings "tiercel.dev/internal/scc"
)

// What the functions' writer makes of the service's answers, over the wire.
func TestWriterTellsErrorsApart(t *testing.T) {
	for _, tt := range []struct {
		code          codes.Code
		refused       bool
		poison, quota bool
		says          string
	}{
		{codes.InvalidArgument, true, true, false, source + "/findings/1"},
		{codes.ResourceExhausted, true, false, true, ""},
		{codes.NotFound, true, false, false, "create the source " + source},
		{codes.PermissionDenied, true, false, false, "grant roles/securitycenter.findingsEditor on " + source},
		{codes.DeadlineExceeded, false, false, false, ""},
		{codes.Unknown, false, false, false, ""},
	} {
		w := findings.NewWriter(dial(t, server(t, Config{Fail: func(*pb.Finding) (error, bool) { return status.Error(tt.code, "x"), false }})), source)
		err := w.Create(t.Context(), "1", finding(nil))
		if err == nil || errors.Is(err, findings.ErrRefused) != tt.refused || errors.Is(err, fault.ErrPoison) != tt.poison ||
			errors.Is(err, fault.ErrQuota) != tt.quota || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v: %v", tt.code, err)
		}
	}
}

// What passes within a moment needs no second delivery.
func TestWriterTriesAgain(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Aborted, codes.Internal} {
		tries := 0
		s := server(t, Config{Fail: func(*pb.Finding) (error, bool) {
			if tries++; tries == 1 {
				return status.Error(code, "x"), false
			}
			return nil, false
		}})
		if err := findings.NewWriter(dial(t, s), source).Create(t.Context(), "1", finding(nil)); err != nil || tries != 2 {
			t.Errorf("%v: %v after %d tries", code, err, tries)
		}
	}
}

func TestWriterHearsHowLongToWait(t *testing.T) {
	s := server(t, Config{WritesPerMinute: 1})
	w := findings.NewWriter(dial(t, s), source)
	if err := w.Create(t.Context(), "1", finding(nil)); err != nil {
		t.Fatal(err)
	}
	err := w.Create(t.Context(), "2", finding(nil))
	if !errors.Is(err, fault.ErrQuota) || findings.RetryDelay(err) != time.Minute {
		t.Errorf("wait %v: %v", findings.RetryDelay(err), err)
	}
	if d := findings.RetryDelay(errors.New("x")); d != 0 {
		t.Errorf("an error of another kind says to wait %v", d)
	}
}

// A repeat changes what is new, and leaves what an operator said.
func TestWriterRepeats(t *testing.T) {
	s := server(t, Config{})
	w := findings.NewWriter(dial(t, s), source)
	f := finding(nil)
	// Nobody knows that it is there: it is made.
	if err := w.Repeat(t.Context(), "1", f); err != nil {
		t.Fatal(err)
	}
	name := w.Name("1")
	s.SetFindingState(t.Context(), &pb.SetFindingStateRequest{Name: name, State: pb.Finding_INACTIVE})
	s.SetMute(t.Context(), &pb.SetMuteRequest{Name: name, Mute: pb.Finding_MUTED})
	s.UpdateSecurityMarks(t.Context(), &pb.UpdateSecurityMarksRequest{SecurityMarks: &pb.SecurityMarks{Name: name + "/securityMarks", Marks: map[string]string{"a": "b"}}})
	again := proto.CloneOf(f)
	again.EventTime = timestamppb.New(noon.Add(-time.Second))
	again.Category, again.ResourceName = "another rule's title", "//another"
	if err := w.Repeat(t.Context(), "1", again); err != nil {
		t.Fatal(err)
	}
	got := s.Findings()[0]
	if got.State != pb.Finding_INACTIVE || got.Mute != pb.Finding_MUTED || got.SecurityMarks.Marks["a"] != "b" || got.Category != f.Category ||
		!got.EventTime.AsTime().Equal(again.EventTime.AsTime()) {
		t.Errorf("%v", got)
	}
	// Of a finding that is there and was thought not to be, what cannot change is left as it is.
	if err := w.Create(t.Context(), "1", again); err != nil {
		t.Errorf("%v", err)
	}
}
