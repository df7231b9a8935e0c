// Package rest has the APIs of one machine that are asked by REST for what is deployed, and answer as much as that takes: Cloud
// Scheduler, Secret Manager (never a secret), Artifact Registry, Service Usage and Cloud Monitoring. What they say is asked for at
// each call; nothing is kept here.
package rest

import (
	"net/http"

	"google.golang.org/api/artifactregistry/v1"
	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/monitoring/v3"
	"google.golang.org/api/secretmanager/v1"
	"google.golang.org/api/serviceusage/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
)

// Config is what there is. All functions must be set.
type Config struct {
	Gate caller.Gate
	// Jobs are Cloud Scheduler's, of all locations.
	Jobs func() []*cloudscheduler.Job
	// Versions are the enabled ones of a secret, by its name without a project; false if there is no such secret.
	Versions func(secret string) ([]*secretmanager.SecretVersion, bool)
	// Images are those of a repository; false if there is none of that name.
	Images func(repository string) ([]*artifactregistry.DockerImage, bool)
	// Services are the names of APIs that are on.
	Services func() []string
	// Series are Monitoring's, each with its newest points.
	Series func() []*monitoring.TimeSeries
}

// New serves the APIs.
func New(cfg Config) http.Handler {
	s := &server{cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/projects/{project}/locations/{location}/jobs", s.jobs)
	mux.HandleFunc("GET /v1/projects/{project}/secrets/{secret}/versions", s.versions)
	mux.HandleFunc("GET /v1/projects/{project}/locations/{location}/repositories/{repository}/dockerImages", s.images)
	mux.HandleFunc("GET /v1/projects/{project}/services", s.services)
	mux.HandleFunc("GET /v3/projects/{project}/timeSeries", s.series)
	return mux
}

type server struct{ cfg Config }

// pass refuses a call whose caller lacks the permission, and reports whether it may go on.
func (s *server) pass(w http.ResponseWriter, r *http.Request, method, permission string) bool {
	if err := s.cfg.Gate.PassHTTP(r, method, "projects/"+r.PathValue("project"), permission); err != nil {
		caller.Refuse(w, err)
		return false
	}
	return true
}

// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs/list
func (s *server) jobs(w http.ResponseWriter, r *http.Request) {
	if s.pass(w, r, "ListJobs", "cloudscheduler.jobs.list") {
		caller.Answer(w, &cloudscheduler.ListJobsResponse{Jobs: s.cfg.Jobs()})
	}
}

// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/list
func (s *server) versions(w http.ResponseWriter, r *http.Request) {
	if !s.pass(w, r, "ListSecretVersions", "secretmanager.versions.list") {
		return
	}
	if filter := r.FormValue("filter"); filter != "state:ENABLED" {
		caller.Refuse(w, status.Errorf(codes.InvalidArgument, "filter %q is none that is known here: state:ENABLED", filter))
		return
	}
	versions, ok := s.cfg.Versions(r.PathValue("secret"))
	if !ok {
		caller.Refuse(w, status.Errorf(codes.NotFound, "Secret [%s] not found.", r.PathValue("secret")))
		return
	}
	caller.Answer(w, &secretmanager.ListSecretVersionsResponse{Versions: versions, TotalSize: int64(len(versions))})
}

// https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.dockerImages/list
func (s *server) images(w http.ResponseWriter, r *http.Request) {
	if !s.pass(w, r, "ListDockerImages", "artifactregistry.dockerimages.list") {
		return
	}
	images, ok := s.cfg.Images(r.PathValue("repository"))
	if !ok {
		caller.Refuse(w, status.Errorf(codes.NotFound, "Requested entity was not found: %s", r.PathValue("repository")))
		return
	}
	caller.Answer(w, &artifactregistry.ListDockerImagesResponse{DockerImages: images})
}

// https://cloud.google.com/service-usage/docs/reference/rest/v1/services/list
func (s *server) services(w http.ResponseWriter, r *http.Request) {
	if !s.pass(w, r, "ListServices", "serviceusage.services.list") {
		return
	}
	if filter := r.FormValue("filter"); filter != "state:ENABLED" {
		caller.Refuse(w, status.Errorf(codes.InvalidArgument, "filter %q is none that is known here: state:ENABLED", filter))
		return
	}
	answer := new(serviceusage.ListServicesResponse)
	for _, name := range s.cfg.Services() {
		answer.Services = append(answer.Services, &serviceusage.GoogleApiServiceusageV1Service{
			Name: "projects/" + r.PathValue("project") + "/services/" + name, State: "ENABLED",
			Config: &serviceusage.GoogleApiServiceusageV1ServiceConfig{Name: name},
		})
	}
	caller.Answer(w, answer)
}
