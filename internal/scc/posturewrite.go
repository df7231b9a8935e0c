package scc

import (
	"context"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// changed are the fields of a hardening finding that a later run changes, beside its properties. Mute and marks are an operator's;
// category and resource cannot change.
var changed = []string{"event_time", "severity", "description", "next_steps", "external_uri", "compliances", "kubernetes", "iam_bindings", "module_name"}

// postured are the properties that a hardening finding may have: named in the mask and absent, they go away.
var postured = []string{
	"check", "disruption", "ended", "ended_because", "evidence", "evidence_path", "evidence_value", "exception_owner",
	"exception_reason", "exception_until", "finding_truncated", "first_seen", "reason", "resource", "verdict",
}

// Change writes what has changed of a hardening finding that was written before, and its state if that has changed too: as long
// as it has not, an operator's word on it stands. Where somebody removed the finding it is made anew. Errors are Create's.
func (w *Writer) Change(ctx context.Context, id string, f *pb.Finding, state bool) error {
	mask := append([]string{}, changed...)
	if state {
		mask = append(mask, "state")
	}
	err := w.update(ctx, id, f, withProperties(mask, postured))
	if status.Code(err) == codes.NotFound {
		return w.update(ctx, id, f, nil)
	}
	return err
}

// End sets a hardening finding inactive, with the reason. One that the service has forgotten is written anew as far as f goes:
// that it is not there and that its source is not there is one answer. Errors are Create's.
func (w *Writer) End(ctx context.Context, id string, f *pb.Finding) error {
	mask := withProperties([]string{"state", "event_time"}, []string{
		"verdict", "ended", "ended_because", "exception_owner", "exception_reason", "exception_until",
	})
	err := w.update(ctx, id, f, mask)
	if status.Code(err) == codes.NotFound {
		return w.update(ctx, id, f, nil)
	}
	return err
}

func withProperties(mask, keys []string) []string {
	for _, key := range keys {
		mask = append(mask, "source_properties."+key)
	}
	return mask
}
