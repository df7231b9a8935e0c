package node

import (
	"fmt"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/sensor/container"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/probe"
	"tiercel.dev/sensor/process"
)

// Config is all that a sensor can be told. The commands fill it from their flags.
type Config struct {
	Place Place

	Rules Rules
	// Environment keeps whole environments of processes, redacted as arguments are; else the variables that rules read are
	// kept, and alerts show those that say how a program is loaded. Default false.
	Environment bool
	// Arguments is "redact", "keep" or "drop". Default redact.
	Arguments string

	// Outputs are where alerts go, as [output.Parse] reads them. Default: text on standard output.
	Outputs []string
	// Specs are outputs besides. Default none.
	Specs []output.Spec
	// Queue bounds the alerts that wait for each output. The zero value is its defaults.
	Queue output.Config
	// Beside is one more output, of the process that runs this sensor. It is given heartbeats too. Default none.
	Beside output.Output
	// Watching is called once the sensor watches, and again when it does so with other rules. Default none.
	Watching func(Watching)
	// Spool is the folder in which alerts wait for Pub/Sub. Default /var/lib/tiercel.
	Spool string
	// PubSubOptions are for tests, whose Pub/Sub is not Google's.
	PubSubOptions []option.ClientOption
	// Heartbeat is the interval at which the sensor says that it lives; 0 for never. Default 1 min.
	Heartbeat time.Duration
	// Metrics is the address at which Prometheus metrics and a kubelet's probes are answered. Default none.
	Metrics string
	// APIServers are addresses of the cluster's Kubernetes API server, beyond those that the environment, the cluster's
	// DNS and the kernel's load balancing tell.
	APIServers []string

	Probe     probe.Config
	Process   process.Config
	Container container.Config

	// Grace bounds how long a sensor that is told to stop reads what the kernel has sent and writes what waits. Default
	// 800 ms.
	Grace time.Duration
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Rules:     Rules{Library: true},
		Arguments: "redact",
		Outputs:   []string{"stdout"},
		Spool:     "/var/lib/tiercel",
		Heartbeat: time.Minute,
		Container: container.DefaultConfig(),
		Grace:     800 * time.Millisecond,
	}
}

// Validate names the first setting that cannot be used.
func (c Config) Validate() error {
	if c.Heartbeat != 0 && c.Heartbeat < time.Second {
		return fmt.Errorf("heartbeat %v: at least 1s, or 0 for none", c.Heartbeat)
	}
	if c.Grace <= 0 {
		return fmt.Errorf("grace %v: must be positive", c.Grace)
	}
	for _, v := range []interface{ Validate() error }{c.Queue, c.Probe, c.Process, c.Container} {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	return nil
}
