package rules

import (
	"sync"
	"testing"
)

// TestConcurrentMatch is for the race detector: a set is matched, described and its lists changed at once.
func TestConcurrentMatch(t *testing.T) {
	lists := NewLists()
	s := mustLoad(t, Options{Lists: lists}, benchRules)
	events := benchEvents(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				for _, ev := range events {
					s.Match(ev, func(r *Rule) { r.Output(ev) })
				}
			}
		})
	}
	wg.Go(func() {
		for range 200 {
			lists.SetTexts("api", []string{"10.0.0.2"})
			lists.Reset("api")
			s.Rules()[0].Info()
		}
	})
	wg.Wait()
}
