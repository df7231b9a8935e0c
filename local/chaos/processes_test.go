package chaos

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long the test waits for what is to come.
const patience = 3 * time.Minute

// sensorRole is the process that needs the kernel.
const sensorRole = "sensor"

// A fleet is the processes of one run, by role.
type fleet struct {
	t   *testing.T
	dir string
	env []string

	mu    sync.Mutex
	alive map[string]*exec.Cmd
	kills map[string]int
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, dir: t.TempDir(), env: os.Environ(), alive: make(map[string]*exec.Cmd), kills: make(map[string]int)}
	f.env = append(f.env, dirEnv+"="+f.dir)
	for role := range roles {
		l := listenBelow(t)
		// Free again, and most likely stays so: a role waits for its port.
		l.Close()
		name := "TIERCEL_CHAOS_ADDRESS_" + role
		t.Setenv(name, l.Addr().String())
		f.env = append(f.env, name+"="+l.Addr().String())
	}
	f.env = append(f.env, "PUBSUB_EMULATOR_HOST="+address("pubsub"))
	t.Cleanup(f.killAll)
	return f
}

// listenBelow takes a port that the kernel gives to no connection: one that looks for a dead process could get the very port
// it looks for, and talk to itself.
func listenBelow(t *testing.T) net.Listener {
	t.Helper()
	for range 1000 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))); err == nil {
			return l
		}
	}
	t.Fatal("no port is free from 20000 to 32000")
	return nil
}

func (f *fleet) start(role string, args ...string) {
	f.t.Helper()
	log, err := os.OpenFile(f.log(role), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	defer log.Close()
	if role == sensorRole {
		args = []string{"--no-library", "--rules", f.rules(), "--cri-socket", "", "--node", "chaos-node", "--project", project, "--location", location, "--cluster", cluster,
			"--heartbeat", "1s", "--output", "pubsub:" + topicName, "--spool", filepath.Join(f.dir, "spool")}
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(f.env, roleEnv+"="+role)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive[role] = cmd
}

func (f *fleet) log(role string) string { return filepath.Join(f.dir, role+".log") }

func (f *fleet) rules() string { return filepath.Join(f.dir, "rules.yaml") }

// said is the end of a role's log.
func (f *fleet) said(role string) string {
	text, _ := os.ReadFile(f.log(role))
	return string(text[max(0, len(text)-4096):])
}

// kill ends a role as a machine's loss would.
func (f *fleet) kill(role string) {
	f.mu.Lock()
	cmd := f.alive[role]
	delete(f.alive, role)
	f.kills[role]++
	f.mu.Unlock()
	if cmd != nil {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

func (f *fleet) killAll() {
	for role := range roles {
		f.kill(role)
	}
	f.kill(sensorRole)
}

// awaitWatching waits until the sensor watches for the nth time.
func (f *fleet) awaitWatching(n int) {
	f.t.Helper()
	f.await(fmt.Sprintf("start %d of the sensor", n), func() bool {
		text, _ := os.ReadFile(f.log(sensorRole))
		if strings.Contains(string(text), "cannot be watched") {
			if os.Getenv("TIERCEL_REQUIRE_BPF") == "" {
				f.t.Skip(f.said(sensorRole))
			}
			f.t.Fatal(f.said(sensorRole))
		}
		return strings.Count(string(text), "msg=watching") >= n
	})
}

func (f *fleet) await(what string, done func() bool) {
	f.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			for role := range roles {
				f.t.Logf("%s said: %s", role, f.said(role))
			}
			f.t.Fatalf("waited in vain for %s; the sensor said: %s", what, f.said(sensorRole))
		}
	}
}
