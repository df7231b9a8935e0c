package chaos

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"

	"tiercel.dev/alert"
	"tiercel.dev/internal/scc"
)

// seen is what a subscription of the test's own received, each alert once.
type seen struct {
	t *testing.T

	mu         sync.Mutex
	alerts     map[string]*alert.Alert // by id
	heartbeats []*alert.Alert
}

// collect receives until the test ends. It asks again as often as Pub/Sub is killed.
func collect(t *testing.T) *seen {
	s := &seen{t: t, alerts: make(map[string]*alert.Alert)}
	client, err := pubsub.NewClient(context.Background(), project, services("pubsub")...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	beside.Go(func() {
		for ctx.Err() == nil {
			_ = client.Subscriber(collector).Receive(ctx, s.take)
		}
	})
	t.Cleanup(func() {
		stop()
		beside.Wait()
		client.Close()
	})
	return s
}

func (s *seen) take(_ context.Context, m *pubsub.Message) {
	a, err := alert.Unmarshal(m.Data)
	if err != nil {
		s.t.Errorf("message %s: %v", m.ID, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.GetKind() == alert.KindHeartbeat {
		s.heartbeats = append(s.heartbeats, a)
	} else {
		s.alerts[a.GetAlertId()] = a
	}
	m.Ack()
}

// last is the newest heartbeat by the node's clock.
func (s *seen) last() *alert.Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heartbeats) == 0 {
		return nil
	}
	return slices.MaxFunc(s.heartbeats, func(a, b *alert.Alert) int { return strings.Compare(a.GetTime(), b.GetTime()) })
}

// counts are the events that each finding should stand for.
func (s *seen) counts() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]uint64)
	for _, a := range s.alerts {
		counts[scc.ID(a)] += 1 + a.GetSuppressed().GetCount()
	}
	return counts
}

// endSensor waits until Pub/Sub has all that the sensor accepted, and ends it in good order.
func endSensor(f *fleet, s *seen) {
	f.t.Helper()
	f.mu.Lock()
	sensor := f.alive[sensorRole]
	f.mu.Unlock()
	// By then each throttle's window is over, and what it suppressed has been sent.
	rested := alert.Time(time.Now().Add(5 * time.Second).UnixNano())
	f.await("a heartbeat that nothing waits in the spool", func() bool {
		last := s.last()
		return last.GetTime() > rested && output(last).GetWaiting() == 0
	})
	if err := sensor.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	if err := sensor.Wait(); err != nil {
		f.t.Fatalf("the sensor ended with %v: %s", err, f.said(sensorRole))
	}
	f.mu.Lock()
	delete(f.alive, sensorRole)
	f.mu.Unlock()
}

func output(heartbeat *alert.Alert) *alert.Output {
	for _, o := range heartbeat.GetHeartbeat().GetOutputs() {
		if strings.HasPrefix(o.GetName(), "pubsub:") {
			return o
		}
	}
	return nil
}

// judge compares findings with alerts, and gaps with the losses that the sensor counted.
func judge(f *fleet, s *seen, acts uint64) {
	f.t.Helper()
	defer func() {
		if f.t.Failed() {
			f.t.Log(s.numbers())
		}
	}()
	f.await("every number to be seen or counted as lost", func() bool { return s.unaccounted() == 0 })
	last := ""
	end := time.Now().Add(patience)
	for {
		want := s.counts()
		if last = gocmp.Diff(want, written(f.t)); last == "" && len(want) == files {
			break
		}
		if time.Now().After(end) {
			f.tell()
			f.t.Fatalf("%d findings; findings that do not count each alert once (-want +have):\n%s", len(want), last)
		}
		time.Sleep(time.Second)
	}
	sum := uint64(0)
	for _, n := range s.counts() {
		sum += n
	}
	f.t.Logf("%d acts, of which %d are in %d alerts and %d findings; %d numbers counted as lost", acts, sum, len(s.alerts), files,
		output(s.last()).GetDropped())
	// A sensor that was away saw less than was done, one that was never killed exactly that.
	if sum > acts || sum < acts && f.kills[sensorRole] == 0 && len(s.last().GetHeartbeat().GetDrops()) == 0 {
		f.t.Errorf("%d events of %d acts", sum, acts)
	}
}

// gaps are the numbers seen, taken in their order: Gaps bounds how many holes it remembers. s.mu is held.
func (s *seen) gaps() *alert.Gaps {
	gaps := new(alert.Gaps)
	for _, a := range slices.SortedFunc(maps.Values(s.alerts), func(a, b *alert.Alert) int { return cmp.Compare(a.GetSeq(), b.GetSeq()) }) {
		gaps.Add(a)
	}
	for _, a := range s.heartbeats {
		gaps.Add(a)
	}
	return gaps
}

// numbers tells what is missing of which count of the sensor's, and what the sensor counted.
func (s *seen) numbers() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	gaps := s.gaps()
	highest := make(map[string]uint64)
	for _, a := range s.alerts {
		highest[a.GetBootId()] = max(highest[a.GetBootId()], a.GetSeq())
	}
	sort := slices.SortedFunc(slices.Values(s.heartbeats), func(a, b *alert.Alert) int { return strings.Compare(a.GetTime(), b.GetTime()) })
	var text strings.Builder
	for boot, last := range highest {
		fmt.Fprintf(&text, "boot %s: %d the highest seen, missing %v, given up %d\n", boot, last, gaps.Missing("chaos-node", boot), gaps.Lost("chaos-node", boot))
	}
	for _, h := range sort[max(0, len(sort)-3):] {
		fmt.Fprintf(&text, "%s: boot %s, last number %d, output %v\n", h.GetTime(), h.GetBootId(), h.GetHeartbeat().GetLastSeq(), output(h))
	}
	return text.String()
}

// unaccounted is how many numbers were given, are not seen, and are not counted as lost.
func (s *seen) unaccounted() int64 {
	s.mu.Lock()
	gaps := s.gaps()
	s.mu.Unlock()
	last := s.last()
	missing := gaps.Lost(last.GetSensorId(), last.GetBootId())
	for _, r := range gaps.Missing(last.GetSensorId(), last.GetBootId()) {
		missing += r.Last - r.First + 1
	}
	return int64(missing) - int64(output(last).GetDropped())
}

// written is what each finding counts; two of one id are an error.
func written(t *testing.T) map[string]uint64 {
	t.Helper()
	client, err := securitycenter.NewClient(t.Context(), services("scc")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	counts := make(map[string]uint64)
	for all := client.ListFindings(t.Context(), &sccpb.ListFindingsRequest{Parent: source}); ; {
		result, err := all.Next()
		if err == iterator.Done {
			return counts
		}
		if err != nil {
			t.Fatal(err)
		}
		name := result.GetFinding().GetName()
		id := name[strings.LastIndex(name, "/")+1:]
		if _, twice := counts[id]; twice {
			t.Errorf("finding %s stands there twice", id)
		}
		counts[id] = uint64(result.GetFinding().GetSourceProperties()["count"].GetNumberValue())
	}
}
