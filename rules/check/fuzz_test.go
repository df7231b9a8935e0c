package check

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/source"
)

// FuzzLoad: any file loads, or ends in errors that have a place; and what loads judges any cluster.
func FuzzLoad(f *testing.F) {
	shipped, err := filepath.Glob("../../functions/harden/checks/*.yaml")
	if err != nil || len(shipped) == 0 {
		f.Fatal(shipped, err)
	}
	for _, name := range shipped {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(head + "    verdicts:\n      - {fail: 'cluster.locations[0] == \"\"', because: '{{ {cluster.name}'}\n      - {pass: otherwise, because: x}\n"))
	w := GKE(testCluster, &pb.Cluster{NodePools: []*pb.NodePool{{}}})
	w.Sets["binding"] = bindings("a")
	f.Fuzz(func(t *testing.T, data []byte) {
		file := source.File{Name: "x.yaml", Data: data}
		s, err := Load([]source.File{file})
		if err != nil {
			if source.Places(err) == nil {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		for _, r := range Judge(t.Context(), w, s, nil, testNow) {
			if r.Check == "" || r.Verdict == "" || (r.Fix != nil) != (r.Verdict == posture.Fail || r.Verdict == posture.Warn) {
				t.Fatalf("%+v", r)
			}
		}
		if _, err := RunTests(t.Context(), s, file); err != nil && source.Places(err) == nil {
			t.Fatalf("an error without a place: %v", err)
		}
	})
}

// FuzzTests: any tests file runs, or ends in errors that have a place.
func FuzzTests(f *testing.F) {
	f.Add([]byte("cases:\n  - {name: a, check: X-1, cluster: {name: c}, pool: {}, vars: {ca: {}}, sets: {binding: [{value: {}}]}, unknown: {a: b}, verdict: PASS}"))
	s := with(f, onBindings)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := RunTests(t.Context(), s, source.File{Name: "x_test.yaml", Data: data}); err != nil && source.Places(err) == nil {
			t.Fatalf("an error without a place: %v", err)
		}
	})
}

// FuzzExceptions: any file loads, or ends in errors that have a place; no exception makes anything a pass.
func FuzzExceptions(f *testing.F) {
	f.Add([]byte("exceptions:\n  - {check: X-*, cluster: 'c[a-', reason: r, owner: o, until: 2027-03-31}"))
	s := with(f, "verdicts:\n  - {fail: otherwise, because: x}")
	w := GKE(testCluster, &pb.Cluster{})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := LoadExceptions(source.File{Name: "e.yaml", Data: data})
		var errs source.Errors
		if err != nil && (!errors.As(err, &errs) || len(errs) == 0) {
			t.Fatalf("an error without a place: %v", err)
		}
		if r := Judge(t.Context(), w, s, e, testNow)[0]; r.Verdict != posture.Fail && r.Verdict != posture.Excepted {
			t.Fatalf("%+v", r)
		}
	})
}
