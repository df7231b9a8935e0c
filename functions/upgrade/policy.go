package upgrade

import (
	"slices"
	"time"
)

// A Policy says what is late, and what Tiercel may do to a cluster. Zero fields have defaults.
type Policy struct {
	Near          time.Duration // before an end of support, when people are told at once; default 30 days
	LongExclusion time.Duration // from which an exclusion of all upgrades is too long; default 30 days
	Stuck         time.Duration // that an upgrade may run; default 24 h
	// Critical and High are within what a bulletin of that severity is to be followed. Defaults 7 and 30 days.
	Critical, High time.Duration
	// Allow is what Tiercel may do by itself. Nothing is, unless somebody says so.
	Allow []Act
}

const day = 24 * time.Hour

func (p Policy) withDefaults() Policy {
	for to, d := range map[*time.Duration]time.Duration{
		&p.Near: 30 * day, &p.LongExclusion: 30 * day, &p.Stuck: day, &p.Critical: 7 * day, &p.High: 30 * day,
	} {
		if *to == 0 {
			*to = d
		}
	}
	return p
}

func (p Policy) allows(a Act) bool { return slices.Contains(p.Allow, a) }

// An Act is what Tiercel may be allowed to do.
type Act string

const (
	AutoUpgrade  Act = "auto-upgrade"        // turn a node pool's automatic upgrades on
	AutoRepair   Act = "auto-repair"         // and its automatic repairs
	PoolUpgrade  Act = "pool-upgrade"        // start a node pool's upgrade
	ControlPatch Act = "control-plane-patch" // start an upgrade of the control plane within its minor
)

// Acts are all of them.
var Acts = []Act{AutoUpgrade, AutoRepair, PoolUpgrade, ControlPatch}
