// Package local is Google Cloud on one machine, as far as Tiercel uses it: Pub/Sub, Cloud Storage, Security Command Center and
// Kubernetes Engine on loopback, with this machine as a cluster of one node, and the Cloud Functions behind the subscriptions
// that a deployment makes. `tiercel up` runs it beside the sensor.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc"

	"tiercel.dev/functions"
	"tiercel.dev/internal/meter"
	"tiercel.dev/local/deployment"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/oidc"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

// Names of what the embedded cloud holds, as infrastructure code would give them.
const (
	Project = "local"
	Source  = "organizations/1/sources/1"
	bucket  = "tiercel-records"
)

// Config is what a [Cloud] may be told.
type Config struct {
	// Dir keeps what the cloud holds, so that the next one goes on from there however this one ends. One cloud at a time can
	// have it. Default: all is in memory.
	Dir string
	// Changed is told of each finding written, as [scc.Config] has it. nil for nobody.
	Changed func(*sccpb.Finding)
	// Sample has clusters of a simulated fleet looked after besides: checked, upgraded, rotated, reported of.
	Sample bool
	// Project is one of Google's whose clusters are looked after instead, with application default credentials: they are read, and
	// nothing is done to them. What is found goes no further than this cloud.
	Project string
	// Clusters are there besides this machine's, in the project [Project].
	Clusters []Kubernetes
	// ControlPlane is the API server of a real cluster, which is [Cluster] in place of this machine's: it is asked about nodes and
	// pods, and sensors run there. nil for this machine's.
	ControlPlane *ControlPlane
	// Now is the clock of the functions and of Security Command Center. Who sets it does what the scheduler would: nothing calls
	// Flush and CheckFleet by itself then. Default time.Now.
	Now func() time.Time
	// Instances are how many each function has, by its name, each with clients, caches and budgets of its own; calls go to them in
	// turn. Default 1.
	Instances map[string]int
	// MaxInstances is [functions.Settings]'s. Default 1.
	MaxInstances int
	// Around stands before each function, and before Cloud Storage as "storage". nil for nothing.
	Around func(name string, next http.Handler) http.Handler

	pace   time.Duration       // in which an hour of simulated clusters passes; default 1 s
	google functions.Endpoints // how the APIs of Project's clusters are reached; default Google's own
	Log    *slog.Logger
}

// A Cloud serves on loopback until Close.
type Cloud struct {
	cfg        Config
	lock       *os.File
	pubsub     *pubsub.Server
	scc        *scc.Server
	records    *storage.Server
	gke        *gke.Server
	kube       *kube.Server // of this machine's cluster
	grpc       *grpc.Server
	http       *http.Server
	address    string       // of the gRPC services
	calls      string       // host and port where functions are served
	meter      *meter.Meter // of all functions
	accounts   *oidc.Accounts
	forget     func() error // takes the secret of accounts away; nil if there is none
	estate     atomic.Pointer[estate]
	deployment *deployment.Server
	token      string // of the enricher's account, for the Kubernetes API
	kubeCA     []byte
	stopKube   []func() error
	stop       context.CancelFunc
	beside     sync.WaitGroup
	serving    sync.RWMutex // read-locked by each request to the functions
}

// Start starts everything. An error of [ErrDir] is one of cfg.Dir's.
func Start(cfg Config) (*Cloud, error) {
	ctx, stop := context.WithCancel(context.Background())
	cfg.Log = slog.New(until{cfg.Log.Handler(), ctx})
	c := &Cloud{
		cfg: cfg, stop: stop, token: rand.Text(), meter: meter.New(), http: &http.Server{ReadHeaderTimeout: 10 * time.Second},
		grpc: grpc.NewServer(append(pubsub.Options(), grpc.WaitForHandlers(true))...),
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded cloud: %w", err), c.Close())
	}
	return c, nil
}

// start opens Pub/Sub when the functions are served: what an earlier run left is pushed at once.
func (c *Cloud) start(ctx context.Context) (err error) {
	if err := c.openStores(); err != nil {
		return err
	}
	if c.accounts, err = oidc.New(nil); err != nil {
		return err
	}
	if err := c.scc.AddSource(Source, "Tiercel"); err != nil {
		return err
	}
	if err := c.startClusters(); err != nil {
		return err
	}
	services, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	calls, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, services.Close())
	}
	c.address, c.calls = services.Addr().String(), calls.Addr().String()
	if c.forget, err = WriteSecret(c.calls, c.accounts.Secret()); err != nil {
		c.cfg.Log.WarnContext(ctx, "no token is given out: its secret could not be written", "err", err)
	}
	if err := c.openDeployment(ctx); err != nil {
		return errors.Join(err, services.Close(), calls.Close())
	}
	c.http.Handler, c.http.Protocols = noBrowser(c.functions()), new(http.Protocols)
	c.http.Protocols.SetHTTP1(true)
	c.http.Protocols.SetUnencryptedHTTP2(true) // gRPC, for who has one address of all
	c.beside.Go(func() { c.serve("functions", c.http.Serve(calls)) })
	if err := c.openPubSub(); err != nil {
		return errors.Join(err, services.Close())
	}
	if err := c.dropWork(ctx); err != nil {
		return errors.Join(err, services.Close())
	}
	c.pubsub.Register(c.grpc)
	c.scc.Register(c.grpc)
	c.gke.Register(c.grpc)
	c.deployment.Register(c.grpc)
	c.beside.Go(func() { c.serve("services", c.grpc.Serve(services)) })
	if err := c.subscribe(ctx); err != nil {
		return err
	}
	if c.cfg.Now == nil {
		c.beside.Go(func() { c.schedule(ctx, flushEvery, c.Flush) })
		c.beside.Go(func() { c.schedule(ctx, checkEvery, c.CheckFleet) })
	}
	if c.cfg.Sample || c.cfg.Project != "" {
		c.beside.Go(func() {
			if err := c.startFleet(ctx); err != nil && ctx.Err() == nil {
				c.cfg.Log.ErrorContext(ctx, "clusters are not looked after", "err", err)
			}
		})
	}
	return nil
}

func (c *Cloud) serve(what string, err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		c.cfg.Log.Error("embedded cloud", "server", what, "err", err)
	}
}

// Settled reports whether every alert that was published is acknowledged or dead.
func (c *Cloud) Settled() bool {
	for _, s := range c.pubsub.Stats() {
		if (s.Topic == RawTopic || s.Topic == EnrichedTopic) && !isHeartbeats(s.Name) && s.Ready+s.Outstanding+s.Waiting > 0 {
			return false
		}
	}
	return true
}

// Subscriptions are the counts of Pub/Sub's.
func (c *Cloud) Subscriptions() []pubsub.SubscriptionStats { return c.pubsub.Stats() }

// Topics are the counts of Pub/Sub's.
func (c *Cloud) Topics() []pubsub.TopicStats { return c.pubsub.TopicStats() }

// Refused is how many writes of findings Security Command Center refused for its quota.
func (c *Cloud) Refused() uint64 { return c.scc.Refused() }

// Findings are those written so far.
func (c *Cloud) Findings() []*sccpb.Finding { return c.scc.Findings() }

// Close ends everything at once. What was published and is not a finding yet waits in the folder.
func (c *Cloud) Close() error {
	c.stop()
	var errs []error
	if c.pubsub != nil {
		errs = append(errs, c.pubsub.Close())
	}
	errs = append(errs, c.http.Close())
	c.grpc.Stop()
	for _, stop := range c.stopKube {
		errs = append(errs, stop())
	}
	c.beside.Wait()
	if f := c.estate.Load(); f != nil {
		errs = append(errs, f.close())
	}
	// The functions, whose callers have gone, end before what they write to.
	c.serving.Lock()
	defer c.serving.Unlock()
	return errors.Join(append(errs, c.closeStores())...)
}
