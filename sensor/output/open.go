package output

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"tiercel.dev/sensor/output/pubsub"
)

// Env is what outputs need of the process they run in.
type Env struct {
	Stdout, Stderr *os.File
	NoColor        bool          // the environment variable NO_COLOR is set
	PubSub         pubsub.Config // what specs do not say: the spool's directory and bounds, client options
}

// ErrTwice means that an output was asked for twice that there can be only one of.
var ErrTwice = errors.New("there can be only one pubsub output: the spool numbers the alerts")

// Open makes a Fanout of the outputs that specs ask for. Only what no waiting can mend is an error, such as a spool in
// use by another sensor: an output that cannot be reached is tried again.
func Open(cfg Config, specs []Spec, env Env, log *slog.Logger) (*Fanout, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var spooled *Spooled
	var topic Spec
	for _, s := range specs {
		if s.Kind != "pubsub" {
			continue
		}
		if spooled != nil {
			spooled.Close(context.Background())
			return nil, ErrTwice
		}
		p, err := pubsub.Open(s.pubsubConfig(env.PubSub), log)
		if err != nil {
			return nil, err
		}
		spooled, topic = &Spooled{p}, s
	}
	var seq Sequence
	if spooled != nil {
		seq = spooled
	}
	f := NewFanout(cfg, seq, log)
	for _, s := range specs {
		if o := s.open(env); o != nil {
			f.Add(s.Name(), o, s.Heartbeats)
		}
	}
	if spooled != nil {
		f.AddPublisher(topic.Name(), spooled, topic.Heartbeats)
	}
	return f, nil
}

// Name is what stands for the output in logs and statistics.
func (s Spec) Name() string {
	switch s.Kind {
	case "program": // the command may hold a secret
		return s.Kind
	case "http":
		return s.Kind + ":" + s.HTTP.place()
	case "syslog":
		return s.Kind + ":" + s.Network + "://" + s.Target
	}
	if s.Target != "" {
		return s.Kind + ":" + s.Target
	}
	return s.Kind
}

func (s Spec) pubsubConfig(base pubsub.Config) pubsub.Config {
	base.Topic, base.Encoding = s.Target, s.Encoding
	if s.SpoolDir != "" {
		base.Spool.Dir = s.SpoolDir
	}
	if s.SpoolBytes != 0 {
		base.Spool.MaxBytes = s.SpoolBytes
	}
	return base
}

func (s Spec) open(env Env) Output {
	switch s.Kind {
	case "stdout", "cloudlogging":
		return NewStream(env.Stdout, s.Format, env.NoColor)
	case "stderr":
		return NewStream(env.Stderr, s.Format, env.NoColor)
	case "file":
		if s.Each {
			return &brief{file{path: s.Target, format: s.Format}}
		}
		return NewFile(s.Target, s.Format)
	case "syslog":
		return NewSyslog(s.Network, s.Target, s.Format)
	case "program":
		return NewProgram(s.Target, s.Format, s.Each)
	case "http":
		return NewHTTP(s.HTTP, s.Format, env.Stderr)
	}
	return nil
}
