package doctor

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/alert"
	"tiercel.dev/functions/fleet"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/deployed"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/deployment"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

const (
	testProject = "p-1"
	testRegion  = "europe-west1"
	testSource  = "organizations/1/sources/2"
	viewer      = "viewer@example.com"
)

// now is a Wednesday; the weekly report was due on Monday.
var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// A world is a deployment, by the stand-ins of all that is asked.
type world struct {
	t        *testing.T
	config   Config
	may      caller.Permissions
	admin    *deployment.Server
	settings map[string]string
	pubsub   *pubsub.Server
	scc      *scc.Server
	records  *objects.Bucket
	waiting  map[string]pubsub.SubscriptionStats
	cloud    *Cloud
}

// uri is where a function is.
func uri(entryPoint string) string { return "https://" + strings.ToLower(entryPoint) + ".run.app" }

// well is a deployment of which nothing is to be said.
func well(t *testing.T) *world {
	t.Helper()
	d := deployed.Infra(testProject)
	w := &world{
		t: t, waiting: make(map[string]pubsub.SubscriptionStats),
		config: Config{Project: testProject, Expected: d, Now: func() time.Time { return now }},
		settings: map[string]string{
			"TIERCEL_PROJECT": testProject, "TIERCEL_BUCKET": d.Buckets.Records, "TIERCEL_SCC_SOURCE": testSource + "/locations/eu",
			"TIERCEL_MAX_INSTANCES": "8", "TIERCEL_SMTP": "mail.example.com",
		},
	}
	w.may = caller.Permissions{viewer: nil}
	for _, p := range permissions {
		w.may[viewer] = append(w.may[viewer], p.Name)
	}
	gate := caller.Gate{Permissions: w.may}
	w.pubsub = pubsub.New(pubsub.Config{})
	w.scc = scc.New(scc.Config{Permissions: w.may, Now: w.config.Now})
	w.admin = deployment.New(deployment.Config{
		Gate: gate, Project: testProject, Location: testRegion, Deployed: d, Settings: w.settings, URI: uri, Waiting: w.figures, Now: w.config.Now,
	})
	for _, f := range d.Functions {
		w.admin.Called(f.EntryPoint, now.Add(-time.Minute), codes.OK)
	}
	w.serve()
	w.subscribe(d)
	w.source(d)
	w.keep()
	return w
}

// figures are Monitoring's of what waits: nothing, unless a test says so.
func (w *world) figures() (all []pubsub.SubscriptionStats) {
	for _, st := range w.pubsub.Stats() {
		if other, ok := w.waiting[last(st.Name)]; ok {
			other.Name = st.Name
			st = other
		}
		all = append(all, st)
	}
	return all
}

// byPubSub are the permissions of Pub/Sub's calls, which its stand-in does not ask for.
var byPubSub = map[string]string{
	pb.Publisher_ListTopics_FullMethodName: "pubsub.topics.list", pb.Subscriber_ListSubscriptions_FullMethodName: "pubsub.subscriptions.list",
}

func (w *world) serve() {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	gate := caller.Gate{Permissions: w.may}
	g := grpc.NewServer(append(pubsub.Options(), grpc.UnaryInterceptor(func(ctx context.Context, r any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if p := byPubSub[info.FullMethod]; p != "" {
			if err := gate.Pass(ctx, info.FullMethod, "projects/"+testProject, p); err != nil {
				return nil, err
			}
		}
		return next(ctx, r)
	}))...)
	w.pubsub.Register(g)
	w.scc.Register(g)
	w.admin.Register(g)
	go g.Serve(l)
	rest := httptest.NewServer(w.admin)
	files := storage.New()
	bucket := httptest.NewServer(files)
	w.t.Cleanup(func() { w.pubsub.Close(); g.Stop(); rest.Close(); bucket.Close() })
	files.Fail(func(r *http.Request) int {
		permission := "storage.objects.get"
		if strings.HasSuffix(r.URL.Path, "/o") {
			permission = "storage.objects.list"
		}
		if r.Method == http.MethodGet && !slices.Contains(w.may[viewer], permission) {
			return http.StatusForbidden
		}
		return 0
	})
	store := []option.ClientOption{option.WithEndpoint(bucket.URL + "/storage/v1/"), option.WithoutAuthentication()}
	if w.records, err = objects.NewBucket(w.t.Context(), w.config.Expected.Buckets.Records, store...); err != nil {
		w.t.Fatal(err)
	}
	w.cloud, err = NewCloud(w.t.Context(), Endpoints{
		GRPC: []option.ClientOption{
			option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(asViewer)),
		},
		REST:    []option.ClientOption{option.WithEndpoint(rest.URL), option.WithHTTPClient(&http.Client{Transport: viewing{}})},
		Storage: store,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.cloud.Close() })
}

func asViewer(ctx context.Context, method string, in, out any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(metadata.AppendToOutgoingContext(ctx, caller.Header, viewer), method, in, out, cc, opts...)
}

// viewing has requests say who makes them.
type viewing struct{}

func (viewing) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set(caller.Header, viewer)
	return http.DefaultTransport.RoundTrip(r)
}

// subscribe makes topics and subscriptions as infra/ does.
func (w *world) subscribe(d deployed.Deployment) {
	w.t.Helper()
	parent := "projects/" + testProject
	ctx := w.t.Context()
	schema := &pb.Schema{Name: parent + "/schemas/tiercel-alert", Type: pb.Schema_PROTOCOL_BUFFER, Definition: alert.Definition}
	if _, err := w.pubsub.CreateSchema(ctx, &pb.CreateSchemaRequest{Parent: parent, SchemaId: "tiercel-alert", Schema: schema}); err != nil {
		w.t.Fatal(err)
	}
	for _, t := range d.Topics {
		topic := &pb.Topic{Name: parent + "/topics/" + t.Name}
		if t.Schema != "" {
			topic.SchemaSettings = &pb.SchemaSettings{Schema: parent + "/schemas/" + t.Schema, Encoding: pb.Encoding_JSON}
		}
		if _, err := w.pubsub.CreateTopic(ctx, topic); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, s := range d.Subscriptions {
		if _, err := w.pubsub.CreateSubscription(ctx, subscription(d, s)); err != nil {
			w.t.Fatal(s.Name, err)
		}
	}
}

// subscription is one as infra/ makes it.
func subscription(d deployed.Deployment, s deployed.Subscription) *pb.Subscription {
	parent := "projects/" + testProject
	out := &pb.Subscription{
		Name: parent + "/subscriptions/" + s.Name, Topic: parent + "/topics/" + s.Topic, Filter: s.Filter, AckDeadlineSeconds: 60,
		MessageRetentionDuration: durationpb.New(time.Duration(s.Retention) * time.Second), ExpirationPolicy: new(pb.ExpirationPolicy),
	}
	if s.DeadLetter != "" {
		out.DeadLetterPolicy = &pb.DeadLetterPolicy{DeadLetterTopic: parent + "/topics/" + s.DeadLetter, MaxDeliveryAttempts: 50}
		out.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(10 * time.Minute)}
	}
	for _, f := range d.Functions {
		if f.Name == s.Function {
			out.PushConfig = &pb.PushConfig{PushEndpoint: uri(f.EntryPoint), AuthenticationMethod: &pb.PushConfig_OidcToken_{
				OidcToken: &pb.PushConfig_OidcToken{ServiceAccountEmail: s.Account, Audience: uri(f.EntryPoint)},
			}}
		}
	}
	return out
}

// source makes that of findings, and lets those write who should.
func (w *world) source(d deployed.Deployment) {
	w.t.Helper()
	if err := w.scc.AddSource(testSource, "Tiercel"); err != nil {
		w.t.Fatal(err)
	}
	w.writers(func(deployed.Function) bool { return true })
}

// writers are those of the functions that may write findings.
func (w *world) writers(wanted func(deployed.Function) bool) {
	w.t.Helper()
	binding := &iampb.Binding{Role: "roles/securitycenter.findingsEditor"}
	for _, f := range w.config.Expected.Functions {
		if f.Findings && wanted(f) {
			binding.Members = append(binding.Members, "serviceAccount:"+f.Account)
		}
	}
	w.may[""] = []string{"securitycenter.sources.setIamPolicy"}
	_, err := w.scc.SetIamPolicy(w.t.Context(), &iampb.SetIamPolicyRequest{Resource: testSource, Policy: &iampb.Policy{Bindings: []*iampb.Binding{binding}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

var shop = posture.Resource{Project: testProject, Location: testRegion, Cluster: "shop"}

// keep puts what scheduled functions leave.
func (w *world) keep() {
	run := schedule.RunAt(now.Add(-7 * time.Hour))
	w.put(schedule.Harden.Manifest(run), schedule.Manifest{Run: run, Work: schedule.Harden, Time: run.Time(), Clusters: []posture.Resource{shop}, Given: run.Time()})
	w.put(schedule.Harden.Record(run, shop), posture.Cluster{Resource: shop})
	old := schedule.RunAt(now.Add(-7 * 24 * time.Hour))
	w.put(schedule.Harden.Manifest(old), schedule.Manifest{Run: old, Work: schedule.Harden})
	w.text("report/settings.yaml", weekly)
	w.put("report/history/20261123T070000Z.json", map[string]string{})
	w.rotation(rotate.Idle)
	w.fleet(nil)
}

// fleet puts what the last check of the fleet came to: a cluster of three nodes, all well, unless change makes it another.
func (w *world) fleet(change func(*fleet.Status)) {
	s := &fleet.Status{Version: 1, Checked: now.Add(-30 * time.Second), Clusters: []fleet.ClusterLine{{
		Project: testProject, Location: testRegion, Name: "shop", Since: now.Add(-time.Hour), Nodes: 3, Well: 3,
		Versions: map[string]int{"v1.4.0": 3}, RuleSets: map[string]int{"abc": 3},
	}}}
	if change != nil {
		change(s)
	}
	w.put(fleet.StatusName, s)
}

func (w *world) put(name string, v any) {
	w.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.text(name, string(data))
}

func (w *world) text(name, text string) {
	w.t.Helper()
	var generation int64
	if o, err := w.records.Get(w.t.Context(), name); err == nil {
		generation = o.Generation
	}
	if _, err := w.records.Put(w.t.Context(), name, []byte(text), nil, generation); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) examine() *Report {
	w.t.Helper()
	r, err := Examine(w.t.Context(), w.cloud, w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// not are the lines that are not OK: "AREA NAME STATE".
func (r *Report) not(state State) (some []string) {
	for _, l := range r.Lines {
		if l.State != state {
			some = append(some, l.Area+" "+l.Name+" "+string(l.State)+": "+l.Seen)
		}
	}
	return some
}

// permissions are all that looking takes.
var permissions = []Permission{
	listFunctions, listRuntimes, getProject, listServices, listJobs, listTopics, topicPolicy, listSubs, subPolicy, readSeries, listVersions,
	listImages, getObjects, listObjects, getSource, sourcePolicy, updateFindings,
}
