package upgrade

import (
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

func TestPossible(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	daily := func(length string) *pb.MaintenanceWindow {
		return &pb.MaintenanceWindow{Policy: &pb.MaintenanceWindow_DailyMaintenanceWindow{DailyMaintenanceWindow: &pb.DailyMaintenanceWindow{StartTime: "03:00", Duration: length}}}
	}
	if sum, longest, text, err := Possible(daily("PT4H0M0S"), now); sum != 128*time.Hour || longest != 4*time.Hour || text == "" || err != nil {
		t.Errorf("%v, %v, %q, %v", sum, longest, text, err)
	}
	if sum, _, _, err := Possible(nil, now); sum != horizon || err != nil {
		t.Errorf("%v, %v", sum, err)
	}
	if _, _, _, err := Possible(daily("long"), now); err == nil {
		t.Error("a length that is none is taken")
	}
}
