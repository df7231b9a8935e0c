package cloudlog

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

const id, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

func TestTraceOfARequest(t *testing.T) {
	for _, tt := range []struct {
		parent, cloud string
		want          Trace
	}{
		{"00-" + id + "-" + span + "-01", "", Trace{id, span, true}},
		{"00-" + id + "-" + span + "-00", "", Trace{id, span, false}},
		{"cc-" + id + "-" + span + "-01-what-comes", "", Trace{id, span, true}},
		{"00-" + id + "-" + span + "-01", strings.Repeat("1", 32) + "/1", Trace{id, span, true}},
		{"", id + "/13235353014750950193;o=1", Trace{id, span, true}},
		{"", strings.ToUpper(id) + "/1;o=0", Trace{id, "0000000000000001", false}},
		{"", id, Trace{ID: id}},
		{"nonsense", id, Trace{ID: id}},
		{"", "", Trace{}},
		{"00-" + id + "-" + span + "-01-more", "", Trace{}},
		{"ff-" + id + "-" + span + "-01", "", Trace{}},
		{"00-" + strings.Repeat("0", 32) + "-" + span + "-01", "", Trace{}},
		{"00-" + id + "-" + strings.Repeat("0", 16) + "-01", "", Trace{}},
		{"00-" + strings.ToUpper(id) + "-" + span + "-01", "", Trace{}},
		{"", "../" + id, Trace{}},
	} {
		h := http.Header{"Traceparent": {tt.parent}, "X-Cloud-Trace-Context": {tt.cloud}}
		if got := TraceOf(h); got != tt.want {
			t.Errorf("%q, %q: %+v, want %+v", tt.parent, tt.cloud, got, tt.want)
		}
	}
}

func FuzzTraceOf(f *testing.F) {
	f.Add("00-"+id+"-"+span+"-01", id+"/1;o=1")
	f.Fuzz(func(t *testing.T, parent, cloud string) {
		got := TraceOf(http.Header{"Traceparent": {parent}, "X-Cloud-Trace-Context": {cloud}})
		if got.ID != "" && !IsTraceID(got.ID) || got.Span != "" && !isHex(got.Span, 16) || got.ID == "" && got != (Trace{}) {
			t.Errorf("%q, %q: %+v", parent, cloud, got)
		}
	})
}

func TestLines(t *testing.T) {
	var out strings.Builder
	log := slog.New(NewHandler(&out, slog.LevelInfo)).With("message_id", "7").WithGroup("nowhere")
	request := WithLabel(WithTrace(t.Context(), "p", Trace{id, span, true}), "tiercel/function", "F")
	alert := strings.Repeat("ab", 16)
	log.InfoContext(request, "one")
	log.ErrorContext(WithAlert(request, alert), "two\n{}", "err", errors.New("\x1b[31m"))
	log.WarnContext(WithAlert(request, "no id"), "three")
	log.Warn("four")
	log.DebugContext(request, "five")
	var lines []map[string]any
	for line := range strings.Lines(out.String()) {
		entry := map[string]any{}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, entry)
	}
	if len(lines) != 4 {
		t.Fatalf("%d lines: %s", len(lines), out.String())
	}
	one, two, three, four := lines[0], lines[1], lines[2], lines[3]
	if one["severity"] != "INFO" || one["message"] != "one" || one["message_id"] != "7" || one[traceKey] != "projects/p/traces/"+id || one[spanKey] != span ||
		one[sampledKey] != true || one[labelsKey].(map[string]any)["tiercel/function"] != "F" || one[sourceKey] != nil {
		t.Errorf("%v", one)
	}
	// An alert's trace is its id, and the request's is a label: the span would be another trace's.
	labels := two[labelsKey].(map[string]any)
	if two[traceKey] != "projects/p/traces/"+alert || two[spanKey] != nil || labels["tiercel/request_trace"] != id || labels["tiercel/function"] != "F" {
		t.Errorf("%v", two)
	}
	if source := two[sourceKey].(map[string]any); two["severity"] != "ERROR" || source["file"] != "trace_test.go" || source["line"] == "0" || two["message"] != "two\n{}" {
		t.Errorf("%v", two)
	}
	if three["severity"] != "WARNING" || three[traceKey] != one[traceKey] {
		t.Errorf("%v", three)
	}
	if four[traceKey] != nil || four[labelsKey] != nil {
		t.Errorf("%v", four)
	}
}
