package upgrade

import (
	"cmp"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// An affect is a bulletin that affects the control plane, or pools.
type affect struct {
	event     *pb.SecurityBulletinEvent
	published time.Time
	control   version   // that mends the control plane; not known if that is not affected, or nobody says
	pools     []version // that mend each pool, in their order
	hit       bool      // the control plane is affected
	pool      []bool    // which pools are
}

// bulletinsFor matches notified bulletins with what runs: those that affect nothing any more are left out.
func bulletinsFor(notes []Note, control version, pools []version) (all []affect) {
	for _, n := range notes {
		e, ok := n.message().(*pb.SecurityBulletinEvent)
		if !ok {
			continue
		}
		a := affect{event: e, published: n.Published, pools: make([]version, len(pools)), pool: make([]bool, len(pools))}
		some := false
		if about(e, "CONTROL") {
			a.hit, a.control = affects(e, control)
			some = a.hit
		}
		for i, at := range pools {
			if about(e, "NODE") {
				a.pool[i], a.pools[i] = affects(e, at)
				some = some || a.pool[i]
			}
		}
		if some {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b affect) int {
		return cmp.Or(int(b.severity())-int(a.severity()), strings.Compare(a.event.GetBulletinId(), b.event.GetBulletinId()))
	})
	return all
}

// about reports whether a bulletin is about that type of resource: RESOURCE_TYPE_CONTROLPLANE, RESOURCE_TYPE_NODE. One that names another, or
// none, is about all.
func about(e *pb.SecurityBulletinEvent, word string) bool {
	t := strings.ToUpper(e.GetResourceTypeAffected())
	if !strings.Contains(t, "CONTROL") && !strings.Contains(t, "NODE") {
		return true
	}
	return strings.Contains(t, word)
}

// affects reports whether a version has what a bulletin tells of, and which version mends it, if any is known to. A minor that is older
// than all affected ones is out of support: it is not among them for that alone. A version that nobody knows is affected.
func affects(e *pb.SecurityBulletinEvent, at version) (bool, version) {
	var minors []version
	for _, text := range e.GetAffectedSupportedMinors() {
		if v, ok := parseMinor(text); ok {
			minors = append(minors, v)
		} else if v, ok := parse(text); ok {
			minors = append(minors, newestOf(v.major, v.minor))
		}
	}
	fixed := slices.Concat(versions(e.GetPatchedVersions()), versions(e.GetMitigatedVersions()))
	if at.known() {
		listed := slices.ContainsFunc(minors, at.sameMinor)
		eldest := len(minors) > 0 && slices.MinFunc(minors, version.compare).newerThan(newestOf(at.major, at.minor))
		if len(minors) > 0 && !listed && !eldest {
			return false, version{}
		}
		if slices.ContainsFunc(fixed, func(f version) bool { return f.sameMinor(at) && !f.newerThan(at) }) {
			return false, version{}
		}
		// Without a list of minors, one that is newer than all that were mended came later.
		if len(minors) == 0 && len(fixed) > 0 && !slices.ContainsFunc(fixed, func(f version) bool { return f.sameMinor(at) || f.newerThan(at) }) {
			return false, version{}
		}
	}
	return true, mend(e, at)
}

// mend is the version to go to: the one that GKE suggests, else the oldest that is newer, and patched.
func mend(e *pb.SecurityBulletinEvent, at version) version {
	if v, ok := parse(e.GetSuggestedUpgradeTarget()); ok && v.newerThan(at) && v.behind(at) >= -maxSkew {
		return v
	}
	patched := versions(e.GetPatchedVersions())
	patched = slices.DeleteFunc(patched, func(v version) bool { return !v.newerThan(at) })
	if len(patched) == 0 {
		return version{}
	}
	return slices.MinFunc(patched, version.compare)
}

func versions(texts []string) (all []version) {
	for _, text := range texts {
		if v, ok := parse(text); ok {
			all = append(all, v)
		}
	}
	return all
}

// severity is the bulletin's. What is no word of Google's may be anything, and is looked at.
func (a affect) severity() posture.Severity {
	switch strings.ToUpper(a.event.GetSeverity()) {
	case "CRITICAL":
		return posture.Critical
	case "HIGH":
		return posture.High
	case "LOW":
		return posture.Low
	case "NONE":
		return posture.Info
	}
	return posture.Medium
}

// fix is the newest of the versions that mend what is affected.
func (a affect) fix() version {
	v := a.control
	for _, p := range a.pools {
		v = newer(v, p)
	}
	return v
}

func (a affect) shown() posture.Bulletin {
	e := a.event
	b := posture.Bulletin{
		ID: e.GetBulletinId(), Severity: a.severity().String(), CVEs: e.GetCveIds(), Text: e.GetBriefDescription(), FixedBy: a.fix().text,
	}
	if strings.HasPrefix(e.GetBulletinUri(), "https://") {
		b.Link = e.GetBulletinUri()
	}
	return b
}
