package output

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"tiercel.dev/alert"
)

// Why an output lost an alert.
const (
	DropFull     = "full"     // more came than the output took, and the queue was full
	DropRejected = "rejected" // the output cannot take this alert at all ([ErrAlert])
	DropPanic    = "panic"    // writing it panicked, several times
	DropClosed   = "closed"   // the sensor stopped first
)

// States of an output.
const (
	StateOK      = "ok"
	StateFailing = "failing" // the last attempt failed; it is tried again
	StateStuck   = "stuck"   // an attempt has been under way for longer than Config.StuckAfter
	StateClosed  = "closed"
)

// Stats is how one output is. Counts run since it was made.
type Stats struct {
	Name      string
	State     string
	Sent      uint64
	Errors    map[string]uint64 // attempts that failed, by a code: see [errorCode], and for Pub/Sub gRPC's
	LastError string            // "" while there was none
	Waiting   int               // in the queue, or under way
	Dropped   []Drop            // by reason, then severity
	Late      uint64            // on disk only after more than 50 ms; 0 without a spool
	Bytes     int64             // that the spool takes on disk
	// Oldest is when that happened which the output tries to send and cannot: the oldest of what it has taken up, the most
	// severe first. Zero while it sends, and before it has tried.
	Oldest time.Time
}

// Drop counts alerts lost for one reason. Severity is unspecified for heartbeats, and where it is not known.
type Drop struct {
	Reason   string
	Severity alert.Severity
	Count    uint64
}

// Lost is how many alerts were dropped for any reason.
func (s Stats) Lost() uint64 {
	var n uint64
	for _, d := range s.Dropped {
		n += d.Count
	}
	return n
}

// Message is s as a heartbeat says it.
func (s Stats) Message() *alert.Output {
	out := &alert.Output{
		Name: s.Name, State: s.State, Sent: s.Sent, Dropped: s.Lost(), Waiting: uint64(s.Waiting), LastError: s.LastError, Late: s.Late,
	}
	for _, d := range s.Dropped {
		out.Losses = append(out.Losses, &alert.Loss{Reason: d.Reason, Severity: d.Severity, Count: d.Count})
	}
	return out
}

// errorCode is a word for why an attempt failed, one of few: an HTTP server's status, rejected, panic, timeout, or failed.
func errorCode(err error) string {
	var timeout net.Error
	switch status, ok := errors.AsType[statusError](err); {
	case ok:
		return strconv.Itoa(int(status))
	case errors.Is(err, errPanic):
		return DropPanic
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, ErrAlert):
		return DropRejected
	}
	return "failed"
}

// drops counts losses.
type drops map[dropKey]uint64

type dropKey struct {
	reason   string
	severity alert.Severity
}

func (d drops) add(reason string, a *alert.Alert) { d[dropKey{reason, a.GetSeverity()}]++ }

func (d drops) list() []Drop {
	out := make([]Drop, 0, len(d))
	for k, n := range d {
		out = append(out, Drop{k.reason, k.severity, n})
	}
	slices.SortFunc(out, func(a, b Drop) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Severity, b.Severity))
	})
	return out
}
