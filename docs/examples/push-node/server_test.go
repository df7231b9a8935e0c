// Package node_test runs the example that is written for Node.js.
package node_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	"tiercel.dev/docs/stand"
)

func TestPushed(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("TIERCEL_REQUIRE_NODE") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no Node.js: the example that is written for it is not run")
	}
	google := stand.NewGoogle(t)
	var out stand.Buffer
	cmd := exec.CommandContext(t.Context(), "node", "server.mjs")
	cmd.Env = append(os.Environ(), "AUDIENCE="+stand.Audience, "PUSHER="+stand.Pusher, "KEYS="+google.Keys, "PORT=0")
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	first, err := bufio.NewReader(stderr).ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if err != nil || !ok {
		t.Fatalf("%q: %v", first, err)
	}
	stand.TryPushed(t, google, "http://127.0.0.1:"+port, out.String)
}
