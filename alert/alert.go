// Package alert is the contract between Tiercel's sensors and those who read what they publish: the message (written
// in alert.proto, which says what each field means), its JSON, its binary form and its Pub/Sub attributes, the identity
// by which repeats are known, and how a receiver notices that something is missing. It knows nothing of kernels, rules
// or Google: it imports protobuf and the standard library, and may be imported by anybody.
//
// A sender fills an Alert, gives it its [ID] and [Identity], calls [Fit] and then [Marshal]. A receiver calls
// [Unmarshal], which takes either encoding, and [Validate]: what comes from a topic is untrusted.
package alert

import _ "embed"

// Definition is the contract as protocol buffers' language has it, alert.proto: the schema that a topic of alerts checks.
//
//go:embed alert.proto
var Definition string

//go:generate ./generate

// Schema is the version of the contract that this package writes. It counts up when a field is added; readers use it
// only to explain what they did not find.
const Schema = 3

// Limits of one message. SCC, mail and terminals have smaller ones; these keep a hostile process from making a message
// that Pub/Sub, a spool or a reader chokes on.
const (
	MaxSize      = 256 << 10 // bytes, in either encoding
	MaxAncestors = 16
	maxArgs      = 1024
	maxList      = 256     // of any other list
	maxString    = 8 << 10 // bytes of one string
)

// The nested types of the contract, without the prefix that Go's generator gives them.
type (
	Rule       = Alert_Rule
	Field      = Alert_Field
	Event      = Alert_Event
	Process    = Alert_Process
	Container  = Alert_Container
	Pod        = Alert_Pod
	Label      = Alert_Label
	Node       = Alert_Node
	Cluster    = Alert_Cluster
	File       = Alert_File
	Connection = Alert_Connection
	Heartbeat  = Alert_Heartbeat
	Count      = Alert_Count
	Drop       = Alert_Drop
	Output     = Alert_Output
	Loss       = Alert_Loss
	Suppressed = Alert_Suppressed
	Enrichment = Alert_Enrichment
	Owner      = Alert_Enrichment_Owner
	Service    = Alert_Enrichment_Service
	Link       = Alert_Enrichment_Link
	Policy     = Alert_Enrichment_Policy

	Kind      = Alert_Kind
	Severity  = Alert_Severity
	FieldType = Alert_Field_Type
	Operation = Alert_File_Operation
	Role      = Alert_Connection_Role

	Verification = Alert_Enrichment_Verification
)

const (
	KindAlert     = Alert_ALERT
	KindHeartbeat = Alert_HEARTBEAT

	Low      = Alert_LOW
	Medium   = Alert_MEDIUM
	High     = Alert_HIGH
	Critical = Alert_CRITICAL

	Verified   = Alert_Enrichment_VERIFIED
	Unverified = Alert_Enrichment_UNVERIFIED
)

// ParseSeverity reads a severity's name as rules and JSON write it: LOW, MEDIUM, HIGH or CRITICAL.
func ParseSeverity(name string) (Severity, bool) {
	s, ok := Alert_Severity_value[name]
	return Severity(s), ok && s != 0
}
