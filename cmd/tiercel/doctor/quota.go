package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/monitoring/v3"
)

// Metrics of quotas: https://cloud.google.com/monitoring/alerts/using-quota-metrics
const (
	quotaUsed  = "serviceruntime.googleapis.com/quota/rate/net_usage"
	quotaLimit = "serviceruntime.googleapis.com/quota/limit"
)

// rationed are the services whose quota the pipeline might use up.
var rationed = []string{"securitycenter.googleapis.com", "pubsub.googleapis.com"}

// tight is the part of a quota, in percent, from which it is worth a look.
const tight = 80

// examineQuota compares the busiest minute of the last hour with what a minute may have, by service and quota.
func (p *patient) examineQuota(ctx context.Context) []Line {
	var lines []Line
	for _, service := range rationed {
		limits, err := p.quotas(ctx, quotaLimit, service, "ALIGN_MIN", "REDUCE_MIN")
		var used map[quota]int64
		if err == nil {
			used, err = p.quotas(ctx, quotaUsed, service, "ALIGN_SUM", "REDUCE_SUM")
		}
		if err != nil {
			lines = append(lines, p.unseen(service, readSeries, err))
			continue
		}
		lines = append(lines, p.judgeQuota(service, used, limits))
	}
	return lines
}

// A quota is one by its name, where it is counted: pubsub.googleapis.com/regionalpublisher of europe-west1.
type quota struct{ metric, location string }

// quotas are the largest values of a minute of the last hour.
func (p *patient) quotas(ctx context.Context, metric, service, aligner, reducer string) (map[quota]int64, error) {
	all := make(map[quota]int64)
	err := p.list(fmt.Sprintf(`metric.type = %q AND resource.type = "consumer_quota" AND resource.labels.service = %q`, metric, service), time.Hour).
		AggregationAlignmentPeriod("60s").AggregationPerSeriesAligner(aligner).AggregationCrossSeriesReducer(reducer).
		AggregationGroupByFields("metric.labels.quota_metric", "metric.labels.limit_name", "resource.labels.location").
		Pages(ctx, func(page *monitoring.ListTimeSeriesResponse) error {
			for _, s := range page.TimeSeries {
				// Uses name no limit. Those of a day, or of things that there may be, are no matter of a minute.
				if limit := s.Metric.Labels["limit_name"]; limit != "" && !strings.Contains(strings.ToLower(limit), "minute") {
					continue
				}
				name := quota{s.Metric.Labels["quota_metric"], s.Resource.Labels["location"]}
				for _, point := range s.Points {
					all[name] = max(all[name], number(point))
				}
			}
			return nil
		})
	return all, err
}

func (p *patient) judgeQuota(service string, used, limits map[quota]int64) Line {
	l := Line{Name: service, State: OK}
	if len(limits) == 0 {
		l.worse(Unknown, "Monitoring shows no limit of a minute", "the page of quotas in the console has them: IAM & Admin, Quotas")
		return l
	}
	most := int64(-1)
	for _, name := range slices.SortedFunc(maps.Keys(limits), func(a, b quota) int { return strings.Compare(a.metric+a.location, b.metric+b.location) }) {
		limit := limits[name]
		if limit <= 0 {
			continue // there is none
		}
		part := used[name] * 100 / limit
		text := fmt.Sprintf("%s in %s: %d of %d in the busiest minute of the last hour", last(name.metric), name.location, used[name], limit)
		if part >= tight {
			l.worse(Warn, text, "ask for more on the page of quotas: docs/playbooks/quota.md")
		}
		if part > most {
			most = part
			if l.State == OK {
				l.Seen = text
			}
		}
	}
	return l
}
