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
	// A second try within the call saves a delivery; a quota does not come back within a second, so it is not tried on.
	client.CallOptions.UpdateFinding = append(client.CallOptions.UpdateFinding, gax.WithRetry(func() gax.Retryer {
		return gax.OnCodes([]codes.Code{codes.Unavailable, codes.Aborted, codes.Internal}, gax.Backoff{
			Initial: 200 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2,
		})
	}))
	return &Writer{client: client, parent: parent}
}

// Name is a finding's full name.
func (w *Writer) Name(id string) string { return w.parent + "/findings/" + id }

// Create writes a finding that is not there yet, or all of one that is: the API's update creates what it does not find, if
// it has no mask. Errors are [fault.ErrPoison], [fault.ErrQuota] or such as may pass.
func (w *Writer) Create(ctx context.Context, id string, f *pb.Finding) error {
	return w.update(ctx, id, f, nil)
}

// Repeat writes what a repeat changes of a finding that is there. Where somebody removed it, it is made anew.
func (w *Writer) Repeat(ctx context.Context, id string, f *pb.Finding) error {
	err := w.update(ctx, id, f, &fieldmaskpb.FieldMask{Paths: RepeatMask()})
	if status.Code(err) == codes.NotFound {
		return w.Create(ctx, id, f)
	}
	return err
}

func (w *Writer) update(ctx context.Context, id string, f *pb.Finding, mask *fieldmaskpb.FieldMask) error {
	ctx, cancel := context.WithTimeout(ctx, WriteTimeout)
	defer cancel()
	f = proto.CloneOf(f)
	f.Name = w.Name(id)
	_, err := w.client.UpdateFinding(ctx, &pb.UpdateFindingRequest{Finding: f, UpdateMask: mask})
	if err == nil {
		return nil
	}
	return classify(fmt.Errorf("finding %s: %w", f.Name, err), w.parent)
}

// classify says what comes next. A source that is not there and a right that is missing may be mended by a person at any
// time, so alerts wait for that.
func classify(err error, parent string) error {
	switch status.Code(errors.Unwrap(err)) {
	case codes.InvalidArgument, codes.OutOfRange:
		return fault.Poison(err)
	case codes.ResourceExhausted:
		return fault.Quota(err)
	case codes.NotFound:
		return fmt.Errorf("%w (is the source %s there?)", err, parent)
	case codes.PermissionDenied, codes.Unauthenticated:
		return fmt.Errorf("%w (roles/securitycenter.findingsEditor on the source is what writing takes)", err)
	}
	return err
}
