package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/scc"
)

// Findings are written to; [scc.Writer] does, and errors are its.
type Findings interface {
	Create(ctx context.Context, id string, f *pb.Finding) error
}

// A Writer asks the budget for each finding, for those who write few and make up later for what was refused. It is safe for
// concurrent use.
type Writer struct {
	budget   *Budget
	findings Findings
	now      func() time.Time
}

// NewWriter makes no request.
func NewWriter(b *Budget, findings Findings, now func() time.Time) *Writer {
	return &Writer{b, findings, now}
}

// Create writes a finding. What the budget does not allow now is [fault.ErrQuota], as what the service does not; other errors are the
// service's.
func (w *Writer) Create(ctx context.Context, id string, f *pb.Finding) error {
	now := w.now()
	urgent := f.Severity == pb.Finding_CRITICAL || f.Severity == pb.Finding_HIGH
	if !w.budget.Allow(ctx, now, urgent) {
		return fault.Quota(fmt.Errorf("finding %s: findings wait for the next minute's budget", id))
	}
	w.budget.Spent(proto.Size(f))
	err := w.findings.Create(ctx, id, f)
	if errors.Is(err, fault.ErrQuota) {
		w.budget.Wait(now, scc.RetryDelay(err))
	}
	return err
}
