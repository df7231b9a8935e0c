package local

import (
	"context"
	"net/http"
	"strings"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/functions/report"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/mailbox"
)

// Posture is what the functions last said of the clusters that are looked after, as a report of now would have it, and the time by
// their clock; nil before anything was said.
func (c *Cloud) Posture(ctx context.Context) (*report.Input, time.Time, error) {
	f := c.estate.Load()
	if f == nil {
		return nil, time.Time{}, nil
	}
	records, err := objects.NewBucket(ctx, Bucket, c.storage()...)
	if err != nil {
		return nil, time.Time{}, err
	}
	now := f.now()
	in, err := report.Collect(ctx, records, now, "")
	return in, now, err
}

// OfFleet reports whether a finding is about the clusters that are looked after, and not about this machine. project is
// [Config]'s.
func OfFleet(f *sccpb.Finding, project string) bool {
	if project == "" {
		project = SampleProject
	}
	name := f.GetResourceName()
	return strings.Contains(name, "/projects/"+project+"/") || strings.HasSuffix(name, "/projects/"+project)
}

// Mails are those sent so far, the newest first.
func (c *Cloud) Mails() []*mailbox.Mail {
	f := c.estate.Load()
	if f == nil {
		return nil
	}
	return f.mailbox.Mails()
}

// ServeMail shows the mails; see [mailbox.Server].
func (c *Cloud) ServeMail(w http.ResponseWriter, r *http.Request) {
	f := c.estate.Load()
	if f == nil {
		http.Error(w, "no mail was sent yet", http.StatusNotFound)
		return
	}
	f.mailbox.ServeHTTP(w, r)
}
