package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tiercel.dev/alert"
)

// manyFindings is in how many findings the alerts are: less than a minute's quota.
const manyFindings = 500

// many publishes alerts as fast as the pipeline takes them, and prints how fast that is and what memory it takes.
func many(s settings, out io.Writer) error {
	ctx := context.Background()
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	before := resident()
	begin := time.Now()
	if err := publishMany(ctx, b, s.many); err != nil {
		return err
	}
	published := time.Since(begin)
	for !b.cloud.Settled() {
		time.Sleep(10 * time.Millisecond)
	}
	routed := time.Since(begin)
	for end := time.Now().Add(5 * time.Minute); b.sum() != uint64(s.many); time.Sleep(time.Second) {
		if err := b.cloud.Flush(ctx); err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("findings count %d of %d alerts", b.sum(), s.many)
		}
	}
	fmt.Fprintf(out, "%d alerts of %d findings: published in %.1f s, counted in %.1f s, %.0f a second; each in one finding's count; "+
		"resident at most %d MiB, %d MiB before\n", s.many, manyFindings, published.Seconds(), routed.Seconds(),
		float64(s.many)/routed.Seconds(), peak()>>20, before>>20)
	return nil
}

func publishMany(ctx context.Context, b *bench, n int) error {
	var seq atomic.Uint64
	var all sync.WaitGroup
	failed := make(chan error, 64)
	for range cap(failed) {
		all.Go(func() {
			for {
				i := seq.Add(1)
				if i > uint64(n) {
					return
				}
				if _, err := b.publish(ctx, i, int(i%manyFindings), alert.Medium); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// resident is what this process has in memory now, peak what it had at most.
func resident() uint64 { runtime.GC(); return status("VmRSS:") }
func peak() uint64     { return status("VmHWM:") }

func status(key string) (bytes uint64) {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
