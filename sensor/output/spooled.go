package output

import (
	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/pubsub"
	"tiercel.dev/sensor/output/spool"
)

// Spooled is Pub/Sub as a Publisher. It is the Sequence too: the spool must know of every number.
type Spooled struct{ *pubsub.Output }

// Stats brings Pub/Sub's and the spool's together. Waiting counts what is in memory and on disk; the losses are those
// of the spool, which run since it was made.
func (s Spooled) Stats() Stats { return spooledStats(s.Output.Stats()) }

func spooledStats(p pubsub.Stats) Stats {
	out := Stats{
		State: p.State, Sent: p.Sent, Errors: p.Errors, LastError: p.LastError,
		Oldest:  p.Oldest,
		Waiting: p.Spool.InMemory + p.Spool.OnDisk, Late: p.Spool.Late, Bytes: p.Spool.Bytes,
	}
	if err := p.Spool.DiskError; err != nil {
		out.State, out.LastError = "disk", alert.Escape(err.Error())
	}
	for _, l := range p.Spool.Lost {
		out.Dropped = append(out.Dropped, Drop{l.Reason, alert.Severity(l.Class), l.Count})
	}
	return out
}

var (
	_ Publisher = Spooled{}
	_ Sequence  = Spooled{}
	_ Sequence  = (*spool.Spool)(nil)
)
