package posture

import "time"

// An Upgrade is what is to be done about a cluster's versions.
type Upgrade struct {
	Time     time.Time     `json:"time"`
	Resource Resource      `json:"resource"`
	Channel  string        `json:"channel"` // RAPID, REGULAR, STABLE, EXTENDED, or "none"
	Control  Versions      `json:"control_plane"`
	Pools    []PoolUpgrade `json:"pools,omitempty"`
	Windows  string        `json:"windows,omitempty"` // for people: "daily 03:00 UTC, 4h; 96 h in 32 days"
	Next     []time.Time   `json:"next,omitempty"`    // when the next windows open
	// Exclusions stop GKE's own upgrades, and Budget is the least time between two of the control plane; both for people.
	Exclusions []string `json:"exclusions,omitempty"`
	Budget     string   `json:"disruption_budget,omitempty"`
	// Running are operations under way, and Events what GKE has told of, the newest first, at most 20; for people.
	Running   []string   `json:"running,omitempty"`
	Events    []Event    `json:"events,omitempty"`
	Bulletins []Bulletin `json:"bulletins,omitempty"`
	Actions   []Action   `json:"actions,omitempty"` // in the order in which they are to be done
	Deadlines []Deadline `json:"deadlines,omitempty"`
	Gaps      []Gap      `json:"gaps,omitempty"`
}

// Versions are where one side of a cluster stands and where it goes.
type Versions struct {
	Current        string    `json:"current"`
	PatchTarget    string    `json:"patch_target,omitempty"`
	MinorTarget    string    `json:"minor_target,omitempty"`
	Auto           string    `json:"auto"`             // "active", "minor paused", "paused", "off", "unknown"
	Paused         []string  `json:"paused,omitempty"` // why, in words
	EndOfStandard  time.Time `json:"end_of_standard,omitzero"`
	EndOfExtended  time.Time `json:"end_of_extended,omitzero"`
	LastUpgrade    string    `json:"last_upgrade,omitempty"`
	UpgradeFailing bool      `json:"upgrade_failing,omitempty"`
}

// A PoolUpgrade is a node pool's.
type PoolUpgrade struct {
	Name string `json:"name"`
	Versions
	Skew        int  `json:"skew"`                   // minors behind the control plane; negative if newer
	SkewUnknown bool `json:"skew_unknown,omitempty"` // one of the two versions cannot be read
	AutoUpgrade bool `json:"auto_upgrade"`
	AutoRepair  bool `json:"auto_repair"`
}

// A Bulletin is a security bulletin that affects a cluster.
type Bulletin struct {
	ID       string   `json:"id"` // GCP-2026-012
	Severity string   `json:"severity"`
	CVEs     []string `json:"cves,omitempty"`
	Text     string   `json:"text"`
	Link     string   `json:"link,omitempty"`
	FixedBy  string   `json:"fixed_by,omitempty"` // the version to go to
}

// An Event is what GKE told of a cluster's upgrades.
type Event struct {
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// An Action is one thing to be done.
type Action struct {
	What       string    `json:"what"`
	Why        string    `json:"why"`
	By         time.Time `json:"by,omitzero"`
	Severity   Severity  `json:"severity"`
	Commands   []string  `json:"commands,omitempty"`
	Link       string    `json:"link,omitempty"` // where no command does it, and where more is said
	Disruption string    `json:"disruption,omitempty"`
	// Doing says that Tiercel does it, since it was told to, and how far it is.
	Doing string `json:"doing,omitempty"`
}
