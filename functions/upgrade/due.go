package upgrade

import (
	"time"

	"tiercel.dev/internal/posture"
)

// Due are the actions that are to be done by a time: those whose time is before it, and what is High or Critical where nobody can say by when.
func Due(u posture.Upgrade, by time.Time) (all []posture.Action) {
	for _, a := range u.Actions {
		if a.By.IsZero() && a.Severity >= posture.High || !a.By.IsZero() && !a.By.After(by) {
			all = append(all, a)
		}
	}
	return all
}

// Known reports whether all could be read that an upgrade hangs on. Bulletins do not count here: they come with notifications, which only
// the deployed function has.
func Known(u posture.Upgrade) bool {
	for _, g := range u.Gaps {
		if g.Part != partNotifications {
			return false
		}
	}
	return true
}
