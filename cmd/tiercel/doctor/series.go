package doctor

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/monitoring/v3"
)

// waiting is what a subscription has.
type waiting struct {
	seen     bool // there is any figure of it
	messages int64
	age      time.Duration // of the oldest
}

// Metrics of Pub/Sub's: https://cloud.google.com/monitoring/api/metrics_gcp#gcp-pubsub
const (
	undelivered = "pubsub.googleapis.com/subscription/num_undelivered_messages"
	oldest      = "pubsub.googleapis.com/subscription/oldest_unacked_message_age" // in seconds
)

// waiting are the figures of the last minutes, by subscription. They are two to four minutes old.
func (p *patient) waiting(ctx context.Context) (map[string]waiting, error) {
	all := make(map[string]waiting)
	for _, metric := range []string{undelivered, oldest} {
		list := p.list(fmt.Sprintf(`metric.type = %q AND resource.type = "pubsub_subscription" AND resource.labels.subscription_id = starts_with("tiercel-")`, metric), 10*time.Minute)
		err := list.Pages(ctx, func(page *monitoring.ListTimeSeriesResponse) error {
			for _, s := range page.TimeSeries {
				name, n := s.Resource.Labels["subscription_id"], newestOf(s)
				w := all[name]
				w.seen = true
				if metric == undelivered {
					w.messages = n
				} else {
					w.age = time.Duration(n) * time.Second
				}
				all[name] = w
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// list asks for the points of some time until now.
func (p *patient) list(filter string, back time.Duration) *monitoring.ProjectsTimeSeriesListCall {
	now := p.Now().UTC()
	return p.series.Projects.TimeSeries.List("projects/" + p.Project).Filter(filter).
		IntervalStartTime(now.Add(-back).Format(time.RFC3339)).IntervalEndTime(now.Format(time.RFC3339))
}

// newestOf is the first point of a series, which begins with the newest.
func newestOf(s *monitoring.TimeSeries) int64 {
	if len(s.Points) == 0 {
		return 0
	}
	return number(s.Points[0])
}

func number(p *monitoring.Point) int64 {
	switch v := p.Value; {
	case v == nil:
	case v.Int64Value != nil:
		return *v.Int64Value
	case v.DoubleValue != nil:
		return int64(*v.DoubleValue)
	}
	return 0
}
