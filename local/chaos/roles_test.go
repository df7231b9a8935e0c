package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/functions"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
	"tiercel.dev/sensor/command"
)

// roleEnv makes the test binary one of the processes, dirEnv says where it keeps its data.
const (
	roleEnv = "TIERCEL_CHAOS_ROLE"
	dirEnv  = "TIERCEL_CHAOS_DIR"
)

// Names of what the processes share.
const (
	project    = "chaos"
	location   = "europe-west1"
	cluster    = "prod"
	source     = "organizations/1/sources/1"
	topicName  = "projects/chaos/topics/alerts-raw"
	enriched   = "projects/chaos/topics/alerts"
	quarantine = "projects/chaos/topics/quarantine"
	dead       = "projects/chaos/topics/dead"
	collector  = "projects/chaos/subscriptions/collector"

	quarantineKept = "projects/chaos/subscriptions/quarantine"
	deadKept       = "projects/chaos/subscriptions/dead"
)

// roles are the processes beside the sensor, by name; functionsOf names more of them.
var roles = map[string]func(dir string) error{"pubsub": runPubSub, "scc": runSCC, "storage": runStorage, "gke": runGKE}

// functionsOf is the nth process of the functions.
func functionsOf(n int) string { return fmt.Sprintf("functions-%d", n) }

// most is how many processes of the functions a test may have.
const most = 8

func init() {
	for n := range most {
		roles[functionsOf(n+1)] = runFunctions
	}
}

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleEnv); {
	case role == "":
		os.Exit(m.Run())
	case role == "sensor":
		os.Exit(command.Execute(command.Root(), os.Args[1:], os.Stdout, os.Stderr))
	default:
		fmt.Fprintln(os.Stderr, roles[role](os.Getenv(dirEnv)))
		os.Exit(1)
	}
}

// address is where a role listens, as the test chose it.
func address(role string) string { return os.Getenv("TIERCEL_CHAOS_ADDRESS_" + role) }

// listen waits for the port: the process before was killed with connections open.
func listen(role string) (l net.Listener, err error) {
	for range 500 {
		if l, err = net.Listen("tcp", address(role)); err == nil {
			return l, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

func runPubSub(dir string) error {
	s, err := pubsub.Open(filepath.Join(dir, "pubsub"), pubsub.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	if err := subscribe(s); err != nil {
		return err
	}
	g := grpc.NewServer(pubsub.Options()...)
	s.Register(g)
	l, err := listen("pubsub")
	if err != nil {
		return err
	}
	return g.Serve(l)
}

// subscribe makes what a deployment makes; after a restart most of it is there. The two subscriptions push to processes of
// their own, which share the ledger.
func subscribe(s *pubsub.Server) error {
	ctx := context.Background()
	made := func(err error) error {
		if status.Code(err) == codes.AlreadyExists {
			return nil
		}
		return err
	}
	for _, name := range []string{topicName, enriched, quarantine, dead} {
		if _, err := s.CreateTopic(ctx, &pb.Topic{Name: name}); made(err) != nil {
			return err
		}
	}
	const urgent = `(attributes.severity = "HIGH" OR attributes.severity = "CRITICAL")`
	for name, of := range map[string]struct{ topic, filter, role, function string }{
		"enrich": {topicName, "", "functions-1", functions.EnrichAlert},
		"route":  {enriched, `attributes.kind = "alert" AND NOT ` + urgent, "functions-1", functions.RouteAlert},
		"urgent": {enriched, `attributes.kind = "alert" AND ` + urgent, "functions-2", functions.RouteAlert},
	} {
		_, err := s.CreateSubscription(ctx, &pb.Subscription{
			Name: "projects/chaos/subscriptions/" + name, Topic: of.topic, Filter: of.filter, AckDeadlineSeconds: 20,
			PushConfig:       &pb.PushConfig{PushEndpoint: "http://" + address(of.role) + "/" + of.function},
			RetryPolicy:      &pb.RetryPolicy{MinimumBackoff: durationpb.New(200 * time.Millisecond), MaximumBackoff: durationpb.New(5 * time.Second)},
			DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: dead, MaxDeliveryAttempts: 100},
		})
		if made(err) != nil {
			return err
		}
	}
	for name, topic := range map[string]string{collector: topicName, quarantineKept: quarantine, deadKept: dead} {
		if _, err := s.CreateSubscription(ctx, &pb.Subscription{Name: name, Topic: topic, AckDeadlineSeconds: 600}); made(err) != nil {
			return err
		}
	}
	return nil
}

func runSCC(dir string) error {
	s, err := scc.Open(filepath.Join(dir, "scc"), scc.Config{WritesPerMinute: 1 << 20})
	if err != nil {
		return err
	}
	if err := s.AddSource(source, "Tiercel"); err != nil && status.Code(err) != codes.AlreadyExists {
		return err
	}
	g := grpc.NewServer()
	s.Register(g)
	l, err := listen("scc")
	if err != nil {
		return err
	}
	return g.Serve(l)
}

// runGKE knows the sensor's cluster, whose own API nobody serves: what it would tell is missing from alerts.
func runGKE(string) error {
	s := gke.New(gke.Config{})
	if err := s.PutCluster(project, &containerpb.Cluster{Name: cluster, Location: location, Status: containerpb.Cluster_RUNNING}); err != nil {
		return err
	}
	g := grpc.NewServer()
	s.Register(g)
	l, err := listen("gke")
	if err != nil {
		return err
	}
	return g.Serve(l)
}

func runStorage(dir string) error {
	s, err := storage.Open(filepath.Join(dir, "storage"))
	if err != nil {
		return err
	}
	l, err := listen("storage")
	if err != nil {
		return err
	}
	return (&http.Server{Handler: s, ReadHeaderTimeout: time.Minute}).Serve(l)
}

func runFunctions(string) error {
	role := os.Getenv(roleEnv)
	settings := func() (functions.Settings, error) {
		return functions.Settings{
			Project: project, AlertsTopic: enriched, QuarantineTopic: quarantine, Bucket: "records", Source: source, MaxInstances: 2,
			ClusterProjects: []string{project},
		}, nil
	}
	mux := http.NewServeMux()
	for name, handler := range functions.Handlers(settings, functions.Endpoints{
		PubSub: services("pubsub"), SCC: services("scc"), GKE: services("gke"),
		Kubernetes: functions.Kubernetes{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "chaos"})},
		Storage:    []option.ClientOption{option.WithEndpoint("http://" + address("storage") + "/storage/v1/"), option.WithoutAuthentication()},
	}, slog.New(slog.NewTextHandler(os.Stderr, nil))) {
		mux.Handle("/"+name, handler)
	}
	l, err := listen(role)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(l)
}

func services(role string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(address(role)), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}
