package scc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// listed has findings a, b and c: an hour apart, of descending severity; b is inactive.
func listed(t *testing.T) *Server {
	s := server(t, Config{})
	for i, id := range []string{"a", "b", "c"} {
		_, err := s.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(func(f *pb.Finding) {
			f.Name = source + "/findings/" + id
			f.Category = "Execution: " + strings.ToUpper(id)
			f.Severity = pb.Finding_CRITICAL + pb.Finding_Severity(i)
			f.EventTime = timestamppb.New(noon.Add(time.Duration(i-3) * time.Hour))
		})})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SetFindingState(t.Context(), &pb.SetFindingStateRequest{Name: source + "/findings/b", State: pb.Finding_INACTIVE}); err != nil {
		t.Fatal(err)
	}
	_, err := s.UpdateSecurityMarks(t.Context(), &pb.UpdateSecurityMarksRequest{
		SecurityMarks: &pb.SecurityMarks{Name: source + "/findings/c/securityMarks", Marks: map[string]string{"ticket": "7"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFilters(t *testing.T) {
	s := listed(t)
	for filter, want := range map[string]string{
		``:                                     "abc",
		`state = "ACTIVE"`:                     "ac",
		`state="ACTIVE" AND severity="LOW"`:    "",
		`category : "B"`:                       "b",
		`-category : "B"`:                      "ac",
		`NOT state="ACTIVE"`:                   "b",
		`event_time >= "2026-01-02T10:00:00Z"`: "bc",
		`event_time < 1767348000000`:           "a",
		`state="INACTIVE" OR severity="CRITICAL" AND category:"A"`: "a", // OR binds more tightly
		`(state="ACTIVE" AND severity="CRITICAL") OR category:"B"`: "ab",
		`security_marks.marks.ticket = "7"`:                        "c",
		`mute = "MUTED"`:                                           "",
	} {
		r, err := s.ListFindings(t.Context(), &pb.ListFindingsRequest{Parent: "organizations/1/sources/-", Filter: filter})
		if err != nil {
			t.Errorf("%s: %v", filter, err)
		}
		got := ""
		for _, f := range r.GetListFindingsResults() {
			got += f.Finding.Name[strings.LastIndexByte(f.Finding.Name, '/')+1:]
		}
		if got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
}

func TestFiltersThatAreNone(t *testing.T) {
	s := listed(t)
	for _, filter := range []string{
		`state`, `state =`, `state = ACTIVE`, `state > "A"`, `colour = "red"`, `(state="ACTIVE"`, `state="ACTIVE")`, `state="ACTIVE`,
		`event_time = noon`, `event_time = "noon"`, `event_time : 7`, `AND`, `state="A" state="B"`, `-`,
	} {
		_, err := s.ListFindings(t.Context(), &pb.ListFindingsRequest{Parent: source, Filter: filter})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", filter, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`(state="ACTIVE" AND -severity:"L") OR event_time >= 1`)
	f.Fuzz(func(t *testing.T, text string) {
		if wanted, err := parseFilter(text); err == nil {
			wanted(new(pb.Finding))
		}
	})
}

func TestPagesAndOrder(t *testing.T) {
	s := listed(t)
	var got []string
	r := &pb.ListFindingsRequest{Parent: source, PageSize: 2, OrderBy: "state, event_time  desc"}
	for {
		page, err := s.ListFindings(t.Context(), r)
		if err != nil || page.TotalSize != 3 {
			t.Fatalf("%d findings, %v", page.GetTotalSize(), err)
		}
		for _, f := range page.ListFindingsResults {
			got = append(got, f.Finding.Category)
		}
		if r.PageToken = page.NextPageToken; r.PageToken == "" {
			break
		}
	}
	if d := cmp.Diff([]string{"Execution: C", "Execution: A", "Execution: B"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, bad := range []*pb.ListFindingsRequest{
		{Parent: "projects/p/sources/-"}, {Parent: source, OrderBy: "colour"}, {Parent: source, OrderBy: "name up"}, {Parent: source, PageToken: "x"},
	} {
		if _, err := s.ListFindings(t.Context(), bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestMarks(t *testing.T) {
	was := map[string]string{"a": "1", "b": "2"}
	for _, tt := range []struct {
		now  map[string]string
		mask []string
		want map[string]string
	}{
		{map[string]string{"c": "3"}, nil, map[string]string{"c": "3"}},
		{map[string]string{"c": "3"}, []string{"marks"}, map[string]string{"c": "3"}},
		{map[string]string{"c": "3"}, []string{"marks.c", "marks.a"}, map[string]string{"b": "2", "c": "3"}},
	} {
		if d := cmp.Diff(tt.want, marks(was, tt.now, tt.mask)); d != "" {
			t.Errorf("%v %v (-want +got):\n%s", tt.now, tt.mask, d)
		}
	}
}

func TestSources(t *testing.T) {
	s := server(t, Config{})
	var names []string
	for i := range 3 {
		made, err := s.CreateSource(t.Context(), &pb.CreateSourceRequest{Parent: "organizations/1", Source: &pb.Source{DisplayName: fmt.Sprint("S", i)}})
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, made.Name)
	}
	list, err := s.ListSources(t.Context(), &pb.ListSourcesRequest{Parent: "organizations/1"})
	if err != nil || len(list.Sources) != 4 || slices.Contains(names, source) {
		t.Errorf("%v, %v, %v", names, list, err)
	}
	for want, r := range map[codes.Code]*pb.CreateSourceRequest{
		codes.AlreadyExists:   {Parent: "organizations/1", Source: &pb.Source{DisplayName: "Tiercel"}},
		codes.InvalidArgument: {Parent: "organizations/1", Source: &pb.Source{DisplayName: strings.Repeat("x", 65)}},
	} {
		if _, err := s.CreateSource(t.Context(), r); status.Code(err) != want {
			t.Errorf("%v: %v", r, err)
		}
	}
}
