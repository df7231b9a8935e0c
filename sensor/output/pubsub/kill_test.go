package pubsub

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/spool"
)

// childEnv makes the test binary a sensor's publishing end, with what it holds, a Config in JSON, as its settings.
const childEnv = "TIERCEL_TEST_KILLED_CHILD"

func TestMain(m *testing.M) {
	if settings := os.Getenv(childEnv); settings != "" {
		publishUntilKilled(settings)
	}
	os.Exit(m.Run())
}

// publishUntilKilled publishes with Pub/Sub away, and prints whenever it knows that the numbers it gave so far are
// accepted, or counted as lost.
func publishUntilKilled(settings string) {
	cfg := Config{Topic: topic, Options: endpoint("127.0.0.1:1"), Timeout: 100 * time.Millisecond}
	if err := json.Unmarshal([]byte(settings), &cfg.Spool); err != nil {
		panic(err)
	}
	o, err := Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	fmt.Println("start")
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	var first, last uint64
	for {
		for range 1 + rng.IntN(30) {
			last = publish(o, alert.Low+alert.Severity(rng.IntN(4)), string(make([]byte, rng.IntN(2000))))
			if first == 0 {
				first = last
			}
		}
		if rng.IntN(2) > 0 {
			continue
		}
		for st := o.Stats().Spool; st.InMemory > 0; st = o.Stats().Spool {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("accepted", first, last)
	}
}

// killChild runs the child on the spool, kills it after a while, and returns the numbers it said were accepted.
func killChild(t *testing.T, cfg spool.Config, after time.Duration) (accepted [2]uint64) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+string(settings))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for sc := bufio.NewScanner(out); sc.Scan(); {
		if sc.Text() == "start" {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
			continue
		}
		if _, err := fmt.Sscanf(sc.Text(), "accepted %d %d", &accepted[0], &accepted[1]); err != nil {
			t.Errorf("child says %q", sc.Text())
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("child ended by itself: %v", err)
	}
	return accepted
}

// TestKill kills a sensor again and again while Pub/Sub is away. When it is back, all that was accepted arrives, and the
// numbers missing are as many as the losses counted.
func TestKill(t *testing.T) {
	for _, tt := range []struct {
		name    string
		max     int64
		counter bool
	}{
		{"room for all", 64 << 20, true},
		{"spool full", 512 << 10, true},
		{"no counter", 64 << 20, false},
	} {
		t.Run(tt.name, func(t *testing.T) { testKill(t, tt.max, tt.counter) })
	}
}

func testKill(t *testing.T, max int64, counter bool) {
	cfg := spool.Config{Dir: t.TempDir(), MaxBytes: max, Reserve: 1 << 20}
	if counter {
		cfg.Counter = filepath.Join("/dev/shm", fmt.Sprintf("tiercel-test-%d-%d", os.Getpid(), rand.Uint32()))
		t.Cleanup(func() { os.Remove(cfg.Counter) })
	}
	var accepted [][2]uint64
	// On a busy machine a child may be killed before anything is on disk, and six of them before the spool is full.
	enough := uint64(1)
	if max < 1<<20 {
		enough = 2 * uint64(max) / 1000 // of 1,000 bytes and more each on average
	}
	for n := 0; n < 6 || n < 200 && (len(accepted) == 0 || accepted[len(accepted)-1][1] < enough); n++ {
		if r := killChild(t, cfg, time.Duration(100+rand.IntN(150))*time.Millisecond); r[1] > 0 {
			accepted = append(accepted, r)
		}
	}
	if len(accepted) == 0 {
		t.Fatal("no child said that anything was accepted")
	}

	s, opts := newService(t, true)
	o := openOutput(t, Config{Topic: topic, Options: opts, Spool: cfg, MaxMessages: 1000})
	eventually(t, "all sent", func() bool { st := o.Stats().Spool; return st.OnDisk+st.InMemory == 0 })
	_, next := o.Next()
	arrived := map[uint64]bool{}
	boots := map[string]bool{}
	for _, m := range s.Messages() {
		a, err := alert.Unmarshal(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		arrived[a.GetSeq()], boots[a.GetBootId()] = true, true
	}
	if len(boots) != 1 {
		t.Fatalf("%d counts of numbers", len(boots))
	}
	lost, full := uint64(0), uint64(0)
	for _, l := range o.Stats().Spool.Lost {
		lost += l.Count
		if l.Reason == spool.LostFull || l.Reason == spool.LostMemory {
			full += l.Count
		}
	}
	gaps := next - 1 - uint64(len(arrived))
	t.Logf("%d numbers, %d arrived, lost %v", next-1, len(arrived), o.Stats().Spool.Lost)
	if gaps != lost {
		t.Errorf("%d numbers missing, %d losses counted: %v", gaps, lost, o.Stats().Spool.Lost)
	}
	if max > 1<<20 && full > 0 {
		t.Errorf("dropped with room left: %v", o.Stats().Spool.Lost)
	}
	if max < 1<<20 && full == 0 {
		t.Error("the spool never was full")
	}
	for _, r := range accepted {
		for n := r[0]; n <= r[1]; n++ {
			if !arrived[n] && full == 0 {
				t.Errorf("alert %d was accepted and did not arrive", n)
			}
		}
	}
}
