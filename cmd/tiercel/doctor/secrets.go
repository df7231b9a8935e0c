package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/artifactregistry/v1"
)

// examineSecrets looks whether what functions read when they start is there. Nobody reads the secrets themselves.
func (p *patient) examineSecrets(ctx context.Context) []Line {
	if p.functions == nil {
		return nowhere("secrets")
	}
	var names []string
	for _, f := range p.functions {
		for _, s := range f.GetServiceConfig().GetSecretEnvironmentVariables() {
			names = append(names, s.GetSecret())
		}
	}
	slices.Sort(names)
	var lines []Line
	for _, name := range slices.Compact(names) {
		lines = append(lines, p.examineSecret(ctx, name))
	}
	if len(lines) == 0 {
		return []Line{{Name: "secrets", State: OK, Seen: "no function reads any, so nothing is mailed"}}
	}
	return lines
}

func (p *patient) examineSecret(ctx context.Context, name string) Line {
	parent := "projects/" + p.Project + "/secrets/" + name
	l := Line{Name: name, State: OK}
	answer, err := p.secrets.Projects.Secrets.Versions.List(parent).Filter("state:ENABLED").PageSize(1).Context(ctx).Do()
	switch {
	case missing(err):
		l.worse(Fail, "is not there", redeploy)
	case err != nil:
		return p.unseen(name, listVersions, err)
	case len(answer.Versions) == 0:
		l.worse(Fail, "has no version that is enabled, so the functions that read it cannot start",
			fmt.Sprintf("gcloud secrets versions add %s --project %s --data-file=-", name, p.Project))
	default:
		l.Seen = "version " + last(answer.Versions[0].Name) + " is enabled"
	}
	return l
}

// sensorImage is the package that scripts/deploy pushes to.
const sensorImage = "sensor"

// examineImages looks for the sensor's image.
func (p *patient) examineImages(ctx context.Context) []Line {
	if p.settings.region == "" {
		return nowhere("images")
	}
	parent := "projects/" + p.Project + "/locations/" + p.settings.region + "/repositories/" + p.Expected.Repository
	var newest *artifactregistry.DockerImage
	n := 0
	err := p.images.Projects.Locations.Repositories.DockerImages.List(parent).Pages(ctx, func(page *artifactregistry.ListDockerImagesResponse) error {
		for _, i := range page.DockerImages {
			if name, _, _ := strings.Cut(last(i.Uri), "@"); name != sensorImage {
				continue
			}
			n++
			if newest == nil || i.UploadTime > newest.UploadTime {
				newest = i
			}
		}
		return nil
	})
	switch {
	case missing(err):
		return []Line{{Name: p.Expected.Repository, State: Fail, Seen: "there is no such repository", Do: redeploy}}
	case err != nil:
		return []Line{p.unseen(p.Expected.Repository, listImages, err)}
	case newest == nil:
		return []Line{{Name: sensorImage, State: Warn, Seen: "there is no image of the sensor", Do: redeploy}}
	}
	return []Line{{Name: sensorImage, State: OK, Seen: fmt.Sprintf("the newest of %d is of %s: %s", n, short(newest.UploadTime), last(newest.Uri))}}
}
