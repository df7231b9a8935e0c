// Package deployed says what a deployment of Tiercel consists of, by the names that infra/ gives. It is made from infra/ itself by
// scripts/generate, so that who looks after a deployment and who makes it have one list.
package deployed

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:generate go run tiercel.dev/internal/terraform/gen -infra ../../infra -schema ../terraform/google.json -o deployed.json

//go:embed deployed.json
var generated []byte

// Project stands in names for the project's id.
const Project = "PROJECT"

// Where policies stand in the bucket of records, if the settings rotation_policy and upgrade_policy name these.
const (
	RotationPolicy = "rotate/policy.yaml"
	UpgradePolicy  = "upgrade/policy.yaml"
)

// A Need is a setting without which infra/ does not make something.
type Need string

// Mail is the need of a mail server, the setting smtp.
const Mail Need = "smtp"

// A Deployment is what infra/ makes with its defaults, and with each [Need].
type Deployment struct {
	APIs          []string       `json:"apis"`
	Functions     []Function     `json:"functions"`
	Topics        []Topic        `json:"topics"`
	Subscriptions []Subscription `json:"subscriptions"`
	Buckets       Buckets        `json:"buckets"`
	Repository    string         `json:"repository"`
}

// A Function is a Cloud Function.
type Function struct {
	Name       string `json:"name"`
	EntryPoint string `json:"entry_point"`
	Account    string `json:"account"` // the e-mail address of its own, with Project in it
	// Findings tells that it writes findings, and so has its part of the write budget.
	Findings bool `json:"findings,omitempty"`
	// Cron is when Cloud Scheduler calls it, by a job of the function's name; empty for never. A setting may say another time.
	Cron string `json:"cron,omitempty"`
	// Secrets are the ids of those that it reads when it starts.
	Secrets []string `json:"secrets,omitempty"`
	// Reads and Writes are how the names of objects begin that it reads and writes in the bucket of records. What it writes it reads,
	// too, and what people write, whose names end with .yaml, it never writes.
	Reads  []string `json:"reads,omitempty"`
	Writes []string `json:"writes,omitempty"`
	Needs  Need     `json:"needs,omitempty"`
}

// A Topic is one of Pub/Sub's.
type Topic struct {
	Name   string `json:"name"`
	Schema string `json:"schema,omitempty"` // that messages are checked by
}

// A Subscription is one of Pub/Sub's.
type Subscription struct {
	Name   string `json:"name"`
	Topic  string `json:"topic"`
	Filter string `json:"filter,omitempty"`
	// Function is the one that it pushes to, as Account; empty for one that is read otherwise.
	Function string `json:"function,omitempty"`
	Account  string `json:"account,omitempty"`
	// Retention is how many seconds it keeps a message.
	Retention  int    `json:"retention"`
	DeadLetter string `json:"dead_letter,omitempty"` // the topic; empty for one that keeps what is dead already
	Needs      Need   `json:"needs,omitempty"`
}

// Buckets are Cloud Storage's, with Project in their names.
type Buckets struct {
	Records string `json:"records"`
	Sources string `json:"sources"`
}

// Infra is what infra/ makes in a project.
func Infra(project string) Deployment {
	var d Deployment
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(generated), Project, project)), &d); err != nil {
		panic("deployed.json: " + err.Error()) // it is this program's own, and a test reads it
	}
	return d
}
