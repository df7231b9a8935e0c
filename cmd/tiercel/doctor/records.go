package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tiercel.dev/functions/report"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/objects"
)

// records opens the bucket that the functions' settings name.
func (p *patient) records(ctx context.Context) (*objects.Bucket, error) {
	return objects.NewBucket(ctx, p.settings.bucket, p.endpoints.Storage...)
}

// unread is the line of records that could not be read. A bucket that is not there is one.
func (p *patient) unread(name string, err error) Line {
	if errors.Is(err, objects.ErrNotFound) {
		return Line{Name: name, State: Fail, Seen: "there is no bucket " + p.settings.bucket, Do: redeploy}
	}
	needs := getObjects
	if strings.Contains(err.Error(), "list gs://") {
		needs = listObjects
	}
	return p.unseen(name, needs, err)
}

// examineRecords looks at what the scheduled functions have left.
func (p *patient) examineRecords(ctx context.Context) []Line {
	bucket, err := p.records(ctx)
	if err != nil {
		return []Line{p.unread("records", err)}
	}
	return []Line{p.hardening(ctx, bucket), p.reports(ctx, bucket), p.rotations(ctx, bucket), p.policies(ctx, bucket)}
}

// policies looks whether what settings name is there: without it functions tell what is due and do nothing, and hold rights for it. The
// where list is none of them, since a deployment names one before anybody has written it.
func (p *patient) policies(ctx context.Context, bucket *objects.Bucket) Line {
	l := Line{Name: "policies", State: OK}
	for _, setting := range slices.Sorted(maps.Keys(p.settings.policies)) {
		name := p.settings.policies[setting]
		_, err := bucket.Get(ctx, name)
		switch {
		case errors.Is(err, objects.ErrNotFound):
			l.worse(Warn, name+", which "+setting+" names, is not there", fmt.Sprintf("write it and put it there (gcloud storage cp FILE gs://%s/%s), or take the setting away",
				p.settings.bucket, name))
		case err != nil:
			return p.unread(l.Name, err)
		}
	}
	if l.State == OK {
		l.Seen = fmt.Sprintf("%d are named by settings, and there", len(p.settings.policies))
	}
	return l
}

// runAge is when the newest run is so old that a schedule of days should have made another.
const runAge = 48 * time.Hour

func (p *patient) hardening(ctx context.Context, store report.Store) Line {
	l := Line{Name: "hardening run", State: OK}
	m, none, err := report.LastRun(ctx, store, p.Now())
	switch {
	case errors.Is(err, report.ErrNoRun):
		l.worse(Warn, "there is none yet", p.run("tiercel-begin"))
		return l
	case err != nil:
		return p.unread(l.Name, err)
	}
	l.Seen = fmt.Sprintf("%s: %d clusters", m.Run.Time().Format("2006-01-02 15:04 UTC"), len(m.Clusters))
	age := p.Now().Sub(m.Run.Time())
	// A run takes its time: what is not there after some hours does not come.
	if late := age > 3*time.Hour; late && m.Given.IsZero() {
		l.worse(Fail, "its jobs were never all given to workers", p.run("tiercel-begin"))
	} else if len(none) > 0 && late {
		l.worse(Fail, fmt.Sprintf("%d clusters have no record: %s", len(none), some(none, func(i int) string { return none[i].ClusterName() })),
			fmt.Sprintf("gcloud functions logs read tiercel-harden --region %s --project %s", p.settings.region, p.Project))
	} else if len(none) > 0 {
		l.worse(Warn, fmt.Sprintf("%d clusters have no record yet", len(none)), "look again when the run has ended")
	}
	if len(m.Gaps) > 0 {
		l.worse(Warn, fmt.Sprintf("not all clusters could be listed: %s", some(m.Gaps, func(i int) string { return m.Gaps[i].Part + ": " + m.Gaps[i].Error })),
			"grant tiercel-begin what the gap names: docs/hardening.md")
	}
	if age > runAge {
		l.worse(Warn, fmt.Sprintf("it is %d days old", int(age.Hours())/24), p.run("tiercel-begin"))
	}
	return l
}

// run is the command that has a function called as its schedule does.
func (p *patient) run(job string) string {
	return fmt.Sprintf("gcloud scheduler jobs run %s --location %s --project %s", job, p.settings.region, p.Project)
}

// some names the first of a list.
func some[T any](all []T, name func(int) string) string {
	const most = 3
	var names []string
	for i := range all[:min(len(all), most)] {
		names = append(names, name(i))
	}
	if len(all) > most {
		names = append(names, fmt.Sprintf("and %d more", len(all)-most))
	}
	return strings.Join(names, ", ")
}

func (p *patient) reports(ctx context.Context, store report.Store) Line {
	l := Line{Name: "report", State: OK}
	if !p.settings.mail {
		l.Seen = "no mail server is set, so none is sent"
		return l
	}
	s, err := report.LastReport(ctx, store, p.Now())
	due := s.Due.Format("2006-01-02 15:04 UTC")
	switch {
	case err != nil:
		return p.unread(l.Name, err)
	case s.Nobody:
		l.worse(Warn, "nobody is to get any", fmt.Sprintf("put %s into gs://%s: docs/mail.md", report.SettingsName, p.settings.bucket))
	case s.Made:
		l.Seen = "that of " + due + " was sent"
	case s.Nothing:
		l.Seen = "none was due yet"
	case s.Missed:
		l.worse(Fail, "that of "+due+" was not sent", fmt.Sprintf("gcloud functions logs read tiercel-report --region %s --project %s", p.settings.region, p.Project))
	default:
		l.worse(Warn, "that of "+due+" is on its way", "look again in some hours")
	}
	return l
}

// heeds are the states of rotations that wait for a person.
var heeds = []rotate.State{rotate.Due, rotate.Ready, rotate.Blocked, rotate.Foreign, rotate.Expired}

func (p *patient) rotations(ctx context.Context, store rotate.Store) Line {
	l := Line{Name: "rotations", State: OK}
	all, err := rotate.All(ctx, store)
	if err != nil {
		return p.unread(l.Name, err)
	}
	waits := slices.DeleteFunc(slices.Clone(all), func(r rotate.Record) bool { return !slices.Contains(heeds, r.State) })
	l.Seen = fmt.Sprintf("of %d clusters, none waits for a person", len(all))
	if len(waits) == 0 {
		return l
	}
	l.State, l.Do = Warn, "tiercel rotation status --bucket "+p.settings.bucket
	if slices.ContainsFunc(waits, func(r rotate.Record) bool { return r.State == rotate.Expired }) {
		l.State = Fail
	}
	l.Seen = fmt.Sprintf("%d of %d wait for a person: %s", len(waits), len(all), some(waits, func(i int) string {
		return waits[i].Resource.Cluster + " " + string(waits[i].State)
	}))
	return l
}
