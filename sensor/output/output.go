// Package output gets alerts out of the sensor: to standard output, a file, syslog, a program's standard input, a
// server by HTTP, Cloud Logging, and through sensor/output/spool and sensor/output/pubsub to Pub/Sub. It does not
// decide what an alert is or how often a rule may raise one: that is sensor/pipeline, which calls [Fanout.Publish]. The
// commands make outputs from their flags with [Parse].
//
// The one promise is that outputs cannot harm each other or the sensor: Publish never waits, each output has its own
// bounded queue and goroutine, and what does not fit is counted, the least severe first. Memory queues are lost with
// the process; only the spool of Pub/Sub outlives it.
package output

import (
	"context"
	"errors"

	"tiercel.dev/alert"
)

// ErrAlert is wrapped by an Output's Write for an alert that this output will never take, such as one too large. It is
// counted as dropped and not tried again; any other error is.
var ErrAlert = errors.New("alert cannot be written")

// An Output writes alerts to one place. Its methods are called by one goroutine of the Fanout; Write may be called
// again with the same alert after an error, so a reader may see it twice but never a part of it taken for the whole.
// The alert is shared with other outputs and must not be changed.
type Output interface {
	// Write returns when the alert is with the operating system or the peer. It should give up when ctx is done; one
	// that hangs all the same harms only itself.
	Write(ctx context.Context, a *alert.Alert) error
	// Close lets go of what the output holds, at once where ctx is done.
	Close(ctx context.Context) error
}

// A Reopener is an Output that can be told its file was moved away.
type Reopener interface{ Reopen() error }

// A Publisher is an output with a queue of its own: Publish and Stats return at once, whatever happens beneath.
type Publisher interface {
	Publish(a *alert.Alert)
	Stats() Stats
	// Close sends what it can until ctx is done and keeps or counts the rest.
	Close(ctx context.Context) error
}

// A Sequence numbers alerts. Next returns the boot id and the number within it, which no other alert of this sensor has
// had or will have; it never waits.
type Sequence interface {
	Next() (bootID string, seq uint64)
	// Last returns the boot id that Next gives as things are, and the last number given under it, be it by an earlier run;
	// 0 if there was none.
	Last() (bootID string, seq uint64)
}
