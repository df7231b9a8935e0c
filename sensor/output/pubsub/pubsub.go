// Package pubsub publishes alerts to a Pub/Sub topic through the spool on disk: what the spool has accepted is sent
// until the service has taken it, for days if need be. Order is not kept by ordering keys, which let one failure hold
// up all that follows; receivers tell gaps by the alerts' numbers instead, so the spool gives those too.
//
// Heartbeats do not go through the spool: an old one is worth nothing. The newest is sent when it can be.
//
// The client honours PUBSUB_EMULATOR_HOST by itself. sensor/output makes an Output for the Fanout from it.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/spool"
)

// Config says where to and how. The zero value of a field means its default.
type Config struct {
	Topic         string // projects/PROJECT/topics/TOPIC
	Spool         spool.Config
	Encoding      alert.Encoding // JSON; what the topic's schema asks for, if it has one
	Quarantine    string         // file for what the service will never take; "quarantine.jsonl" in Spool.Dir
	MaxQuarantine int64          // bytes of it, beyond which alerts are only counted; 16 MiB
	MaxMessages   int            // under way at a time; 500
	MaxBytes      int            // of these; 4 MiB
	Timeout       time.Duration  // of a request with the client's own attempts; 15 s
	BackoffMin    time.Duration  // after a failure; 1 s, then twice as long each time
	BackoffMax    time.Duration  // 1 min; five times as long where settings or rights are wrong
	Options       []option.ClientOption
}

func (c Config) withDefaults() Config {
	if c.Quarantine == "" {
		c.Quarantine = filepath.Join(c.Spool.Dir, "quarantine.jsonl")
	}
	set(&c.MaxQuarantine, 16<<20)
	set(&c.MaxMessages, 500)
	set(&c.MaxBytes, 4<<20)
	set(&c.Timeout, 15*time.Second)
	set(&c.BackoffMin, time.Second)
	set(&c.BackoffMax, time.Minute)
	return c
}

func set[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

var topicName = regexp.MustCompile(`^projects/([a-z0-9.:-]+)/topics/([A-Za-z][A-Za-z0-9._~+%-]{2,254})$`)

// Validate reports the first field that makes no sense.
func (c Config) Validate() error {
	if !topicName.MatchString(c.Topic) {
		return fmt.Errorf("setting Topic %q: not projects/PROJECT/topics/TOPIC", c.Topic)
	}
	if err := c.Spool.Validate(); err != nil {
		return fmt.Errorf("setting Spool: %w", err)
	}
	c = c.withDefaults()
	switch {
	case c.MaxMessages < 1 || c.MaxMessages > 1000:
		return fmt.Errorf("MaxMessages %d: not in 1 to 1000, a request's limit", c.MaxMessages)
	case c.MaxBytes < alert.MaxSize || c.MaxBytes > 9<<20:
		return fmt.Errorf("MaxBytes %d: not in %d to 9 MiB", c.MaxBytes, alert.MaxSize)
	case c.Timeout < 0 || c.BackoffMin < 0 || c.BackoffMax < c.BackoffMin:
		return fmt.Errorf("setting Timeout %v, BackoffMin %v, BackoffMax %v: negative or not in order", c.Timeout, c.BackoffMin, c.BackoffMax)
	}
	return nil
}

func (c Config) project() string { return topicName.FindStringSubmatch(c.Topic)[1] }

// States of an Output.
const (
	StateOK            = "ok"
	StateUnreachable   = "unreachable"   // the service does not answer, or not in time; tried again
	StateMisconfigured = "misconfigured" // topic, rights or credentials are wrong; tried again
)

// An Output owns the spool and the goroutine that drains it.
type Output struct {
	cfg        Config
	log        *slog.Logger
	spool      *spool.Spool
	quarantine quarantine

	heartbeat chan *alert.Alert // the newest that waits
	draining  chan struct{}     // closed: send what is there, then stop
	ctx       context.Context   // ends when sending must stop at once
	cancel    context.CancelFunc
	done      chan struct{}

	mu     sync.Mutex
	closed bool
	stats  Stats
	told   time.Time // when the present trouble was last logged
}

// Stats is how the Output is. Counts run since Open, but for those of losses in Spool.
type Stats struct {
	State       string
	Sent        uint64
	Errors      map[string]uint64 // rounds or single messages that failed, by gRPC's code; also too_large, timeout, failed
	LastError   string            // with what to do about it; "" while there was none
	Oldest      time.Time         // of what the last round could not send, when the oldest happened; zero if it could
	Quarantined uint64
	Heartbeats  uint64 // sent
	Missed      uint64 // heartbeats that were not, or made way for a newer one
	Spool       spool.Stats
}

// Open opens the spool and begins to send. That the service cannot be reached, or not be used as things are, is no
// error: see [Stats].
func Open(cfg Config, log *slog.Logger) (*Output, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("pubsub: %w", err)
	}
	cfg = cfg.withDefaults()
	sp, err := spool.Open(cfg.Spool, log)
	if err != nil {
		return nil, fmt.Errorf("pubsub: %w", err)
	}
	o := &Output{
		cfg: cfg, log: log.With("topic", cfg.Topic), spool: sp,
		quarantine: quarantine{path: cfg.Quarantine, max: cfg.MaxQuarantine},
		heartbeat:  make(chan *alert.Alert, 1),
		draining:   make(chan struct{}), done: make(chan struct{}),
		stats: Stats{State: StateOK, Errors: map[string]uint64{}},
	}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	go o.run()
	return o, nil
}

// Next numbers an alert; see [spool.Spool.Next]. Alerts that are published here must get their numbers here.
func (o *Output) Next() (bootID string, seq uint64) { return o.spool.Next() }

// Last is the last number given; see [spool.Spool.Last].
func (o *Output) Last() (bootID string, seq uint64) { return o.spool.Last() }

// Publish hands an alert to the spool, or a heartbeat to the sender. It never waits.
func (o *Output) Publish(a *alert.Alert) {
	if a.GetKind() == alert.KindHeartbeat {
		o.replaceHeartbeat(a)
		return
	}
	data, err := alert.Marshal(a, alert.EncodingBinary)
	if err == nil {
		err = o.spool.Put(a.GetBootId(), a.GetSeq(), int(a.GetSeverity()), data)
	} else {
		o.spool.Lose(a.GetBootId(), a.GetSeq(), int(a.GetSeverity()))
	}
	if err != nil {
		o.mu.Lock()
		o.stats.Errors[code(err)]++
		o.stats.LastError = alert.Escape(err.Error())
		o.mu.Unlock()
	}
}

func (o *Output) replaceHeartbeat(a *alert.Alert) {
	for {
		select {
		case o.heartbeat <- a:
			return
		default:
		}
		select {
		case <-o.heartbeat:
			o.missed()
		default:
		}
	}
}

func (o *Output) missed() {
	o.mu.Lock()
	o.stats.Missed++
	o.mu.Unlock()
}

func (o *Output) Stats() Stats {
	o.mu.Lock()
	st := o.stats
	st.Errors = maps.Clone(st.Errors)
	o.mu.Unlock()
	st.Spool = o.spool.Stats()
	return st
}

// Close sends for at most half of the time until ctx is done, if that works at the moment, and makes the rest durable:
// it is sent after the next start.
func (o *Output) Close(ctx context.Context) error {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	well := o.stats.State == StateOK
	o.mu.Unlock()
	close(o.draining)
	if !well {
		o.cancel() // it would take a timeout to fail again
	}
	half := time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		half = time.Until(deadline) / 2
	}
	t := time.AfterFunc(half, o.cancel)
	defer t.Stop()
	defer o.cancel()
	select {
	case <-o.done:
		return errors.Join(o.spool.Close(ctx), o.quarantine.close())
	case <-ctx.Done():
		return errors.Join(errors.New("pubsub: sender hangs; left behind"), o.spool.Close(ctx))
	}
}

// advice says what to do about an error that will not go away by itself.
func advice(topic string, v verdict) string {
	switch v {
	case noTopic:
		return "create the topic " + topic + " or correct the setting"
	case noRight:
		return "grant the sensor's service account roles/pubsub.publisher on " + topic
	case noCredentials:
		return "give the sensor credentials: Workload Identity for its Kubernetes service account, or GOOGLE_APPLICATION_CREDENTIALS"
	case notReady:
		return "see the state of the topic " + topic + " and its encryption key"
	default:
		return ""
	}
}

// message makes the Pub/Sub message of what the spool keeps.
func (o *Output) message(data []byte) ([]byte, map[string]string, error) {
	a, err := alert.Unmarshal(data)
	if err != nil {
		return nil, nil, err
	}
	attrs := alert.Attributes(a)
	if o.cfg.Encoding == alert.EncodingBinary {
		return data, attrs, nil
	}
	b, err := alert.Marshal(a, o.cfg.Encoding)
	return b, attrs, err
}

func shorten(err error) string {
	s := alert.Escape(err.Error())
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}
