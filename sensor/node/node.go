// Package node puts the sensor together: the probe's records go through process table, container resolver and pipeline to
// the outputs, in one goroutine; beside it rules are reloaded, held events let go, heartbeats sent. [Run] is the sensor,
// [Record] writes what it sees into a capture, [Replay] runs a capture through rules. It decides nothing itself, and
// sensor/command is its caller.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
	"tiercel.dev/sensor/alerting"
	"tiercel.dev/sensor/container"
	"tiercel.dev/sensor/metrics"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/pipeline"
	"tiercel.dev/sensor/probe"
	"tiercel.dev/sensor/process"
)

// ErrMistake means that what the user gave cannot be used: a setting, a rule file, a capture. The error says which and
// why; nothing was started.
var ErrMistake = errors.New("cannot be used")

// A Node is one running sensor.
type Node struct {
	cfg     Config
	log     *slog.Logger
	started time.Time
	sensor  alerting.Sensor

	probe      *probe.Probe
	table      *process.Table
	containers *container.Resolver
	rules      *ruleKeeper
	impaired   string // as heartbeats say it
	servers    *apiServers
	domains    *domains
	fanout     *output.Fanout
	metrics    *metrics.Server // nil without an address
	kept       chan struct{}
	everything bool // a capture is being made: the rules do not say what is of interest
	ruleErrors atomic.Uint64
	rulesSince atomic.Int64 // when the rules in force came into force, in ns since the epoch
	beaten     atomic.Int64 // when the last heartbeat was published, in ns since the epoch; 0 before

	stopped  atomic.Pointer[time.Time] // when it was told to stop; nil before
	unread   atomic.Uint64             // records that the ring still had when the time to stop was up
	tampered atomic.Uint64             // tables of the kernel side that were found changed

	tellMu sync.Mutex
	told   map[string]uint64 // losses that the log has named

	// mu guards what the reading goroutine shares with serve: pipeline, table, containers' goroutine-bound methods.
	mu        sync.Mutex
	pipeline  *pipeline.Pipeline
	visible   uint64 // events that rules saw
	undecoded uint64 // records that could not be decoded
}

// Run watches this machine until ctx is done, and then writes what waits within cfg.Grace. What comes on reopen has the
// outputs that write to files open them anew. An error is [probe.ErrUnsupported] where this machine or process cannot
// watch the kernel, and [ErrMistake] where a setting or rule file cannot be used.
func Run(ctx context.Context, cfg Config, reopen <-chan os.Signal, log *slog.Logger) error {
	n, err := begin(ctx, cfg, tap{}, log)
	if stopped(ctx, err) {
		return nil
	}
	if err != nil {
		return err
	}
	return n.run(ctx, reopen)
}

// begin is open, unless ctx is done first: then it returns ctx's error, and what is still being opened is closed behind
// it. On a busy machine it takes seconds until the kernel has verified the programs.
func begin(ctx context.Context, cfg Config, tap tap, log *slog.Logger) (*Node, error) {
	var n *Node
	opened := make(chan error, 1)
	go func() {
		var err error
		n, err = open(ctx, cfg, tap, log)
		opened <- err
	}()
	select {
	case err := <-opened:
		return n, err
	case <-ctx.Done():
		go func() {
			if err := <-opened; err == nil {
				_ = n.run(ctx, nil)
			}
		}()
		return nil, ctx.Err()
	}
}

// stopped reports whether begin gave up because it was told to, which is no error.
func stopped(ctx context.Context, err error) bool { return err != nil && errors.Is(err, ctx.Err()) }

// A tap is shown what a recording needs. Both are nil where there is none.
type tap struct {
	event func(*event.Event)                      // each event, before the rules see it
	lists func(addresses []string, ports []int64) // the API server's, at first and when they change
}

// open makes every part, and attaches the probe last, when there is somebody to read it.
func open(ctx context.Context, cfg Config, tap tap, log *slog.Logger) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMistake, err)
	}
	place, err := cfg.Place.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: log, started: time.Now(), sensor: place.sensor(), kept: make(chan struct{}, 1), told: make(map[string]uint64)}
	redactor, err := redactor(cfg)
	if err != nil {
		return nil, err
	}
	if n.rules, err = loadRules(cfg.Rules, n.ruleFailed, n.rulesChanged, log); err != nil {
		return nil, err
	}
	n.rulesSince.Store(n.started.UnixNano())
	n.domains = newDomains(n.rules.lists, log)
	n.domains.want(n.rules.Current().Domains())
	changed := func(addresses []string, ports []int64) {
		n.rules.setAPIServers(addresses, ports)
		if tap.lists != nil {
			tap.lists(addresses, ports)
		}
	}
	if n.servers, err = newAPIServers(cfg.APIServers, true, changed); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMistake, err)
	}
	if n.fanout, err = openOutputs(cfg, log); err != nil {
		return nil, err
	}
	read := n.rules.Current().Environment()
	cfg.Process.Environment = cfg.Environment || !read.Empty()
	n.table = process.New(cfg.Process)
	n.keepEnvironment(read)
	if err := n.table.Check(); err != nil {
		n.impaired = "processes are known by their records alone: " + err.Error()
		log.WarnContext(ctx, "processes will be known by their records alone", "err", err)
	}
	cfg.Container.OnCgroup = n.noteCgroup
	n.containers = container.New(cfg.Container, log)
	n.pipeline = pipeline.New(pipeline.Config{
		Rules: n.rules.Current, Safe: redactor.Event, Build: n.build, Publish: n.fanout.Publish,
		Kept: n.keep, Containers: n.containers, Tap: tap.event,
		// The resolver's own bound comes first; this one is for when it forgets a container.
		HoldFor: cfg.Container.HoldFor + 2*time.Second,
	})
	n.everything = tap.event != nil
	cfg.Probe.Filter = n.filter(n.rules.Current())
	if cfg.Metrics != "" {
		if n.metrics, err = metrics.Listen(cfg.Metrics, n.figures, log); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrMistake, err), n.fanout.Close(ctx))
		}
	}
	// To load the programs takes most of a second, and who is told to stop shall not begin it.
	if err = ctx.Err(); err == nil {
		n.probe, err = probe.Open(ctx, cfg.Probe, log)
	}
	if err != nil {
		if n.metrics != nil {
			err = errors.Join(err, n.metrics.Close())
		}
		return nil, errors.Join(err, n.fanout.Close(ctx))
	}
	return n, nil
}

// filter is what the kernel must report: what the rules ask for, and, for a capture, events of every kind.
func (n *Node) filter(set *rules.Set) event.Filter {
	f := set.Filter()
	if n.everything {
		f = event.FilterOf(event.AllKinds()).Union(f)
	}
	if n.cfg.Environment {
		f[event.Exec] |= event.Environment
	}
	return f
}

// run reads until ctx is done or the probe fails.
func (n *Node) run(ctx context.Context, reopen <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		now := time.Now()
		n.stopped.CompareAndSwap(nil, &now)
		if err := n.probe.Stop(); err != nil {
			n.log.Error("detach from the kernel", "err", err)
		}
	})
	defer stop()
	n.containers.Start(ctx)
	var beside sync.WaitGroup
	// The scan runs beside the reader: while it reads thousands of processes the ring would fill.
	beside.Go(func() { n.scan(ctx) })
	beside.Go(func() { n.serve(ctx, reopen) })
	beside.Go(func() { n.beat(ctx) })
	beside.Go(func() { n.servers.resolve(ctx) })
	beside.Go(func() { n.domains.resolve(ctx) })
	beside.Go(func() { n.rules.watch(ctx) })
	if n.metrics != nil {
		beside.Go(func() { n.serveMetrics(ctx) })
	}
	err := n.read()
	cancel()
	beside.Wait()
	return errors.Join(err, n.close())
}

// scan fills the table from /proc, says that the sensor watches, and scans again when records were lost: processes
// whose end was not seen are found in no other way.
func (n *Node) scan(ctx context.Context) {
	n.scanOnce(ctx)
	if ctx.Err() != nil {
		return
	}
	// What loading rules and programs left behind is many times what is kept.
	debug.FreeOSMemory()
	set := n.rules.Current()
	n.log.InfoContext(ctx, "watching", "rules", len(set.Rules()), "rule_set", set.Hash(), "kinds", set.Filter().Wanted().Len(),
		"processes", n.table.Stats().Live, "took_ms", time.Since(n.started).Milliseconds())
	n.watching(set)
	if n.metrics != nil {
		n.metrics.Ready()
	}
	ticker := time.NewTicker(rescanEvery)
	defer ticker.Stop()
	for lost := n.lostRecords(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := n.lostRecords(); now != lost {
			lost = now
			n.scanOnce(ctx)
		}
	}
}

// rescanEvery is how long a lost record's effect on the table may last.
const rescanEvery = time.Minute

// scanOnce leaves the scan behind when ctx is done: of many processes it takes longer than the sensor may take to stop.
func (n *Node) scanOnce(ctx context.Context) {
	scanned := make(chan error, 1)
	go func() { scanned <- n.table.Scan() }()
	select {
	case err := <-scanned:
		if err != nil {
			n.log.WarnContext(ctx, "scan of /proc", "err", err)
		}
	case <-ctx.Done():
	}
}

// lostRecords counts process records that the kernel could not send.
func (n *Node) lostRecords() (sum uint64) {
	for _, d := range n.probe.Drops() {
		if d.Reason == probe.RingFull && d.Kind < event.Execve {
			sum += d.Count
		}
	}
	return sum
}

// close lets go what is held and writes what waits.
func (n *Node) close() error {
	n.mu.Lock()
	n.pipeline.Drain()
	n.mu.Unlock()
	if n.cfg.Heartbeat != 0 {
		n.publishHeartbeat(time.Now())
	}
	n.tellLosses()
	n.log.Info("stopped", "alerts", n.pipeline.Stats().Alerts, "suppressed", n.pipeline.Stats().Suppressed)
	n.log.Debug("stopped", "pipeline", n.pipeline.Stats(), "processes", n.table.Stats(), "containers", n.containers.Stats())
	ctx, cancel := context.WithTimeout(context.Background(), max(n.cfg.Grace-n.stopping(), n.cfg.Grace/4))
	defer cancel()
	err := n.fanout.Close(ctx)
	return errors.Join(err, n.probe.Close())
}

// stopping is how long ago the sensor was told to stop.
func (n *Node) stopping() time.Duration {
	if at := n.stopped.Load(); at != nil {
		return time.Since(*at)
	}
	return 0
}

// noteCgroup tells the kernel whose a cgroup is.
func (n *Node) noteCgroup(id uint64, inContainer bool) {
	if err := n.probe.SetCgroup(id, inContainer); err != nil {
		n.log.Debug("tell the kernel of a cgroup", "cgroup", id, "err", err)
	}
}

// rulesChanged is called with a new set before it comes into force: by then the kernel reports what it needs.
func (n *Node) rulesChanged(set *rules.Set) {
	if err := n.probe.SetFilter(n.filter(set)); err != nil {
		n.log.Error("the kernel reports what the rules before asked for", "err", err)
	}
	n.keepEnvironment(set.Environment())
	n.domains.want(set.Domains())
	n.rulesSince.Store(time.Now().UnixNano())
	n.log.Info("rules changed", "rules", len(set.Rules()), "rule_set", set.Hash())
	n.watching(set)
}

// keepEnvironment has the table keep what rules read of environments.
func (n *Node) keepEnvironment(read rules.Environment) {
	n.table.KeepEnvironment(n.cfg.Environment || read.All, read.Names)
}

// ruleFailed is called when a condition ended in an error. It is counted for the heartbeat; the log names a rule's first.
func (n *Node) ruleFailed(r *rules.Rule, err error) {
	if n.ruleErrors.Add(1) < 100 {
		n.log.Warn("a rule's condition ended in an error", "rule", r.Name, "err", err)
	}
}

func (n *Node) build(safe *event.Event, r *rules.Rule) *alert.Alert {
	s := n.sensor
	s.RuleSet = n.rules.Current().Hash()
	return Alert(s, safe, r, time.Now().UnixNano())
}

// Alert makes the alert of a rule that matched, of an event without secrets; observed is when the sensor saw it, ns since the
// epoch: 0 in a replay, which must give the same bytes each time.
func Alert(s alerting.Sensor, safe *event.Event, r *rules.Rule, observed int64) *alert.Alert {
	severity, _ := alert.ParseSeverity(r.Severity.String())
	m := alerting.Match{
		Event: safe,
		Rule: alerting.Rule{
			Name: r.Name, Title: r.Title, Description: r.Description, Severity: severity,
			Tags: r.Tags, Attack: r.Attack,
		},
		Output:     r.Output(safe),
		ObservedAt: observed,
	}
	if r.Falco != nil {
		m.Rule.Priority, m.Rule.Source = r.Falco.Priority.String(), r.Falco.Source
	}
	for _, f := range r.Fields(safe) {
		m.Fields = append(m.Fields, alerting.Field{Name: f.Name, Value: f.Value})
	}
	for _, f := range r.Throttle.Per {
		if v, ok := f.Value(safe); ok {
			m.Identity = append(m.Identity, alerting.Field{Name: f.Name, Value: v})
		}
	}
	return alerting.New(s, m)
}
