package local

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"tiercel.dev/functions"
	"tiercel.dev/local/caller"
)

const (
	// functionsURL is where subscriptions push: the port of this run is not the next one's.
	functionsURL  = "http://" + functionsHost
	functionsHost = "functions.invalid"
	// invoker is the account by which functions are called, and the only one that may.
	invoker = "tiercel-invoke@local.iam.gserviceaccount.com"
)

// flushEvery is how often the scheduler calls what a deployment's calls every minute: people watch.
const flushEvery = 5 * time.Second

// functions serves the functions, and Cloud Storage's API beside them.
func (c *Cloud) functions() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/storage/v1/", c.around("storage", c.records))
	mux.Handle("/upload/storage/v1/", c.around("storage", c.records))
	mux.Handle("/v1/", c.deployment)
	mux.Handle("/v3/", c.deployment)
	mux.Handle(KeysPath, c.accounts.Keys())
	mux.Handle(TokenPath, c.accounts.Issue())
	mux.HandleFunc(DumpPath, c.dump)
	for name, handler := range c.instances() {
		if scheduledBy[name] == "" {
			mux.Handle("/"+name, c.around(name, c.accounts.Require(caller.Handle(handler, accountOf(name)), functionsURL, invoker)))
		}
	}
	for name := range scheduledBy {
		handler := caller.Handle(c.scheduled(name), accountOf(name))
		if name != functions.ApproveRotation { // which asks people who they are itself
			handler = c.accounts.Require(handler, functionsURL, invoker)
		}
		mux.Handle("/"+name, handler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if byGRPC(r) {
			c.grpc.ServeHTTP(w, r)
			return
		}
		c.serving.RLock()
		defer c.serving.RUnlock()
		mux.ServeHTTP(w, r)
	})
}

func (c *Cloud) around(name string, next http.Handler) http.Handler {
	if c.cfg.Around == nil {
		return next
	}
	return c.cfg.Around(name, next)
}

// instances are the functions by name: one, or several in turn.
func (c *Cloud) instances() map[string]http.Handler {
	settings := func() (functions.Settings, error) {
		return functions.Settings{
			Project: Project, AlertsTopic: EnrichedTopic, QuarantineTopic: quarantineTopic, Bucket: bucket, Source: Source,
			MaxInstances: max(1, c.cfg.MaxInstances), ClusterProjects: []string{Project}, DaemonSet: daemonSet,
		}, nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.kubeCA)
	endpoints := functions.Endpoints{
		PubSub: c.Options(), SCC: c.Options(), GKE: append(c.Options(), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(as(enricher)))),
		Storage:    c.recordsOf(),
		Kubernetes: functions.Kubernetes{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: c.token}), Roots: roots},
		Meter:      c.meter,
		Now:        c.cfg.Now,
	}
	all := functions.Handlers(settings, endpoints, c.cfg.Log)
	for name, n := range c.cfg.Instances {
		var some inTurn
		for range n {
			some.handlers = append(some.handlers, functions.Handlers(settings, endpoints, c.cfg.Log)[name])
		}
		all[name] = &some
	}
	return all
}

// inTurn has each of several handlers serve as often as any other.
type inTurn struct {
	handlers []http.Handler
	next     atomic.Uint64
}

func (t *inTurn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.handlers[t.next.Add(1)%uint64(len(t.handlers))].ServeHTTP(w, r)
}

// as has calls say who makes them.
func as(account string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, in, out any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoke(metadata.AppendToOutgoingContext(ctx, caller.Header, account), method, in, out, cc, opts...)
	}
}

func (c *Cloud) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address == functionsHost+":80" {
		address = c.calls
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// storage reaches Cloud Storage.
func (c *Cloud) storage() []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint("http://" + c.calls + "/storage/v1/"), option.WithoutAuthentication()}
}

// recordsOf reaches Cloud Storage as the account of the function that is called.
func (c *Cloud) recordsOf() []option.ClientOption {
	return append(c.storage(), option.WithHTTPClient(&http.Client{Transport: caller.Carrier{}}))
}

// schedule calls as Cloud Scheduler does.
func (c *Cloud) schedule(ctx context.Context, every time.Duration, call func(context.Context) error) {
	for ticker := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			ticker.Stop()
			return
		case <-ticker.C:
		}
		if err := call(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Log.WarnContext(ctx, "scheduled call", "err", err)
		}
	}
}

// Flush has the findings written that wait.
func (c *Cloud) Flush(ctx context.Context) error { return c.call(ctx, functions.FlushFindings) }

// call is a schedule's call of a function without more.
func (c *Cloud) call(ctx context.Context, function string) error {
	return c.post(ctx, function, "", time.Time{})
}
