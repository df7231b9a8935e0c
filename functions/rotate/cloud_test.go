package rotate

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	logging "cloud.google.com/go/logging/apiv2"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	policyv1 "k8s.io/api/policy/v1"

	"tiercel.dev/alert"
	"tiercel.dev/internal/idtoken"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/clock"
	"tiercel.dev/local/gke"
	locallogging "tiercel.dev/local/logging"
	"tiercel.dev/local/oidc"
	localscc "tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

const (
	sccSource = "organizations/1/sources/2"
	approving = "https://approve.example.com"
	guided    = `
mode: guided
clusters: ["shop*"]
approvers: [alice@example.com, bob@example.com]
two_people: true
complete: {soak_hours: 12}
`
)

var monday = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// A cloud is the simulator with one cluster whose authority ends in 100 days, the records, and the rotator of a deployment.
type cloud struct {
	*testing.T
	clock    *clock.Clock
	gke      *gke.Server
	client   *container.ClusterManagerClient
	bucket   *objects.Bucket
	scc      *localscc.Server
	accounts *oidc.Accounts
	rotator  *Rotator
	approver http.Handler
	inside   func(*snapshot.Snapshot) // what the cluster's own API says
	may      caller.Permissions

	mu      sync.Mutex
	before  func(method string) error // a call of Tiercel's that does not arrive
	after   func(method string) error // an answer that is lost
	fail    func() error              // what operations come to
	calls   []string                  // that change the cluster, by Tiercel
	notices []posture.Notice
	alerts  []*alert.Alert
}

// permissions are what a deployment grants: the rotator's own, and a person's.
func permissions(without string) caller.Permissions {
	own := slices.DeleteFunc([]string{
		"container.clusters.list", "container.clusters.get", "container.clusters.update", "container.operations.list", "logging.logEntries.list",
		"logging.privateLogEntries.list",
	}, func(p string) bool { return p == without })
	return caller.Permissions{us: own, "mallory@example.com": {"container.clusters.update", "container.clusters.get"}}
}

func newCloud(t *testing.T, policy string, may caller.Permissions, change ...func(*pb.Cluster)) *cloud {
	t.Helper()
	c := &cloud{T: t, clock: clock.New(monday), may: may}
	logs := locallogging.New(locallogging.Config{Permissions: may})
	c.gke = gke.New(gke.Config{
		Permissions: may, Now: c.clock.Now, Audit: logs.Write,
		Before: func(ctx context.Context, method, _ string) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if caller.Of(ctx) != us {
				return nil
			}
			if strings.HasSuffix(method, "IPRotation") {
				c.calls = append(c.calls, method)
			}
			if c.before == nil {
				return nil
			}
			return c.before(method)
		},
		Fail: func(*pb.Operation) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.fail == nil {
				return nil
			}
			return c.fail()
		},
		After: func(ctx context.Context, method, _ string) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.after == nil || caller.Of(ctx) != us {
				return nil
			}
			return c.after(method)
		},
	})
	v := &pb.Cluster{
		Name: "shop", Location: "europe-west1", CurrentMasterVersion: "1.33.4-gke.1000", Status: pb.Cluster_RUNNING, Endpoint: "198.51.100.7",
		CreateTime: "2022-01-01T00:00:00Z",
		MasterAuth: &pb.MasterAuth{ClusterCaCertificate: gke.CA("shop", monday.Add(-1000*day), monday.Add(100*day))},
		NodePools: []*pb.NodePool{
			{Name: "first", Version: "1.33.4-gke.1000", InitialNodeCount: 2, Status: pb.NodePool_RUNNING},
			{Name: "second", Version: "1.33.4-gke.1000", InitialNodeCount: 1, Status: pb.NodePool_RUNNING},
		},
	}
	for _, f := range change {
		f(v)
	}
	if err := c.gke.PutCluster("p", v); err != nil {
		t.Fatal(err)
	}
	c.serve(logs, policy)
	return c
}

func (c *cloud) serve(logs *locallogging.Server, policy string) {
	c.Helper()
	check := func(err error) {
		c.Helper()
		if err != nil {
			c.Fatal(err)
		}
	}
	c.scc = localscc.New(localscc.Config{Now: c.clock.Now})
	check(c.scc.AddSource(sccSource, "Tiercel"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	g := grpc.NewServer()
	c.gke.Register(g)
	logs.Register(g)
	c.scc.Register(g)
	go g.Serve(l)
	c.Cleanup(g.Stop)
	ctx := c.Context()
	dial := []option.ClientOption{option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithUnaryInterceptor(asUs))}
	c.client, err = container.NewClusterManagerClient(ctx, dial...)
	check(err)
	logClient, err := logging.NewClient(ctx, dial...)
	check(err)
	findings, err := securitycenter.NewClient(ctx, dial...)
	check(err)
	records := httptest.NewServer(storage.New())
	c.Cleanup(records.Close)
	c.bucket, err = objects.NewBucket(ctx, "records", option.WithEndpoint(records.URL+"/storage/v1/"), option.WithoutAuthentication())
	check(err)
	if policy != "" {
		_, err := c.bucket.Put(ctx, "rotation.yaml", []byte(policy), nil, 0)
		check(err)
	}
	c.accounts, err = oidc.New(c.clock.Now)
	check(err)
	keys := httptest.NewServer(c.accounts.Keys())
	c.Cleanup(keys.Close)
	log := slog.New(slog.DiscardHandler)
	c.inside = c.well
	c.rotator = New(Config{
		Store: c.bucket, Policy: "rotation.yaml", Hands: Caller{c.client}, Findings: scc.NewWriter(findings, sccSource), Now: c.clock.Now, Log: log,
		Eyes: &Lookout{Projects: []string{"p"}, GKE: c.client, Logs: logClient, Kube: reader{c}, Account: us, Now: c.clock.Now},
		Publish: func(_ context.Context, data []byte, attributes map[string]string) error {
			a, err := alert.Unmarshal(data)
			if err == nil {
				err = alert.Validate(a)
			}
			if err != nil {
				c.Errorf("%v: %v", attributes, err)
			}
			c.alerts = append(c.alerts, a)
			return nil
		},
		Notify: func(_ context.Context, n posture.Notice) error {
			if !slices.ContainsFunc(c.notices, func(o posture.Notice) bool { return o.Key == n.Key }) {
				c.notices = append(c.notices, n)
			}
			return nil
		},
	})
	c.approver = Approver{Rotator: c.rotator, Audience: approving, Log: log, Tokens: idtoken.New(idtoken.Config{Keys: keys.URL, Now: c.clock.Now})}
}

// asUs calls as Tiercel unless the call says who it is.
func asUs(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if md, _ := metadata.FromOutgoingContext(ctx); len(md.Get(caller.Header)) == 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, caller.Header, us)
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// reader shows the simulator's nodes as the cluster's API would.
type reader struct{ *cloud }

func (r reader) Read(_ context.Context, s *snapshot.Snapshot) { r.inside(s) }

// well is a cluster in which nothing is in the way.
func (c *cloud) well(s *snapshot.Snapshot) {
	s.Kubernetes = &snapshot.Kubernetes{PDBs: []policyv1.PodDisruptionBudget{}, Webhooks: []snapshot.Webhook{}, CSRs: []snapshot.CSR{}, Nodes: []snapshot.Node{}}
	s.Kubernetes.Tokens.Complete = true
	for _, n := range c.gke.Nodes(shop.ClusterName()) {
		s.Kubernetes.Nodes = append(s.Kubernetes.Nodes, snapshot.Node{Name: n.Name, Pool: n.Pool, Created: n.Created, Ready: true})
	}
}

// tokens are static tokens beside that.
func (c *cloud) tokens(names ...string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		c.well(s)
		for _, name := range names {
			s.Kubernetes.Tokens.List = append(s.Kubernetes.Tokens.List, snapshot.Token{Namespace: "shop", Secret: name})
		}
	}
}

// tick has time pass and the schedule call.
func (c *cloud) tick(after time.Duration) *Record {
	c.Helper()
	c.clock.Advance(after)
	c.gke.CatchUp()
	if err := c.rotator.Tick(c.Context()); err != nil {
		c.Fatal(err)
	}
	return c.record()
}

func (c *cloud) record() *Record {
	c.Helper()
	o, err := c.bucket.Get(c.Context(), Name(shop))
	if err != nil {
		c.Fatal(err)
	}
	r, err := Parse(o)
	if err != nil {
		c.Fatal(err)
	}
	return &r
}

// until ticks every six hours until a state is reached.
func (c *cloud) until(want State) *Record {
	c.Helper()
	for range 60 {
		if r := c.tick(6 * time.Hour); r.State == want {
			return r
		}
	}
	r := c.record()
	c.Fatalf("%s (%s) and never %s: %s", r.State, r.From, want, r.Reason)
	return nil
}

// request is what `tiercel rotation approve` makes of what it shows.
func (c *cloud) request(phase Phase, acknowledge ...string) Request {
	r := c.record()
	return Request{Project: "p", Location: "europe-west1", Cluster: "shop", Phase: phase, CA: r.CA.Fingerprint, Nonce: r.Nonce,
		Expires: c.clock.Now().Add(48 * time.Hour), Acknowledge: acknowledge}
}

// post sends a request as somebody's.
func (c *cloud) post(who string, q Request) (int, Answer, string) {
	c.Helper()
	token, err := c.accounts.Token(who, approving)
	if err != nil {
		c.Fatal(err)
	}
	return c.send("Bearer "+token, q)
}

func (c *cloud) send(authorization string, q Request) (int, Answer, string) {
	c.Helper()
	body, err := json.Marshal(q)
	if err != nil {
		c.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	c.approver.ServeHTTP(w, r)
	var a Answer
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			c.Fatal(err)
		}
	}
	return w.Code, a, w.Body.String()
}

func (c *cloud) approve(who string, phase Phase, acknowledge ...string) {
	c.Helper()
	if code, a, body := c.post(who, c.request(phase, acknowledge...)); code != http.StatusOK || !a.Approved {
		c.Fatalf("%d %s", code, body)
	}
}

// findings are those that are active, by rule.
func (c *cloud) findings() (active []string) {
	for _, f := range c.scc.Findings() {
		if f.State == sccpb.Finding_ACTIVE {
			active = append(active, f.SourceProperties["rule"].GetStringValue())
		}
	}
	return active
}

// path are the states that were told of.
func (c *cloud) path() (states []string) {
	for _, n := range c.notices {
		if _, to, ok := strings.Cut(n.Subject, " → "); ok {
			states = append(states, to)
		}
	}
	return states
}

var errTimeout = status.Error(codes.DeadlineExceeded, "context deadline exceeded")

// farOff is an authority that is good for long.
func farOff(v *pb.Cluster) {
	v.MasterAuth.ClusterCaCertificate = gke.CA("shop", monday.Add(-100*day), monday.Add(4000*day))
}
