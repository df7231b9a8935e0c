package main

import (
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// cloudCommands give scripts a Pub/Sub.
//
//	cloud                 one with a topic of alerts, at $PUBSUB
//	alerts N WATCHERS     publishes N alerts once so many watch, and waits until all have shown them or are gone
//	unwatched             wants that nobody watches any more
func cloudCommands(t *testing.T) map[string]func(*testscript.TestScript, bool, []string) {
	until := func(ts *testscript.TestScript, what string, done func() bool) {
		if !comes(done) {
			ts.Fatalf("waited in vain for %s", what)
		}
	}
	of := func(ts *testscript.TestScript) **cloud { return ts.Value("cloud").(**cloud) }
	return map[string]func(*testscript.TestScript, bool, []string){
		"cloud": func(ts *testscript.TestScript, _ bool, _ []string) {
			c := newCloud(t)
			*of(ts) = c
			ts.Setenv("PUBSUB", c.address)
		},
		"alerts": func(ts *testscript.TestScript, _ bool, args []string) {
			n, err := strconv.Atoi(args[0])
			ts.Check(err)
			watchers, err := strconv.Atoi(args[1])
			ts.Check(err)
			c := *of(ts)
			until(ts, "watchers", func() bool { return len(c.watching()) >= watchers })
			for seq := range n {
				c.publishAlert(testAlert(uint64(seq + 1)))
			}
			until(ts, "the alerts to be shown", func() bool {
				for _, name := range c.watching() {
					if c.stats(name).Backlog() > 0 {
						return false
					}
				}
				return true
			})
		},
		"unwatched": func(ts *testscript.TestScript, _ bool, _ []string) {
			c := *of(ts)
			until(ts, "nobody to watch", func() bool { return len(c.watching()) == 0 })
		},
	}
}
