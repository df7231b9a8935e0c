package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The zip is the same each time, and what it holds is a module whose root package has everything that it is built from.
func TestSource(t *testing.T) {
	var zips [2][]byte
	for i := range zips {
		path := filepath.Join(t.TempDir(), "functions.zip")
		if err := write("../..", path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		zips[i] = data
	}
	if !bytes.Equal(zips[0], zips[1]) {
		t.Error("two zips of the same source differ")
	}
	dir := t.TempDir()
	names := unpack(t, zips[0], dir)
	for _, want := range []string{"go.mod", "go.sum", "function.go", "functions/enrich/steps.yaml"} {
		if !names[want] {
			t.Errorf("no %s in it", want)
		}
	}
	for name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "sensor/") || strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "local/") {
			t.Errorf("%s is in it", name)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the root package lacks something: %v\n%s", err, out)
	}
}

func unpack(t *testing.T, data []byte, dir string) map[string]bool {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, f := range z.File {
		names[f.Name] = true
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}
