package deployment

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/monitoring/v3"
	"google.golang.org/grpc/codes"

	"tiercel.dev/internal/deployed"
)

func pubsubAgent(project int64) string {
	return fmt.Sprintf("serviceAccount:service-%d@gcp-sa-pubsub.iam.gserviceaccount.com", project)
}

func versionName(project, secret string, version int) string {
	return fmt.Sprintf("projects/%s/secrets/%s/versions/%d", project, secret, version)
}

func (s *Server) job(f deployed.Function) *cloudscheduler.Job {
	uri := s.cfg.URI(f.EntryPoint)
	return &cloudscheduler.Job{
		Name: s.parent() + "/jobs/" + f.Name, Schedule: f.Cron, TimeZone: "Etc/UTC", State: "ENABLED",
		HttpTarget: &cloudscheduler.HttpTarget{Uri: uri, HttpMethod: "POST", OidcToken: &cloudscheduler.OidcToken{ServiceAccountEmail: s.invoker(), Audience: uri}},
	}
}

func (s *Server) invoker() string {
	for _, sub := range s.cfg.Deployed.Subscriptions {
		if sub.Account != "" {
			return sub.Account
		}
	}
	return ""
}

// Called notes that a schedule called a function, by its entry point, and what came of it.
func (s *Server) Called(entryPoint string, at time.Time, result codes.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.cfg.Deployed.Functions {
		if j := s.Jobs[f.Name]; f.EntryPoint == entryPoint && j != nil {
			called := *j // who was given the other may be reading it
			called.LastAttemptTime, called.Status = at.UTC().Format(time.RFC3339Nano), &cloudscheduler.Status{Code: int64(result)}
			s.Jobs[f.Name] = &called
		}
	}
}

func (s *Server) jobs() (all []*cloudscheduler.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.Jobs)) {
		all = append(all, s.Jobs[name])
	}
	return all
}

// series are what waits, and the quotas of a project that uses none of them.
func (s *Server) series() (all []*monitoring.TimeSeries) {
	for _, st := range s.cfg.Waiting() {
		labels := map[string]string{"subscription_id": st.Name[strings.LastIndexByte(st.Name, '/')+1:], "project_id": s.cfg.Project}
		for metric, value := range map[string]int64{
			"num_undelivered_messages": int64(st.Backlog()), "oldest_unacked_message_age": int64(st.OldestAge.Seconds()),
		} {
			all = append(all, point("pubsub.googleapis.com/subscription/"+metric, nil, "pubsub_subscription", labels, value, s.cfg.Now()))
		}
	}
	for service, limit := range map[string]int64{"securitycenter.googleapis.com": 1000, "pubsub.googleapis.com": 12_000_000} {
		metric := map[string]string{"quota_metric": service + "/requests", "limit_name": "RequestsPerMinutePerProject"}
		labels := map[string]string{"service": service, "location": "global", "project_id": s.cfg.Project}
		all = append(all, point("serviceruntime.googleapis.com/quota/limit", metric, "consumer_quota", labels, limit, s.cfg.Now()))
	}
	return all
}

func point(metric string, of map[string]string, resource string, on map[string]string, value int64, now time.Time) *monitoring.TimeSeries {
	at := now.UTC().Format(time.RFC3339)
	return &monitoring.TimeSeries{
		Metric: &monitoring.Metric{Type: metric, Labels: of}, Resource: &monitoring.MonitoredResource{Type: resource, Labels: on},
		MetricKind: "GAUGE", ValueType: "INT64",
		Points: []*monitoring.Point{{Interval: &monitoring.TimeInterval{StartTime: at, EndTime: at}, Value: &monitoring.TypedValue{Int64Value: &value}}},
	}
}
