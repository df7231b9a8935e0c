package scc

import (
	"context"
	"errors"
	"fmt"
	"time"

	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
)

// WriteTimeout bounds one write with its retries. The API's client has no deadline of its own.
const WriteTimeout = 10 * time.Second

// A Writer writes findings of one source.
type Writer struct {
	client *securitycenter.Client
	parent string
}

// NewWriter writes findings below parent: organizations/O/sources/S, or with a location .../locations/L behind that.
func NewWriter(client *securitycenter.Client, parent string) *Writer {
	return &Writer{client: client, parent: parent}
}

// again is for what passes within a moment, and saves a delivery; a quota does not come back so soon.
var again = gax.WithRetry(func() gax.Retryer {
	return gax.OnCodes([]codes.Code{codes.Unavailable, codes.Aborted, codes.Internal}, gax.Backoff{
		Initial: 200 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2,
	})
})

// Name is a finding's full name.
func (w *Writer) Name(id string) string { return w.parent + "/findings/" + id }

// ErrRefused means that the service said no: nothing was written, and nothing of this try will be. After an error that is not
// this one, such as a deadline, the finding may have been written, or may be yet.
var ErrRefused = errors.New("refused")

// Create writes a finding that is not there yet, or all of one that is: the API's update creates what it does not find, if
// it has no mask. Of one that is there under another category or resource, which cannot change, the rest is written. Errors
// are [ErrRefused], and with it [fault.ErrPoison] or [fault.ErrQuota]; or such as may pass.
func (w *Writer) Create(ctx context.Context, id string, f *pb.Finding) error {
	err := w.update(ctx, id, f, nil)
	if status.Code(err) != codes.InvalidArgument {
		return err
	}
	other := w.update(ctx, id, f, RepeatMask(f))
	if code := status.Code(other); code == codes.NotFound || code == codes.InvalidArgument {
		return err // it is not there, so it was the finding that was wrong
	}
	return other
}

// Repeat writes what a repeat changes of a finding that is there. Where somebody removed it, it is made anew. Errors are
// Create's.
func (w *Writer) Repeat(ctx context.Context, id string, f *pb.Finding) error {
	err := w.update(ctx, id, f, RepeatMask(f))
	// A mask is for findings that are there: which of the two it is called to have one for another, the API does not say.
	if code := status.Code(err); code == codes.NotFound || code == codes.InvalidArgument {
		return w.update(ctx, id, f, nil)
	}
	return err
}

func (w *Writer) update(ctx context.Context, id string, f *pb.Finding, mask []string) error {
	ctx, cancel := context.WithTimeout(ctx, WriteTimeout)
	defer cancel()
	f = proto.CloneOf(f)
	f.Name = w.Name(id)
	request := &pb.UpdateFindingRequest{Finding: f}
	if mask != nil {
		request.UpdateMask = &fieldmaskpb.FieldMask{Paths: mask}
	}
	_, err := w.client.UpdateFinding(ctx, request, again)
	if err != nil {
		err = classify(fmt.Errorf("finding %s: %w", f.Name, err), w.parent)
	}
	meter.Add(ctx, meter.Findings, 1, outcome(f, err))
	return err
}

// outcome is a word for what came of a write.
func outcome(f *pb.Finding, err error) string {
	switch {
	case err == nil && f.State == pb.Finding_INACTIVE:
		return "ended"
	case err == nil:
		return "written"
	case errors.Is(err, fault.ErrQuota):
		return "quota"
	case errors.Is(err, ErrRefused):
		return "refused"
	}
	return "failed"
}
