package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/serviceusage/v1"
	"google.golang.org/grpc/codes"
)

// examineAPIs looks which APIs are on.
func (p *patient) examineAPIs(ctx context.Context) []Line {
	on := make(map[string]bool)
	err := p.services.Services.List("projects/"+p.Project).Filter("state:ENABLED").PageSize(200).Pages(ctx, func(page *serviceusage.ListServicesResponse) error {
		for _, s := range page.Services {
			on[s.Config.Name] = true
		}
		return nil
	})
	if err != nil {
		return []Line{p.unseen("apis", listServices, err)}
	}
	var off []string
	for _, api := range p.Expected.APIs {
		if !on[api] {
			off = append(off, api)
		}
	}
	if len(off) > 0 {
		return []Line{{
			Name: "apis", State: Fail, Seen: "off: " + strings.Join(off, ", "),
			Do: fmt.Sprintf("gcloud services enable %s --project %s", strings.Join(off, " "), p.Project),
		}}
	}
	return []Line{{Name: "apis", State: OK, Seen: fmt.Sprintf("all %d are on", len(p.Expected.APIs))}}
}

// nowhere is the line of what stands in the functions' region, where nobody knows that.
func nowhere(name string) []Line {
	return []Line{{Name: name, State: Unknown, Seen: "no function could be seen, so nobody knows in which region to look", Do: "see the lines about functions"}}
}

// examineSchedules looks at the jobs that call functions.
func (p *patient) examineSchedules(ctx context.Context) []Line {
	if p.settings.region == "" {
		return nowhere("schedules")
	}
	jobs := make(map[string]*cloudscheduler.Job)
	parent := "projects/" + p.Project + "/locations/" + p.settings.region
	err := p.schedules.Projects.Locations.Jobs.List(parent).Pages(ctx, func(page *cloudscheduler.ListJobsResponse) error {
		for _, j := range page.Jobs {
			jobs[strings.TrimPrefix(j.Name, parent+"/jobs/")] = j
		}
		return nil
	})
	if err != nil {
		return []Line{p.unseen("schedules", listJobs, err)}
	}
	var lines []Line
	for _, want := range p.Expected.Functions {
		if want.Cron != "" && p.wanted(want.Needs) {
			lines = append(lines, p.judgeJob(want.Name, jobs[want.Name]))
		}
	}
	return lines
}

func (p *patient) judgeJob(name string, j *cloudscheduler.Job) Line {
	if j == nil {
		return Line{Name: name, State: Fail, Seen: "has no schedule", Do: redeploy}
	}
	l := Line{Name: name, State: OK, Seen: fmt.Sprintf("%s, %s", j.State, j.Schedule)}
	at := fmt.Sprintf("%s --location %s --project %s", name, p.settings.region, p.Project)
	switch j.State {
	case "ENABLED":
	case "PAUSED":
		l.worse(Fail, "somebody paused it", "gcloud scheduler jobs resume "+at)
	default:
		l.worse(Fail, "it does not run", redeploy)
	}
	if j.LastAttemptTime == "" {
		l.worse(Warn, "it has not run yet", "gcloud scheduler jobs run "+at)
	} else {
		l.Seen = join(l.Seen, "last "+short(j.LastAttemptTime))
	}
	if j.ScheduleTime != "" {
		l.Seen = join(l.Seen, "next "+short(j.ScheduleTime))
	}
	if s := j.Status; s != nil && s.Code != 0 {
		l.worse(Warn, fmt.Sprintf("the last attempt failed: %s", join(codes.Code(s.Code).String(), s.Message)),
			fmt.Sprintf("gcloud functions logs read %s --region %s --project %s", name, p.settings.region, p.Project))
	}
	f, ok := p.functions[name]
	switch target := j.HttpTarget; {
	case !ok:
	case target == nil || !strings.HasPrefix(target.Uri, f.GetServiceConfig().GetUri()):
		l.worse(Fail, "it does not call the function", redeploy)
	case target.OidcToken == nil || target.OidcToken.ServiceAccountEmail != p.invoker():
		l.worse(Fail, "it does not call as "+p.invoker()+", the only account that may", redeploy)
	}
	return l
}

// invoker is the account that may call functions: the one that pushes.
func (p *patient) invoker() string {
	for _, s := range p.Expected.Subscriptions {
		if s.Account != "" {
			return s.Account
		}
	}
	return ""
}

// short is a time of an API's to the minute, or what it says that is none.
func short(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
