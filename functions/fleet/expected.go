package fleet

import (
	"time"

	"golang.org/x/mod/semver"
)

// expectedRules is the hash of the rules that sensors should have: what the policy says, or what more than half of a cluster's
// have had for longer than a roll-out takes. "" where there is no such.
func expectedRules(now time.Time, live []*Sensor, p Policy) string {
	if p.RuleSet != "" {
		return p.RuleSet
	}
	held := make(map[string]int)
	for _, s := range live {
		held[s.RuleSet]++
		// Who could not take the new ones is not a voice for the old.
		if s.RulesError != "" {
			held[s.RuleSet]--
		}
	}
	for hash, n := range held {
		if 2*n <= len(live) {
			continue
		}
		for _, s := range live {
			if s.RuleSet == hash && now.Sub(s.RuleSetSince) > p.Rollout {
				return hash
			}
		}
	}
	return ""
}

// newest is the newest version that a living sensor has had for longer than a roll-out takes; "" if none has a version that can
// be compared.
func newest(now time.Time, all []*Sensor, p Policy) string {
	best := ""
	for _, s := range all {
		if p.alive(now, s) && semver.IsValid(s.Version) && now.Sub(s.VersionSince) > p.Rollout && semver.Compare(s.Version, best) > 0 {
			best = s.Version
		}
	}
	return best
}

// behind reports whether a version is older than the one wanted. One that cannot be compared, of a build of somebody's own, is
// behind only what was declared.
func behind(has, want string, declared bool) bool {
	if semver.IsValid(has) && semver.IsValid(want) {
		return semver.Compare(has, want) < 0
	}
	return declared && has != want
}
