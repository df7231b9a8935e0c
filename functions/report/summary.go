package report

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// A Summary is what later reports know of one: report/history/RUN.json, RUN being the report's time in the form of a run's.
type Summary struct {
	Version int `json:"version"`

	Due   time.Time                `json:"due"`
	Run   schedule.Run             `json:"run"` // of the checks
	Set   string                   `json:"set,omitempty"`
	Score posture.Score            `json:"score"`
	Teams map[string]posture.Score `json:"teams,omitempty"` // by the name of a report that is not about all
	// Incomplete counts clusters of which something could not be found out that is not withheld on purpose.
	Incomplete int              `json:"incomplete"`
	Clusters   []ClusterSummary `json:"clusters"`
	Sent       time.Time        `json:"sent"`
}

// A ClusterSummary is what is remembered of a cluster.
type ClusterSummary struct {
	Resource posture.Resource  `json:"resource"`
	Labels   map[string]string `json:"labels,omitempty"`
	Points   float64           `json:"points"`
	Of       float64           `json:"of"`
	Network  *float64          `json:"network,omitempty"` // percent of pods that a policy covers
}

const (
	historyRoot = "report/history/"
	stateRoot   = "report/state/"
	// keepHistory is how many reports a trend has: a quarter.
	keepHistory = 13
)

func historyName(due time.Time) string { return historyRoot + schedule.RunAt(due).String() + ".json" }
func stateName(due time.Time) string   { return stateRoot + schedule.RunAt(due).String() + ".json.gz" }

// summary is what later reports are to know of this one.
func (in *Input) summary(audiences []Audience, sent time.Time) Summary {
	s := Summary{Due: in.Due, Run: in.Run, Score: in.scoreOf(in.Clusters), Sent: sent, Incomplete: in.incomplete(), Teams: map[string]posture.Score{}}
	for _, c := range in.Clusters {
		score := posture.ScoreOf(c.Results, in.Checks)
		s.Set = c.RunSet
		s.Clusters = append(s.Clusters, ClusterSummary{clusterOf(c.Resource), c.Labels, score.Points, score.Of, covered(c.Network)})
	}
	for _, a := range audiences {
		if only := in.only(a); only != in {
			s.Teams[a.Name] = only.scoreOf(only.Clusters)
		}
	}
	return s
}

// covered is the percentage of pods that a network policy selects; nil if nobody knows, or there are none.
func covered(n *posture.Network) *float64 {
	if n == nil || n.Pods == 0 {
		return nil
	}
	percent := 0.0
	if n.Enforced {
		percent = math.Floor(100 * float64(n.Covered) / float64(n.Pods))
	}
	return &percent
}

// score is what the history has of an audience's score.
func (s Summary) score(a Audience) (float64, bool) {
	if len(a.Clusters) == 0 && len(a.Namespaces) == 0 {
		return s.Score.Value()
	}
	return s.Teams[a.Name].Value()
}

// readHistory reads the summaries before a time, the oldest first, and the state of the newest.
func readHistory(ctx context.Context, store Store, due time.Time) (all []Summary, state posture.State, err error) {
	var names []string
	for o, err := range store.List(ctx, historyRoot) {
		if err != nil {
			return nil, state, err
		}
		run, err := schedule.ParseRun(strings.TrimSuffix(strings.TrimPrefix(o.Name, historyRoot), ".json"))
		if err == nil && run.Time().Before(due) {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names[max(len(names)-keepHistory, 0):] {
		s, err := readSummary(ctx, store, name)
		if err != nil {
			return nil, state, err
		}
		all = append(all, s)
	}
	if len(all) > 0 {
		state, err = readState(ctx, store, all[len(all)-1].Due)
	}
	return all, state, err
}

// rememberedVersion is of the form of summaries and states. Of what a newer program remembers nothing is taken for nothing: no report
// is made until that program is back.
const rememberedVersion = 1

func readSummary(ctx context.Context, store Store, name string) (s Summary, err error) {
	o, err := store.Get(ctx, name)
	if err != nil {
		return s, err
	}
	return s, o.Expect(rememberedVersion, &s)
}

// maxState bounds what a state may be unpacked.
const maxState = 256 << 20

func readState(ctx context.Context, store Store, due time.Time) (s posture.State, err error) {
	o, err := store.Get(ctx, stateName(due))
	if err != nil {
		return s, err
	}
	z, err := gzip.NewReader(bytes.NewReader(o.Data))
	if err == nil {
		o.Data, err = io.ReadAll(io.LimitReader(z, maxState))
	}
	if err != nil {
		return s, fault.Poison(fmt.Errorf("%s, generation %d: %w", o.Name, o.Generation, err))
	}
	return s, o.Expect(rememberedVersion, &s)
}

// remember writes state and summary, the summary last: a report with one has been made. Who comes second has the same to write.
func remember(ctx context.Context, store Store, s Summary, state posture.State) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	s.Version, state.Version = rememberedVersion, rememberedVersion
	err := json.NewEncoder(z).Encode(state)
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	for _, o := range []struct {
		name string
		data []byte
	}{{stateName(s.Due), packed.Bytes()}, {historyName(s.Due), data}} {
		if _, err := store.Put(ctx, o.name, o.data, nil, 0); err != nil && !errors.Is(err, objects.ErrConflict) {
			return err
		}
	}
	return nil
}
