package chaos

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tiercel.dev/functions"
)

var (
	killFor = flag.Duration("chaos.for", 20*time.Second, "how long processes are killed")
	seed    = flag.Uint64("chaos.seed", 0, "of the choice whom to kill when; 0 for a new one")
)

// files that are read: half of them raise HIGH alerts, which take the other way.
const files = 24

// pipeline are the processes that are killed, beside the sensor.
var pipeline = []string{"pubsub", "scc", "storage", "gke", "functions-1", "functions-2"}

func TestChaos(t *testing.T) {
	f := newFleet(t)
	writeRules(t, f)
	for _, role := range pipeline {
		f.start(role)
	}
	f.start(sensorRole)
	f.awaitWatching(1)

	seen := collect(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go flushNowAndThen(ctx, time.Second)
	acting, rest := context.WithCancel(ctx)
	acts := make(chan uint64)
	go func() { acts <- act(acting, f) }()
	f.rampage(*killFor)
	rest()
	done := <-acts
	endSensor(f, seen)
	judge(f, seen, done)
}

func writeRules(t *testing.T, f *fleet) {
	t.Helper()
	rules := "rules:\n"
	for _, severity := range []string{"MEDIUM", "HIGH"} {
		dir := filepath.Join(f.dir, severity)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range files / 2 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		rules += fmt.Sprintf("  - {name: read_%s, condition: 'evt.is_open_read && fd.name.startsWith(\"%s/\")', output: '{fd.name}', severity: %s, throttle: {per: [fd.name], every: 2s}}\n",
			severity, dir, severity)
	}
	if err := os.WriteFile(f.rules(), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
}

// act reads one of the files some hundred times a second, and returns how often it did.
func act(ctx context.Context, f *fleet) (acts uint64) {
	for ctx.Err() == nil {
		severity := [...]string{"MEDIUM", "HIGH"}[rand.IntN(2)]
		if file, err := os.Open(filepath.Join(f.dir, severity, fmt.Sprint(rand.IntN(files/2)))); err == nil {
			file.Close()
			acts++
		}
		time.Sleep(rand.N(10 * time.Millisecond))
	}
	return acts
}

// flushNowAndThen calls as Cloud Scheduler does, now one process and now the other; who is dead does not answer.
func flushNowAndThen(ctx context.Context, every time.Duration) {
	for i := 0; ctx.Err() == nil; i++ {
		_ = flush(ctx, functionsOf(1+i%2))
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
}

func flush(ctx context.Context, role string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address(role)+"/"+functions.FlushFindings, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s answers %s", role, answer.Status)
	}
	return nil
}

// rampage kills one process after another, and starts each again a while later.
func (f *fleet) rampage(d time.Duration) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	f.t.Logf("-chaos.seed=%d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	// The sensor takes a second to watch again, and what it does not see tests nothing.
	victims := []string{sensorRole}
	for range 3 {
		victims = append(victims, pipeline...)
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
		role := victims[random.IntN(len(victims))]
		f.kill(role)
		time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
		f.start(role)
	}
	f.t.Logf("killed: %v", f.kills)
}
