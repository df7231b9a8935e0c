package rest

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"google.golang.org/api/monitoring/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
)

// series answers with those that a filter wants. They are not aligned and not reduced: each is one already.
// https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list
func (s *server) series(w http.ResponseWriter, r *http.Request) {
	if !s.pass(w, r, "ListTimeSeries", "monitoring.timeSeries.list") {
		return
	}
	wanted, err := parseFilter(r.FormValue("filter"))
	if err != nil {
		caller.Refuse(w, err)
		return
	}
	var times [2]time.Time
	for i, name := range []string{"interval.startTime", "interval.endTime"} {
		if times[i], err = time.Parse(time.RFC3339, r.FormValue(name)); err != nil {
			caller.Refuse(w, status.Errorf(codes.InvalidArgument, "%s: %v", name, err))
			return
		}
	}
	if times[1].Before(times[0]) {
		caller.Refuse(w, status.Error(codes.InvalidArgument, "interval: it ends before it begins"))
		return
	}
	answer := new(monitoring.ListTimeSeriesResponse)
	for _, one := range s.cfg.Series() {
		if wanted(one) {
			answer.TimeSeries = append(answer.TimeSeries, one)
		}
	}
	caller.Answer(w, answer)
}

var restriction = regexp.MustCompile(`^(metric\.type|resource\.type|(?:metric|resource)\.labels\.\w+) = (starts_with\()?"([^"]*)"\)?$`)

// parseFilter reads restrictions that must all hold, one of which is the metric's type, as the service wants it.
// https://cloud.google.com/monitoring/api/v3/filters
func parseFilter(text string) (func(*monitoring.TimeSeries) bool, error) {
	var all []func(*monitoring.TimeSeries) bool
	typed := false
	for _, part := range strings.Split(text, " AND ") {
		m := restriction.FindStringSubmatch(part)
		if m == nil {
			return nil, status.Errorf(codes.InvalidArgument, "filter %q: %q is no restriction", text, part)
		}
		path, prefix, value := m[1], m[2] != "", m[3]
		typed = typed || path == "metric.type"
		all = append(all, func(s *monitoring.TimeSeries) bool {
			has := fieldOf(s, path)
			return has == value || prefix && strings.HasPrefix(has, value)
		})
	}
	if !typed {
		return nil, status.Errorf(codes.InvalidArgument, "filter %q names no metric.type", text)
	}
	return func(s *monitoring.TimeSeries) bool {
		for _, holds := range all {
			if !holds(s) {
				return false
			}
		}
		return true
	}, nil
}

func fieldOf(s *monitoring.TimeSeries, path string) string {
	switch path {
	case "metric.type":
		return s.Metric.Type
	case "resource.type":
		return s.Resource.Type
	}
	if label, ok := strings.CutPrefix(path, "metric.labels."); ok {
		return s.Metric.Labels[label]
	}
	return s.Resource.Labels[strings.TrimPrefix(path, "resource.labels.")]
}
