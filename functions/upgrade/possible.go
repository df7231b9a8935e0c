package upgrade

import (
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// Possible is for how long within 32 days from now on GKE may maintain a cluster by its window, exclusions aside, and for how long at
// one time at most; text is the window for people. Without a window it is always.
func Possible(w *pb.MaintenanceWindow, now time.Time) (sum, longest time.Duration, text string, err error) {
	o, err := openingsOf(w, now)
	if err != nil {
		return 0, 0, "", err
	}
	sum, longest = o.available(now, nil)
	return sum, longest, o.text, nil
}
