package node_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/command"
	"tiercel.dev/sensor/node"
)

// childEnv makes the test binary the sensor.
const childEnv = "TIERCEL_TEST_SENSOR"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(command.Execute(command.Root(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const topic = "projects/test/topics/alerts"

// ruleName stands once in each alert as the spool keeps it.
const ruleName = "opened_in_an_outage"

// An outage is a sensor whose Pub/Sub is away until somebody starts it.
type outage struct {
	t              *testing.T
	address        string // of Pub/Sub, once it is there
	dir, file, log string
	sensor         *exec.Cmd
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the port is free again, and most likely stays so
	o := &outage{t: t, address: l.Addr().String(), dir: t.TempDir()}
	t.Cleanup(func() { os.Remove(node.CounterFile(o.spool())) })
	o.file, o.log = filepath.Join(o.dir, "secret"), filepath.Join(o.dir, "log")
	rules := "rules:\n  - {name: " + ruleName + ", condition: 'evt.type in [\"open\", \"openat\"] && fd.name == \"" + o.file + "\"', output: '{fd.name}', severity: MEDIUM}\n"
	for name, text := range map[string]string{o.file: "", filepath.Join(o.dir, "rules.yaml"): rules} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// start starts the sensor with its Pub/Sub and waits until it watches.
func (o *outage) start() {
	o.t.Helper()
	o.sensor = exec.Command(os.Args[0], "--no-library", "--rules", filepath.Join(o.dir, "rules.yaml"), "--cri-socket", "",
		"--node", "test-node", "--heartbeat", "1s", "--output", "pubsub:"+topic, "--output", "file:"+o.alerts(), "--spool", o.spool())
	o.run(childEnv+"=1", "PUBSUB_EMULATOR_HOST="+o.address)
}

// run starts the sensor's command and waits until it watches.
func (o *outage) run(environment ...string) {
	o.t.Helper()
	log, err := os.Create(o.log)
	if err != nil {
		o.t.Fatal(err)
	}
	defer log.Close()
	o.sensor.Env = append(os.Environ(), environment...)
	o.sensor.Stderr = log
	if err := o.sensor.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { o.sensor.Process.Kill() })
	for deadline := time.Now().Add(node.Patience); !strings.Contains(o.said(), "msg=watching"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) || strings.Contains(o.said(), "cannot be watched") {
			o.giveUp()
		}
	}
}

// giveUp skips a test that the kernel does not allow, or fails it where the kernel should.
func (o *outage) giveUp() {
	o.t.Helper()
	if strings.Contains(o.said(), "cannot be watched") && os.Getenv("TIERCEL_REQUIRE_BPF") == "" {
		o.t.Skip(o.said())
	}
	o.t.Fatalf("the sensor does not watch: %s", o.said())
}

func (o *outage) said() string {
	text, _ := os.ReadFile(o.log)
	return string(text)
}

// alerts is a file that gets every alert, whatever Pub/Sub does.
func (o *outage) alerts() string { return filepath.Join(o.dir, "alerts") }

func (o *outage) spool() string { return filepath.Join(o.dir, "spool") }

// stored waits until so many alerts are in the spool's files, where kill -9 leaves them.
func (o *outage) stored(n int) {
	o.t.Helper()
	for deadline := time.Now().Add(node.Patience); ; time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(o.spool(), "*.seg"))
		found := 0
		for _, name := range files {
			data, _ := os.ReadFile(name)
			found += bytes.Count(data, []byte(ruleName))
		}
		if found >= n {
			return
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("only %d of %d alerts are in the spool; the sensor said: %s", found, n, o.said())
		}
	}
}

// published waits until the sensor has published so many alerts.
func (o *outage) published(n int) {
	o.t.Helper()
	for deadline := time.Now().Add(node.Patience); ; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(o.alerts())
		if bytes.Count(text, []byte("\n")) >= n {
			return
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("only %d of %d alerts; the sensor said: %s", bytes.Count(text, []byte("\n")), n, o.said())
		}
	}
}

func (o *outage) acts(n int) {
	for range n {
		f, err := os.Open(o.file)
		if err != nil {
			o.t.Fatal(err)
		}
		f.Close()
	}
}

// pubsub starts Pub/Sub where the sensor looks for it.
func (o *outage) pubsub() *pstest.Server {
	o.t.Helper()
	_, port, _ := net.SplitHostPort(o.address)
	var number int
	fmt.Sscan(port, &number)
	server := pstest.NewServerWithPort(number)
	o.t.Cleanup(func() { server.Close() })
	if _, err := server.GServer.CreateTopic(context.Background(), &pubsubpb.Topic{Name: topic}); err != nil {
		o.t.Fatal(err)
	}
	return server
}

// received are the messages that arrived, parsed.
func received(t *testing.T, server *pstest.Server) []*alert.Alert {
	t.Helper()
	var all []*alert.Alert
	for _, m := range server.Messages() {
		a, err := alert.Unmarshal(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// TestKilledInAnOutage: Pub/Sub is away, the sensor is killed with signal 9 while alerts come, and starts again with
// Pub/Sub back. What had been accepted arrives, and the gaps in the numbers are the losses that the sensor counted.
func TestKilledInAnOutage(t *testing.T) {
	o := newOutage(t)
	o.start()
	o.acts(300)
	o.published(300)
	o.stored(300)
	go func() {
		for range 20_000 {
			if f, err := os.Open(o.file); err == nil {
				f.Close()
			}
		}
	}()
	time.Sleep(50 * time.Millisecond)
	o.sensor.Process.Kill()
	o.sensor.Wait()

	server := o.pubsub()
	o.start()
	o.acts(10)
	var gaps alert.Gaps
	settled := func() bool {
		all := received(t, server)
		last := lastHeartbeat(all)
		return last != nil && last.GetAlerts() >= 10 && pubsubState(last).GetWaiting() == 0
	}
	for deadline := time.Now().Add(node.Patience); !settled(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d messages arrived; the sensor said: %s", len(server.Messages()), o.said())
		}
	}
	o.sensor.Process.Signal(syscall.SIGTERM)
	if err := o.sensor.Wait(); err != nil {
		t.Errorf("the sensor ended with %v: %s", err, o.said())
	}
	all := received(t, server)
	var sensor, boot string
	highest := uint64(0)
	for _, a := range all {
		if a.GetSeq() > 0 {
			gaps.Add(a)
			sensor, boot, highest = a.GetSensorId(), a.GetBootId(), max(highest, a.GetSeq())
		}
	}
	missing := gaps.Missing(sensor, boot)
	lost, counted := gaps.Lost(sensor, boot), pubsubState(lastHeartbeat(all)).GetDropped()
	for _, r := range missing {
		lost += r.Last - r.First + 1
	}
	t.Logf("%d alerts numbered, %d arrived, %d missing, %d counted as lost", highest, count(all), lost, counted)
	if lost != counted {
		t.Errorf("%d numbers are missing, and the sensor counted %d: %v", lost, counted, missing)
	}
	for _, r := range missing {
		if r.First <= 300 {
			t.Errorf("number %d had been accepted, and did not arrive", r.First)
		}
	}
}

func lastHeartbeat(all []*alert.Alert) *alert.Heartbeat {
	for i := len(all) - 1; i >= 0; i-- {
		if h := all[i].GetHeartbeat(); h != nil && len(h.GetOutputs()) > 0 {
			return h
		}
	}
	return nil
}

func pubsubState(h *alert.Heartbeat) *alert.Output {
	for _, o := range h.GetOutputs() {
		if strings.HasPrefix(o.GetName(), "pubsub:") {
			return o
		}
	}
	return nil
}

// count is how many different alerts there are.
func count(all []*alert.Alert) int {
	ids := map[string]bool{}
	for _, a := range all {
		if a.GetSeq() > 0 {
			ids[a.GetAlertId()] = true
		}
	}
	return len(ids)
}
