// Package kube asks clusters' Kubernetes APIs what only they know: which nodes there are, what a pod belongs to, and which
// services select it. Answers are kept for some minutes and "no" for seconds; each is asked for once at a time. Whole lists
// ([Client.Each]) are not kept.
//
// About alerts it reads nodes, pods, services, replica sets, deployments, stateful sets, daemon sets, jobs and cron jobs; the caller needs
// get of these (list of services and nodes), which roles/container.viewer or a ClusterRole bound to its account gives, and
// container.clusters.connect for DNS endpoints.
package kube

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/oauth2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apps "k8s.io/client-go/kubernetes/typed/apps/v1"
	batch "k8s.io/client-go/kubernetes/typed/batch/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/lookup"
)

var (
	// ErrNotFound means that the cluster says that there is no such thing. After any other error nobody knows.
	ErrNotFound = errors.New("not found")
	// ErrForbidden means that the cluster was reached, and who asks may not.
	ErrForbidden = errors.New("forbidden")
	// ErrUnreachable means that GKE names no endpoint that can be used.
	ErrUnreachable = errors.New("the cluster has no endpoint for us")
)

const (
	maxClients = 200
	maxNodes   = 20_000 // kept, some 400 bytes each; owners likewise
	maxPods    = 10_000 // some KB each, for their labels
	maxLists   = 1000   // of services, by namespace
	maxBody    = 16 << 20

	keepNode     = 30 * time.Minute
	keepPod      = 5 * time.Minute
	keepOwner    = 10 * time.Minute
	keepServices = time.Minute
	keepNo       = 30 * time.Second
	keepError    = 15 * time.Second

	// A cluster's API server is not to notice us: what is over waits, and fails at its deadline.
	queriesPerSecond = 50
	burst            = 100
)

// Config of [New]. Token must be set.
type Config struct {
	// Token is whose right it is to ask.
	Token oauth2.TokenSource
	// Roots are the authorities of DNS endpoints. Default: the system's.
	Roots *x509.CertPool
	// Dialer connects. Default one that connects to wherever a cluster is said to be.
	Dialer net.Dialer
	// Timeout bounds one request with connecting, and what callers wait for all they ask together. Default 2 s.
	Timeout time.Duration
	Now     func() time.Time // default time.Now
}

// Clusters holds a client for each cluster, and what they answered. It is safe for concurrent use.
type Clusters struct {
	cfg      Config
	mu       sync.Mutex
	clients  *lru.Cache[string, *Client]
	nodes    *lookup.Cache[Node]
	pods     *lookup.Cache[Pod]
	owners   *lookup.Cache[*Owner]
	services *lookup.Cache[[]Service]
}

// New makes no request.
func New(cfg Config) *Clusters {
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	clients, err := lru.NewWithEvict(maxClients, func(_ string, c *Client) { c.transport.CloseIdleConnections() })
	if err != nil {
		panic(err) // a size below 1
	}
	return &Clusters{
		cfg: cfg, clients: clients,
		nodes:    lookup.New(kept[Node](cfg, "nodes", maxNodes, keepNode)),
		pods:     lookup.New(kept[Pod](cfg, "pods", maxPods, keepPod)),
		owners:   lookup.New(kept[*Owner](cfg, "owners", maxNodes, keepOwner)),
		services: lookup.New(kept[[]Service](cfg, "services", maxLists, keepServices)),
	}
}

func kept[V any](cfg Config, name string, size int, keep time.Duration) lookup.Config[V] {
	return lookup.Config[V]{Name: name, Size: size, Timeout: cfg.Timeout, Now: cfg.Now, Keep: func(_ V, err error) time.Duration {
		switch {
		case err == nil:
			return keep
		case errors.Is(err, ErrNotFound):
			return keepNo
		}
		return keepError
	}}
}

// Timeout is how long a cluster may take for all that is asked about one alert.
func (c *Clusters) Timeout() time.Duration { return c.cfg.Timeout }

// A Client asks one cluster. Its methods' errors are [ErrNotFound] or say why nobody knows.
type Client struct {
	all       *Clusters
	key       string
	endpoints gke.Endpoints
	transport *http.Transport
	core      *core.CoreV1Client
	apps      *apps.AppsV1Client
	batch     *batch.BatchV1Client
}

// Of returns the client of a cluster, without a request.
func (c *Clusters) Of(cluster *gke.Cluster) (*Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := cluster.Resource()
	if client, ok := c.clients.Get(key); ok && client.serves(cluster.Endpoints) {
		return client, nil
	}
	client, err := c.connect(cluster.Endpoints)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", cluster.Name, err)
	}
	client.all, client.key = c, key
	c.clients.Add(key, client)
	return client, nil
}

// serves reports whether the cluster is still where it was: its authority changes with a rotation of credentials.
func (c *Client) serves(e gke.Endpoints) bool {
	return c.endpoints.DNS == e.DNS && c.endpoints.Private == e.Private && c.endpoints.Public == e.Public &&
		string(c.endpoints.CA) == string(e.CA)
}

func (c *Clusters) connect(e gke.Endpoints) (*Client, error) {
	ways := endpointsOf(e, c.cfg.Roots)
	if len(ways) == 0 {
		return nil, ErrUnreachable
	}
	d := &dialer{endpoints: ways, net: c.cfg.Dialer, timeout: c.cfg.Timeout * 3 / 10}
	transport := &http.Transport{
		DialTLSContext: d.dial, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: 90 * time.Second,
		// A connection that the network forgot while the function slept looks alive; without pings it would cost every lookup its
		// deadline for a quarter of an hour.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 3 * time.Second, PingTimeout: time.Second},
	}
	cfg := &rest.Config{
		Host: "https://" + ways[0].host, QPS: queriesPerSecond, Burst: burst, UserAgent: "tiercel", WarningHandler: rest.NoWarnings{},
	}
	// The token goes to the cluster alone: a redirect would take it elsewhere.
	web := &http.Client{
		Transport:     &oauth2.Transport{Source: c.cfg.Token, Base: &guard{base: transport, now: c.cfg.Now}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	client := &Client{endpoints: e, transport: transport}
	var err error
	if client.core, err = core.NewForConfigAndClient(cfg, web); err != nil {
		return nil, err
	}
	if client.apps, err = apps.NewForConfigAndClient(cfg, web); err != nil {
		return nil, err
	}
	client.batch, err = batch.NewForConfigAndClient(cfg, web)
	return client, err
}

// get has a request made unless its answer is kept. uid is of what is wanted, where another may have its name.
func get[V any](ctx context.Context, c *Client, cache *lookup.Cache[V], verb, what, uid string, ask func(context.Context) (V, error)) (V, error) {
	v, err := cache.Get(ctx, c.key+" "+what+" "+uid, func(ctx context.Context) (V, error) {
		v, err := ask(quiet(ctx))
		return v, plain(err)
	})
	if err != nil {
		err = fmt.Errorf("%s %s: %w", verb, what, err)
	}
	return v, err
}

// quiet keeps client-go from writing to standard error beside the log: errors come back anyway.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, klog.Logger{}) }

// plain says in a word what went wrong where there is one: it stands in an alert.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch reason := apierrors.ReasonForError(err); reason {
	case metav1.StatusReasonUnknown:
		return err
	case metav1.StatusReasonNotFound:
		return ErrNotFound
	case metav1.StatusReasonForbidden:
		return ErrForbidden
	default:
		return errors.New(words(string(reason)))
	}
}

// words makes "too many requests" of "TooManyRequests".
func words(reason string) string {
	var b strings.Builder
	for i, r := range reason {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte(' ')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
