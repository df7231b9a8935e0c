// Package golden compares findings with files that are kept for people to read: for tests.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
)

var update = flag.Bool("update", false, "write the findings in testdata")

// Compare fails the test if the finding is not the file's. With -update the file is written instead.
func Compare(t *testing.T, path string, got *pb.Finding) {
	t.Helper()
	if *update {
		write(t, path, got)
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := new(pb.Finding)
	if err := protojson.Unmarshal(text, want); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// write indents by itself: protojson puts blanks in here and there, differently in each program.
func write(t *testing.T, path string, f *pb.Finding) {
	t.Helper()
	text, err := protojson.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
