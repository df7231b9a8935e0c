// Package buildpack holds the test that the root of this module is a source from which Google's Go buildpack makes functions.
package buildpack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiercel.dev/functions"
)

// program is the main that the buildpack generates for a root package that imports the framework.
// https://github.com/GoogleCloudPlatform/buildpacks/tree/main/cmd/go/functions_framework
const program = `package main

import (
	"log"
	"os"

	_ "tiercel.dev"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSource holds the source against what the buildpack asks of it: one package at the root, tests included, that is not
// main; a module path with a dot; no workspace.
func TestSource(t *testing.T) {
	dir := root(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files at the root: %v, %v", files, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name.Name != "tiercel" {
			t.Errorf("%s is of package %s", name, f.Name.Name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
		t.Error("there is a go.work, with which go list -m prints more than the module")
	}
	cmd := exec.Command("go", "list", "-m")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil || string(out) != "tiercel.dev\n" {
		t.Errorf("go list -m: %q, %v", out, err)
	}
	deps := exec.Command("go", "list", "-deps", ".")
	deps.Dir = dir
	if out, err = deps.Output(); err != nil {
		t.Fatal(err)
	}
	for _, heavy := range []string{"cilium/ebpf", "tiercel.dev/sensor", "tiercel.dev/local"} {
		if strings.Contains(string(out), heavy) {
			t.Errorf("the functions are built with %s", heavy)
		}
	}
}

// TestServes builds the generated main and asks each entry point, deployed by itself, for an answer to a push of either
// form. Without settings a function answers 500: the message stays with Pub/Sub.
func TestServes(t *testing.T) {
	binary := build(t)
	for _, entry := range []string{functions.RouteAlert, functions.FlushFindings} {
		address := serve(t, binary, entry)
		for _, form := range []string{"wrapped", "binary"} {
			if got := post(t, address, form); got != http.StatusInternalServerError {
				t.Errorf("%s, %s: %d, want %d: it has no settings", entry, form, got, http.StatusInternalServerError)
			}
		}
	}
}

// build compiles the program where the buildpack puts it, without writing there.
func build(t *testing.T) string {
	t.Helper()
	dir, tmp := root(t), t.TempDir()
	source, overlay, binary := filepath.Join(tmp, "main.go"), filepath.Join(tmp, "overlay.json"), filepath.Join(tmp, "app")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(dir, "functions.local/app/main.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{source: []byte(program), overlay: text} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./functions.local/app")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

// serve runs one function with these settings in its environment, and waits for its port.
func serve(t *testing.T, binary, entry string, settings ...string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(binary)
	cmd.Env = append(append(os.Environ(), "FUNCTION_TARGET="+entry, "PORT="+port, "TIERCEL_PROJECT="), settings...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", entry, log.String())
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func post(t *testing.T, address, form string) int {
	t.Helper()
	body, err := os.ReadFile("testdata/push.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("http://%s/", address), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if form == "binary" {
		for key, value := range map[string]string{
			"ce-id": "19380321", "ce-source": "//pubsub.googleapis.com/projects/p/topics/tiercel-alerts", "ce-specversion": "1.0",
			"ce-type": "google.cloud.pubsub.topic.v1.messagePublished", "ce-time": "2026-01-02T03:04:05.6Z",
		} {
			r.Header.Set(key, value)
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}
