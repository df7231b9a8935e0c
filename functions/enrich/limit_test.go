package enrich

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// However many nodes are named, no more than a bound are remembered.
func TestLimitIsBounded(t *testing.T) {
	l, now := newLimit(10), time.Now()
	for i := range 2 * maxNodes {
		if !l.allow(fmt.Sprint(i), now) {
			t.Fatalf("the first alert of node %d", i)
		}
	}
	if n := l.nodes.Len(); n != maxNodes {
		t.Errorf("%d nodes are remembered", n)
	}
}

// Alerts that come at once take from one rate, also the first ones of a node.
func TestLimitAtOnce(t *testing.T) {
	l, now := newLimit(10), time.Now()
	var allowed atomic.Int32
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if l.allow("n", now) {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n != 10 {
		t.Errorf("%d were allowed", n)
	}
}
