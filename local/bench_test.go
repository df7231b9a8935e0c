package local

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/topic"
)

// BenchmarkAlertToFinding is how long alerts of their own take from Publish to being a finding, at a hundred a second: SCC's
// quota allows a thousand a minute.
func BenchmarkAlertToFinding(b *testing.B) {
	for _, kind := range []struct{ name, dir string }{{"memory", ""}, {"disk", b.TempDir()}} {
		b.Run(kind.name, func(b *testing.B) {
			const most = 900
			var mu sync.Mutex
			sent := make(map[string]time.Time)
			var took []time.Duration
			cloud, err := Start(Config{Dir: kind.dir, Log: slog.New(slog.DiscardHandler), Changed: func(f *sccpb.Finding) {
				mu.Lock()
				defer mu.Unlock()
				id := f.SourceProperties["alert_id"].GetStringValue()
				if at, ok := sent[id]; ok {
					took = append(took, time.Since(at))
					delete(sent, id)
				}
			}})
			if err != nil {
				b.Fatal(err)
			}
			defer cloud.Close()
			client, err := pubsub.NewClient(b.Context(), Project, cloud.Options()...)
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			alerts := topic.New(client, RawTopic)
			defer alerts.Stop()
			var publishing sync.WaitGroup
			ticker := time.NewTicker(10 * time.Millisecond)
			defer ticker.Stop()
			n := 0
			for b.Loop() {
				if n++; n > most {
					b.Skipf("more than %d alerts: the quota of findings ends them", most)
				}
				<-ticker.C
				a := place(b, shell(uint64(n), alert.High))
				a.Process.ExePath = fmt.Sprint("/bin/", n)
				a.Process.Name = fmt.Sprint("p", n)
				a.Identity = alert.Identity(a)
				data, err := alert.Marshal(a, alert.EncodingJSON)
				if err != nil {
					b.Fatal(err)
				}
				mu.Lock()
				sent[a.AlertId] = time.Now()
				mu.Unlock()
				publishing.Go(func() {
					if err := alerts.Publish(b.Context(), data, alert.Attributes(a)); err != nil {
						b.Error(err)
					}
				})
			}
			publishing.Wait()
			for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				mu.Lock()
				left := len(sent)
				mu.Unlock()
				if left == 0 {
					break
				}
				if time.Now().After(end) {
					b.Fatalf("%d of %d alerts are no findings", left, n)
				}
			}
			slices.Sort(took)
			at := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1000 }
			b.ReportMetric(at(0.5), "p50-ms")
			b.ReportMetric(at(0.99), "p99-ms")
			b.ReportMetric(at(1), "max-ms")
		})
	}
}
