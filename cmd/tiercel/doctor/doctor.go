// Package doctor looks at a deployment and says what of it is well: what infra/ makes is there and as it should be, what runs does
// its work, and sensors live. It reads, and changes nothing but what [Config.TestFinding] asks for. What it expects is package
// deployed's; `tiercel doctor` shows what it says.
package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tiercel.dev/internal/deployed"
)

// A State says how something is.
type State string

// The states, the worst first. Unknown is what could not be looked at, and is never taken for well.
const (
	Fail    State = "FAIL"
	Unknown State = "UNKNOWN"
	Warn    State = "WARN"
	OK      State = "OK"
)

// States are all, the worst first.
var States = []State{Fail, Unknown, Warn, OK}

// A Line is one thing that was looked at.
type Line struct {
	Area  string `json:"area"` // functions, subscriptions, …
	Name  string `json:"name"`
	State State  `json:"state"`
	Seen  string `json:"seen"`
	Do    string `json:"do,omitempty"` // what to do about it: a command where there is one
	// Permission is what whoever asked lacks, where that is why the line is UNKNOWN.
	Permission string `json:"permission,omitempty"`
}

// A Report is what a look came to.
type Report struct {
	Project string    `json:"project"`
	Time    time.Time `json:"time"`
	Lines   []Line    `json:"lines"`
}

// Count counts the lines of a state.
func (r *Report) Count(s State) (n int) {
	for _, l := range r.Lines {
		if l.State == s {
			n++
		}
	}
	return n
}

// A Cluster is one by its names.
type Cluster struct{ Project, Location, Name string }

func (c Cluster) String() string { return strings.TrimRight(c.Project+"/"+c.Location+"/"+c.Name, "/") }

// Config says what to look at.
type Config struct {
	Project string
	// Clusters must have a living sensor of one version on every node. Without any, all are looked at and none is a must.
	Clusters []Cluster
	// SensorVersion is what the sensors of Clusters must be; empty: what the deployment's settings say, or one and the same.
	SensorVersion string
	// TestFinding has a finding written and set inactive, with the caller's own rights.
	TestFinding bool
	// Expected is what is to be there; see [deployed.Infra].
	Expected deployed.Deployment
	Now      func() time.Time // default time.Now
}

// patience bounds one area: none of them has more than some dozens of requests.
const patience = 2 * time.Minute

// Examine looks at everything. Errors of services are lines; an error is the context's.
func Examine(ctx context.Context, cloud *Cloud, cfg Config) (*Report, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &patient{Cloud: cloud, Config: cfg}
	report := &Report{Project: cfg.Project, Time: cfg.Now().UTC()}
	// What runs says by its settings where all else is.
	report.Lines = p.area("functions", p.examineFunctions)(ctx)
	areas := []func(context.Context) []Line{
		p.area("apis", p.examineAPIs), p.area("schedules", p.examineSchedules), p.area("topics", p.examineTopics),
		p.area("subscriptions", p.examineSubscriptions), p.area("secrets", p.examineSecrets), p.area("images", p.examineImages),
		p.area("findings", p.examineSource), p.area("sensors", p.examineSensors), p.area("records", p.examineRecords),
		p.area("quota", p.examineQuota),
	}
	found := make([][]Line, len(areas))
	var group errgroup.Group
	for i, look := range areas {
		group.Go(func() error { found[i] = look(ctx); return nil })
	}
	group.Wait()
	report.Lines = append(report.Lines, slices.Concat(found...)...)
	return report, ctx.Err()
}

// A patient is a deployment that is being looked at.
type patient struct {
	*Cloud
	Config
	functions map[string]function // by name, nil where they could not be listed
	settings  settings
}

// area names the area of its lines.
func (p *patient) area(name string, look func(context.Context) []Line) func(context.Context) []Line {
	return func(ctx context.Context) []Line {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		lines := look(ctx)
		for i := range lines {
			lines[i].Area = name
		}
		return lines
	}
}

// worse has a line be at least as bad as a state, and says why.
func (l *Line) worse(s State, why, do string) {
	if slices.Index(States, s) < slices.Index(States, l.State) {
		// The worst comes first, and with it what to do.
		l.State, l.Do = s, do
		l.Seen = join(why, l.Seen)
		return
	}
	l.Seen = join(l.Seen, why)
	if l.Do == "" {
		l.Do = do
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
