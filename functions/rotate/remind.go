package rotate

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"tiercel.dev/internal/posture"
)

// remind tells of a deadline that has come near: days 4, 6 and 7 of a rotation under way, since GKE tries to complete it on the
// seventh, and days before the authority's end. Each once; of several that have passed meanwhile, the last.
func (n *next) remind() {
	n.remindRotation()
	n.remindAuthority()
}

func (n *next) remindRotation() {
	if !n.r.Stage().open() || n.r.Began.IsZero() {
		return
	}
	due := 0
	for _, d := range []int{4, 6, 7} {
		if n.now.Sub(n.r.Began) >= time.Duration(d)*day && n.first("day "+strconv.Itoa(d)) {
			due = d
		}
	}
	if due == 0 {
		return
	}
	severity := map[int]posture.Severity{4: posture.Medium, 6: posture.High, 7: posture.Critical}[due]
	text := fmt.Sprintf("day %d of the rotation that began on %s: GKE tries to complete it by itself from %s on", due, stamp(n.r.Began), stamp(n.r.Began.Add(automatic)))
	if left := n.leftBehind(); len(left) > 0 {
		text += "; then these are left behind: " + summary(left)
	}
	n.tell(n.r.State, severity, text)
}

func (n *next) remindAuthority() {
	if n.r.CA.Fingerprint == "" || n.o.Cluster == nil || slices.Contains([]State{Expired, Verifying}, n.r.Stage()) {
		return
	}
	near := 0
	for _, d := range []int{n.p.Days[1], n.p.Days[2], int(early / day), 7} {
		if n.left() <= d && n.first(fmt.Sprintf("ca %s %d", n.r.CA.Fingerprint[:min(8, len(n.r.CA.Fingerprint))], d)) {
			near = d
		}
	}
	// A state that was entered now tells the same by itself.
	if near == 0 || n.r.Since.Equal(n.now) {
		return
	}
	n.tell(n.r.State, n.urgency(), fmt.Sprintf("the certificate authority expires in %d days, on %s; GKE starts a rotation by itself from %s on",
		n.left(), stamp(n.r.CA.NotAfter), stamp(n.r.CA.NotAfter.Add(-early))))
}

// first reports whether something is reminded of for the first time in this round.
func (n *next) first(what string) bool {
	if slices.Contains(n.r.Reminded, what) {
		return false
	}
	n.r.Reminded = append(n.r.Reminded, what)
	return true
}
