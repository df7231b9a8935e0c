package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/api/option"

	"tiercel.dev/functions/report/sample"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local"
	"tiercel.dev/local/storage"
)

// The same records give the same report from the bucket and from a copy of it; nobody is sent anything.
func TestReportPreview(t *testing.T) {
	h := httptest.NewServer(storage.New())
	t.Cleanup(h.Close)
	b, err := objects.NewBucket(t.Context(), local.Bucket, option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Fill(t.Context(), b, sample.Weeks-1); err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	for o, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if o, err = b.Get(t.Context(), o.Name); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(copied, filepath.FromSlash(o.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, o.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"--local", strings.TrimPrefix(h.URL, "http://")}, {"--from", copied}} {
		to := filepath.Join(t.TempDir(), "out")
		var out, errs bytes.Buffer
		if code := run(append([]string{"report", "--preview", "--to", to}, args...), &out, &errs); code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, errs.String())
		}
		if !strings.HasPrefix(out.String(), "[GKE hardening] ") {
			t.Errorf("%v: %s", args, out.String())
		}
		for name, want := range map[string]string{
			"report.html": "data:image/png;base64,", "report.txt": "TOP FINDINGS", "report.eml": "Message-ID: <", "report.json": `"clusters":[{`,
			"findings.csv": "status,severity",
		} {
			data, err := os.ReadFile(filepath.Join(to, name))
			if err != nil || !bytes.Contains(data, []byte(want)) {
				t.Errorf("%v: %s: %v", args, name, err)
			}
		}
	}
}

func TestReportMistakes(t *testing.T) {
	for want, args := range map[string][]string{
		"give --preview": {"report"}, "give --bucket": {"report", "--preview"}, "no such file": {"report", "--preview", "--from", "/nowhere/at/all"},
	} {
		var out, errs bytes.Buffer
		if code := run(args, &out, &errs); code != 2 || !strings.Contains(errs.String(), want) {
			t.Errorf("%v: exit %d: %s", args, code, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := run([]string{"report", "--preview", "--from", t.TempDir()}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "no run of the checks") {
		t.Errorf("nothing there: exit %d: %s", code, errs.String())
	}
}
