package scc

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	findingName = regexp.MustCompile(`^(organizations/[0-9]+/sources/[0-9]+)(/locations/[a-z0-9-]+)?/findings/([0-9A-Za-z]{1,32})$`)
	propertyKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,254}$`)
)

// check refuses what no finding may be. was is what it was before, nil if it was not.
func check(f, was *pb.Finding, now time.Time) error {
	refuse := func(format string, args ...any) error {
		return status.Errorf(codes.InvalidArgument, "finding %q: %s", f.GetName(), fmt.Sprintf(format, args...))
	}
	switch {
	case f.GetCategory() == "":
		return refuse("category is missing")
	case f.GetResourceName() == "":
		return refuse("resource_name is missing")
	case f.GetEventTime() == nil:
		return refuse("event_time is missing")
	case !f.EventTime.IsValid():
		return refuse("event_time %v is no time", f.EventTime)
	case f.EventTime.AsTime().After(now):
		return refuse("event_time %v is in the future", f.EventTime.AsTime())
	case was != nil && f.Category != was.Category:
		return refuse("category cannot change")
	case was != nil && f.ResourceName != was.ResourceName:
		return refuse("resource_name cannot change")
	case !utf8.ValidString(f.Category):
		return refuse("category is not UTF-8")
	}
	if uri := f.GetExternalUri(); uri != "" {
		if u, err := url.Parse(uri); err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" {
			return refuse("external_uri %q is no address", uri)
		}
	}
	for key := range f.GetSourceProperties() {
		if !propertyKey.MatchString(key) {
			return refuse("source_properties: %q does not begin with a letter, or holds more than letters, digits and underscores", key)
		}
	}
	return nil
}
