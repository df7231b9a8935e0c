package budget

import (
	"context"
	"errors"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/internal/fault"
)

// service is one that may have had enough.
type service struct {
	written []string
	err     error
}

func (s *service) Create(_ context.Context, id string, _ *pb.Finding) error {
	if s.err == nil {
		s.written = append(s.written, id)
	}
	return s.err
}

// Who writes few findings asks for each: nothing reaches the service without a write of the minute's, and of what is urgent more does.
func TestWriterAsks(t *testing.T) {
	all, s := writers(2, 1000, newMemory()), new(service)
	w := NewWriter(all[0], s, func() time.Time { return noon })
	low, high := &pb.Finding{Severity: pb.Finding_LOW}, &pb.Finding{Severity: pb.Finding_HIGH}
	if err := w.Create(t.Context(), "first", low); err != nil || len(s.written) != 1 {
		t.Fatalf("%v written, %v", s.written, err)
	}
	use(t, all[1], noon, false, 2000)
	use(t, all[0], noon, false, 2000)
	if err := w.Create(t.Context(), "low", low); !errors.Is(err, fault.ErrQuota) || len(s.written) != 1 {
		t.Errorf("%v written, %v", s.written, err)
	}
	if err := w.Create(t.Context(), "high", high); err != nil || len(s.written) != 2 {
		t.Errorf("%v written, %v", s.written, err)
	}
}

// A service that had enough is left alone.
func TestWriterHasPatience(t *testing.T) {
	s := &service{err: fault.Quota(errors.New("enough"))}
	now := noon
	w := NewWriter(writers(1, 1000, newMemory())[0], s, func() time.Time { return now })
	f := &pb.Finding{Severity: pb.Finding_CRITICAL}
	if err := w.Create(t.Context(), "one", f); !errors.Is(err, s.err) {
		t.Errorf("%v", err)
	}
	s.err = nil
	if err := w.Create(t.Context(), "two", f); !errors.Is(err, fault.ErrQuota) || len(s.written) > 0 {
		t.Errorf("%v written, %v", s.written, err)
	}
	now = now.Add(time.Minute)
	if err := w.Create(t.Context(), "two", f); err != nil || len(s.written) != 1 {
		t.Errorf("%v written, %v", s.written, err)
	}
}
