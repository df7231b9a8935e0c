package posture

import "time"

// A Rotation is where the rotation of a cluster's credentials stands, for people: the record that decides is functions/rotate's.
type Rotation struct {
	Time     time.Time `json:"time"`
	Resource Resource  `json:"resource"`
	State    string    `json:"state"` // IDLE, DUE, …, DONE, BLOCKED, FOREIGN, EXPIRED
	Since    time.Time `json:"since"`
	Started  time.Time `json:"started,omitzero"` // of the rotation, by whomever
	By       string    `json:"by,omitempty"`     // who started it
	CA       *CA       `json:"ca,omitempty"`
	Reason   string    `json:"reason,omitempty"` // why it is due, blocked, foreign
	// Blockers are what keeps it from going on, each with what to do.
	Blockers []Blocker `json:"blockers,omitempty"`
	// Left are those that still use the old credentials: static tokens, clients, nodes.
	Left      []string   `json:"left,omitempty"`
	Next      string     `json:"next"` // what happens next, and who does it
	Commands  []string   `json:"commands,omitempty"`
	Deadlines []Deadline `json:"deadlines,omitempty"`
	Gaps      []Gap      `json:"gaps,omitempty"`
}

// A Blocker keeps a rotation from going on.
type Blocker struct {
	What string `json:"what"`
	Fix  string `json:"fix,omitempty"`
	// Acknowledge is what a person gives `tiercel rotation approve --acknowledge` to go on all the same; empty where nobody may.
	Acknowledge string `json:"acknowledge,omitempty"`
}

// A Deadline is a day by which something happens, or is to be done.
type Deadline struct {
	Time     time.Time `json:"time"`
	What     string    `json:"what"`
	Kind     string    `json:"kind"` // "ca", "support", "channel", "exclusion", "rotation", "exception", "bootstrap", "upgrade"
	Resource Resource  `json:"resource"`
	Severity Severity  `json:"severity"`
}

// A Notice is a mail that a function wants sent at once: a transition, a deadline that is near. Key makes it once: the same
// notice again is the same mail.
type Notice struct {
	Key      string    `json:"key"`
	Time     time.Time `json:"time"`
	Subject  string    `json:"subject"`
	Severity Severity  `json:"severity"`
	Resource Resource  `json:"resource"`
	// Text is for people, in paragraphs parted by blank lines; Facts stand in a table, Commands in a box of their own.
	Text      string     `json:"text"`
	Facts     []Evidence `json:"facts,omitempty"`
	Commands  []string   `json:"commands,omitempty"`
	Deadlines []Deadline `json:"deadlines,omitempty"`
}
