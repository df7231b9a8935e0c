package route

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/objects"
)

// keepDays is for how many days it is known how many events each had: a month's report, and the day it is late.
const keepDays = 32

const dayForm = "20060102"

// about is what alerts of a finding are about, by the newest.
type about struct {
	Rule      string         `json:"rule,omitempty"`
	Severity  alert.Severity `json:"severity,omitempty"`
	Project   string         `json:"project,omitempty"`
	Location  string         `json:"location,omitempty"`
	Cluster   string         `json:"cluster,omitempty"`
	Namespace string         `json:"namespace,omitempty"`
}

// count adds events to their day.
func (s *shard) count(a *alert.Alert, at, now time.Time, events uint64) {
	if s.Days == nil {
		s.Days = make(map[string]uint64)
	}
	day := at.UTC().Format(dayForm)
	s.Days[day] = min(s.Days[day]+events, maxEvents)
	oldest := now.UTC().AddDate(0, 0, 1-keepDays).Format(dayForm)
	maps.DeleteFunc(s.Days, func(day string, _ uint64) bool { return day < oldest })
	if !at.Before(s.Last) || s.About.Rule == "" {
		c := a.GetCluster()
		s.About = about{
			short(a.GetRule().GetName()), a.GetSeverity(), short(c.GetProject()), short(c.GetLocation()), short(c.GetName()),
			short(a.GetPod().GetNamespace()),
		}
	}
}

// short bounds what stands in metadata, which is 8 KiB for an object.
// https://cloud.google.com/storage/quotas#objects
func short(s string) string {
	const most = 128
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// Metadata of a shard by which reports count.
const (
	metaDays      = "days"
	metaRule      = "rule"
	metaProject   = "project"
	metaLocation  = "location"
	metaCluster   = "cluster"
	metaNamespace = "namespace"
)

func (s *shard) tell(meta map[string]string) {
	days := make([]string, 0, len(s.Days))
	for _, day := range slices.Sorted(maps.Keys(s.Days)) {
		days = append(days, day+":"+strconv.FormatUint(s.Days[day], 10))
	}
	for key, text := range map[string]string{
		metaDays: strings.Join(days, ","), metaRule: s.About.Rule, metaProject: s.About.Project, metaLocation: s.About.Location,
		metaCluster: s.About.Cluster, metaNamespace: s.About.Namespace,
	} {
		if text != "" {
			meta[key] = text
		}
	}
	if s.About.Rule != "" {
		meta[metaSeverity] = s.About.Severity.String()
	}
}

// A Tally is how many events of a period were counted of a rule, in one namespace of a cluster. Outside of pods Namespace is empty.
type Tally struct {
	Rule      string         `json:"rule"`
	Severity  alert.Severity `json:"-"`
	Project   string         `json:"project"`
	Location  string         `json:"location"`
	Cluster   string         `json:"cluster"`
	Namespace string         `json:"namespace,omitempty"`
	Events    uint64         `json:"events"`
	Findings  int            `json:"findings"` // that the events are of, at most: one that several sensors report may count twice
	Last      time.Time      `json:"last"`
}

// Tallies counts the events of the days from one time on, of at most a month, the severest first. Days are UTC's, and the first
// counts whole. One listing of the ledger tells all.
func Tallies(ctx context.Context, store interface {
	List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error]
}, since time.Time,
) ([]Tally, error) {
	sums := map[about]*Tally{}
	from := since.UTC().Format(dayForm)
	for o, err := range store.List(ctx, ledgerRoot) {
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(o.Name, "/head") {
			continue
		}
		events, err := eventsSince(o, from)
		if err != nil {
			return nil, err
		}
		if events == 0 {
			continue
		}
		severity, _ := alert.ParseSeverity(o.Meta[metaSeverity])
		of := about{o.Meta[metaRule], severity, o.Meta[metaProject], o.Meta[metaLocation], o.Meta[metaCluster], o.Meta[metaNamespace]}
		t := sums[of]
		if t == nil {
			t = &Tally{
				Rule: of.Rule, Severity: severity, Project: of.Project, Location: of.Location, Cluster: of.Cluster, Namespace: of.Namespace,
			}
			sums[of] = t
		}
		t.Events, t.Findings = t.Events+events, t.Findings+1
		if last, err := moment(o.Meta, metaLast); err == nil && last.After(t.Last) {
			t.Last = last
		}
	}
	all := make([]Tally, 0, len(sums))
	for _, t := range sums {
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Events, a.Events), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Project+"/"+a.Cluster+"/"+a.Namespace, b.Project+"/"+b.Cluster+"/"+b.Namespace))
	})
	return all, nil
}

func eventsSince(o objects.Object, from string) (sum uint64, err error) {
	for entry := range strings.SplitSeq(o.Meta[metaDays], ",") {
		day, text, ok := strings.Cut(entry, ":")
		if !ok || day < from {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s, generation %d: %s: %w", o.Name, o.Generation, metaDays, err)
		}
		sum += n
	}
	return sum, nil
}
