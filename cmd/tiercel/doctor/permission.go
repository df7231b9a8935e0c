package doctor

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A Permission is one that looking takes.
type Permission struct {
	Name string
	Role string // the smallest of Google's roles that has it, of those that the build's account has; empty for none of them
	On   string // what it is granted on
	Why  string
}

// What permissions are granted on.
const (
	onProject = "the project"
	onSource  = "the source of findings"
)

// The permissions by what they are for.
var (
	listFunctions  = Permission{"cloudfunctions.functions.list", "roles/cloudfunctions.developer", onProject, "state, account, settings and instances of functions"}
	listRuntimes   = Permission{"cloudfunctions.runtimes.list", "roles/cloudfunctions.developer", onProject, "whether their runtime is deprecated"}
	getProject     = Permission{"resourcemanager.projects.get", "roles/cloudfunctions.developer", onProject, "the project's number, by which its Pub/Sub agent is known"}
	listServices   = Permission{"serviceusage.services.list", "roles/serviceusage.serviceUsageAdmin", onProject, "which APIs are on"}
	listJobs       = Permission{"cloudscheduler.jobs.list", "roles/cloudscheduler.admin", onProject, "schedules and their last attempts"}
	listTopics     = Permission{"pubsub.topics.list", "roles/pubsub.admin", onProject, "topics and their schemas"}
	topicPolicy    = Permission{"pubsub.topics.getIamPolicy", "roles/pubsub.admin", onProject, "whether Pub/Sub may publish dead letters"}
	listSubs       = Permission{"pubsub.subscriptions.list", "roles/pubsub.admin", onProject, "subscriptions, where they push and what they keep"}
	subPolicy      = Permission{"pubsub.subscriptions.getIamPolicy", "roles/pubsub.admin", onProject, "whether Pub/Sub may take dead letters out of subscriptions"}
	readSeries     = Permission{"monitoring.timeSeries.list", "roles/monitoring.editor", onProject, "what waits in subscriptions, and use of quotas"}
	listVersions   = Permission{"secretmanager.versions.list", "roles/secretmanager.admin", onProject, "whether secrets have a version, never what it is"}
	listImages     = Permission{"artifactregistry.dockerimages.list", "roles/artifactregistry.admin", onProject, "whether there is an image of the sensor"}
	getObjects     = Permission{"storage.objects.get", "roles/storage.admin", onProject, "the functions' records: sensors, runs, rotations, reports"}
	listObjects    = Permission{"storage.objects.list", "roles/storage.admin", onProject, "which records there are"}
	getSource      = Permission{"securitycenter.sources.get", "", onSource, "whether the source is there"}
	sourcePolicy   = Permission{"securitycenter.sources.getIamPolicy", "", onSource, "whether functions may write findings"}
	updateFindings = Permission{"securitycenter.findings.update", "", onSource, "with --test-finding alone: writes it and sets it inactive"}
)

// unseen is the line of something that could not be looked at.
func (p *patient) unseen(name string, needs Permission, err error) Line {
	l := Line{Name: name, State: Unknown}
	switch service := disabled(err); {
	case service != "":
		l.Seen = "the API " + service + " is off"
		l.Do = fmt.Sprintf("gcloud services enable %s --project %s", service, p.Project)
	case refused(err):
		l.Permission = needs.Name
		l.Seen = fmt.Sprintf("you lack %s on %s", needs.Name, needs.On)
		l.Do = "grant it: docs/doctor.md has a role of all that doctor reads"
	default:
		l.Seen = "could not be asked: " + err.Error()
		l.Do = "ask again"
	}
	return l
}

// disabled is the service that an answer says is off in the project; empty for other answers.
func disabled(err error) string {
	if answer, ok := apierror.FromError(err); ok && answer.Reason() == "SERVICE_DISABLED" {
		return answer.Metadata()["service"]
	}
	return ""
}

func refused(err error) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	return ok && answer.Code == http.StatusForbidden || code(err) == codes.PermissionDenied
}

func missing(err error) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	return ok && answer.Code == http.StatusNotFound || code(err) == codes.NotFound
}

// code is gRPC's, of whatever the error is wrapped in.
func code(err error) codes.Code {
	if answer, ok := apierror.FromError(err); ok && answer.GRPCStatus() != nil {
		return answer.GRPCStatus().Code()
	}
	return status.Code(err)
}
