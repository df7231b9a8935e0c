// Package deployment is what Google's APIs say of a deployment of Tiercel on one machine: its functions, schedules, secrets, images,
// services, grants, and what waits. Package deployed says what there is; what runs behind it is others'.
package deployment

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/functions/apiv2/functionspb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/api/artifactregistry/v1"
	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/secretmanager/v1"
	"google.golang.org/grpc"

	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/cloudfunctions"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/resourcemanager"
	"tiercel.dev/local/rest"
)

// Config says what is deployed, and where.
type Config struct {
	Gate     caller.Gate
	Project  string
	Location string
	Deployed deployed.Deployment
	// Settings are the environment of every function.
	Settings map[string]string
	// URI is where a function is served, by its entry point.
	URI func(entryPoint string) string
	// Waiting are the figures of Pub/Sub's subscriptions.
	Waiting func() []pubsub.SubscriptionStats
	Now     func() time.Time
}

// A Server answers for a deployment. What is exported may be changed before it is asked, to be a deployment that is not well.
type Server struct {
	Functions *cloudfunctions.Server
	Directory *iam.Directory
	Jobs      map[string]*cloudscheduler.Job // by function
	Secrets   map[string]int                 // how many enabled versions each has
	Images    []*artifactregistry.DockerImage
	Services  []string

	cfg  Config
	mu   sync.Mutex // guards Jobs while it is served
	rest http.Handler
}

// New returns a server of a deployment that is well.
func New(cfg Config) *Server {
	s := &Server{
		cfg: cfg, Functions: cloudfunctions.New(cfg.Gate), Directory: iam.NewDirectory(), Jobs: make(map[string]*cloudscheduler.Job),
		Secrets: make(map[string]int), Services: slices.Clone(cfg.Deployed.APIs),
	}
	for _, f := range cfg.Deployed.Functions {
		s.Functions.Put(s.Function(f))
		if f.Cron != "" {
			s.Jobs[f.Name] = s.job(f)
		}
		for _, secret := range f.Secrets {
			s.Secrets[secret] = 1
		}
	}
	s.Directory.Put("projects/"+cfg.Project, "")
	for _, sub := range cfg.Deployed.Subscriptions {
		if sub.DeadLetter != "" {
			s.Grant("projects/"+cfg.Project+"/subscriptions/"+sub.Name, "roles/pubsub.subscriber", s.Agent())
			s.Grant("projects/"+cfg.Project+"/topics/"+sub.DeadLetter, "roles/pubsub.publisher", s.Agent())
		}
	}
	s.Images = []*artifactregistry.DockerImage{{
		Uri:        cfg.Location + "-docker.pkg.dev/" + cfg.Project + "/" + cfg.Deployed.Repository + "/sensor@sha256:" + strings.Repeat("0", 64),
		UploadTime: cfg.Now().UTC().Format(time.RFC3339Nano),
	}}
	s.rest = rest.New(rest.Config{Gate: cfg.Gate, Jobs: s.jobs, Versions: s.versions, Images: s.images, Services: func() []string { return s.Services }, Series: s.series})
	return s
}

// Register serves what is asked by gRPC on g.
func (s *Server) Register(g *grpc.Server) {
	s.Functions.Register(g)
	iam.NewPolicies(s.cfg.Gate, s.Directory).Register(g)
	resourcemanager.New(s.cfg.Gate, s.Directory).Register(g)
}

// ServeHTTP serves what is asked by REST.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.rest.ServeHTTP(w, r) }

// Function is one as it is deployed.
func (s *Server) Function(f deployed.Function) *pb.Function {
	service := &pb.ServiceConfig{
		EnvironmentVariables: s.cfg.Settings, MaxInstanceCount: 1, Uri: s.cfg.URI(f.EntryPoint), ServiceAccountEmail: f.Account,
	}
	for _, secret := range f.Secrets {
		service.SecretEnvironmentVariables = append(service.SecretEnvironmentVariables, &pb.SecretEnvVar{Secret: secret, Version: "latest"})
	}
	return &pb.Function{
		Name: s.parent() + "/functions/" + f.Name, State: pb.Function_ACTIVE, Environment: pb.Environment_GEN_2, ServiceConfig: service,
		BuildConfig: &pb.BuildConfig{Runtime: "go126", EntryPoint: f.EntryPoint},
	}
}

func (s *Server) parent() string { return "projects/" + s.cfg.Project + "/locations/" + s.cfg.Location }

// Grant gives somebody a role on a resource, whose other grants end.
func (s *Server) Grant(resource, role, member string) {
	s.Directory.PutPolicy(iam.Policy{Resource: resource, Policy: &iampb.Policy{Version: 1, Bindings: []*iampb.Binding{{Role: role, Members: []string{member}}}}})
}

// Agent is the account by which Pub/Sub acts in the project.
func (s *Server) Agent() string { return pubsubAgent(gke.ProjectNumber(s.cfg.Project)) }

func (s *Server) versions(secret string) (all []*secretmanager.SecretVersion, ok bool) {
	n, ok := s.Secrets[secret]
	for i := range n {
		all = append(all, &secretmanager.SecretVersion{Name: versionName(s.cfg.Project, secret, n-i), State: "ENABLED"})
	}
	return all, ok
}

func (s *Server) images(repository string) ([]*artifactregistry.DockerImage, bool) {
	return s.Images, repository == s.cfg.Deployed.Repository
}
