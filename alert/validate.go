package alert

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// ErrInvalid means that a message is well-formed and yet no sensor's: each error of [Validate] wraps it. Reading the
// message again will not help.
var ErrInvalid = errors.New("invalid alert")

// Validate checks what a receiver relies on, in a message that anybody may have written. It names every field that is
// wrong. Values that only a newer version knows are right in a message of a newer version.
func Validate(a *Alert) error {
	v := validator{newer: a.GetSchema() > Schema}
	v.require("schema", a.GetSchema() != 0, "is missing")
	v.hex("alert_id", a.GetAlertId())
	v.name("sensor_id", a.GetSensorId())
	v.name("boot_id", a.GetBootId())
	v.time("time", a.GetTime())
	v.optionalTime("observed_time", a.GetObservedTime())
	switch a.GetKind() {
	case KindAlert:
		v.alert(a)
	case KindHeartbeat:
		v.heartbeat(a)
	default:
		v.require("kind", v.newer && a.GetKind() != 0, "is none this version knows")
	}
	return errors.Join(v.errs...)
}

type validator struct {
	newer bool // the message is of a version that this package does not know
	errs  []error
}

func (v *validator) alert(a *Alert) {
	v.hex("identity", a.GetIdentity())
	v.require("seq", a.GetSeq() != 0, "is missing")
	v.optionalTime("suppressed.first_time", a.GetSuppressed().GetFirstTime())
	v.optionalTime("suppressed.last_time", a.GetSuppressed().GetLastTime())
	v.require("severity", a.GetSeverity() >= Low && (a.GetSeverity() <= Critical || v.newer), "is none this version knows")
	v.name("rule.name", a.GetRule().GetName())
	for _, id := range a.GetRule().GetAttack() {
		v.require("rule.attack", attackID.MatchString(id), "%s is no ATT&CK technique or tactic such as T1059.004 or TA0002", quote(id))
	}
	v.require("heartbeat", a.GetHeartbeat() == nil, "is set in an alert")
	v.require("ancestors", len(a.GetAncestors()) <= MaxAncestors, "has %d of at most %d processes", len(a.GetAncestors()), MaxAncestors)
	v.process("process", a.GetProcess())
	for _, p := range a.GetAncestors() {
		v.process("ancestors", p)
	}
	if a.GetContainer() != nil {
		v.name("container.id", a.GetContainer().GetId())
	}
	v.require("pod", a.GetPod() == nil || a.GetContainer() != nil, "is set without a container")
	v.optionalIP("pod.ip", a.GetPod().GetIp())
	v.connection(a.GetConnection())
}

func (v *validator) heartbeat(a *Alert) {
	h := a.GetHeartbeat()
	v.require("heartbeat", h != nil, "is missing")
	v.optionalTime("heartbeat.start_time", h.GetStartTime())
	v.require("heartbeat.interval_seconds", h == nil || h.GetIntervalSeconds() != 0, "is missing")
	v.require("seq", a.GetSeq() == 0, "is set in a heartbeat")
	v.require("severity", a.GetSeverity() == 0, "is set in a heartbeat")
	v.require("rule", a.GetRule() == nil, "is set in a heartbeat")
}

func (v *validator) process(field string, p *Process) {
	v.require(field+".pid", p.GetPid() >= 0, "is negative")
	v.optionalTime(field+".start_time", p.GetStartTime())
}

func (v *validator) connection(c *Connection) {
	for _, end := range []struct {
		field, ip string
		port      uint32
	}{
		{"connection.local", c.GetLocalIp(), c.GetLocalPort()},
		{"connection.remote", c.GetRemoteIp(), c.GetRemotePort()},
		{"connection.asked", c.GetAskedIp(), c.GetAskedPort()},
	} {
		v.optionalIP(end.field+"_ip", end.ip)
		v.require(end.field+"_port", end.port <= 65535, "%d is not a port", end.port)
	}
}

func (v *validator) require(field string, ok bool, format string, args ...any) {
	if !ok {
		v.errs = append(v.errs, fmt.Errorf("%w: %s %s", ErrInvalid, field, fmt.Sprintf(format, args...)))
	}
}

// name asks for text that is short and holds nothing a log or a resource name could not: it goes into both.
func (v *validator) name(field, s string) {
	v.require(field, s != "", "is missing")
	v.require(field, len(s) <= 255, "has %d of at most 255 bytes", len(s))
	v.require(field, Escape(s) == s, "%s holds unprintable characters", quote(s))
}

func (v *validator) hex(field, s string) {
	ok := len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
	v.require(field, ok, "%s is not 32 hexadecimal digits", quote(s))
}

func (v *validator) time(field, s string) {
	if _, err := ParseTime(s); err != nil {
		v.require(field, false, "%s is not an RFC 3339 time", quote(s))
	}
}

func (v *validator) optionalTime(field, s string) {
	if s != "" {
		v.time(field, s)
	}
}

func (v *validator) optionalIP(field, s string) {
	if s == "" {
		return
	}
	_, err := netip.ParseAddr(s)
	v.require(field, err == nil, "%s is not an IP address", quote(s))
}

// quote shows untrusted text in an error.
func quote(s string) string { return `"` + Escape(clip(s, 64)) + `"` }

// attackID is the form of a technique's, a sub-technique's or a tactic's id, the same that rules may write.
var attackID = regexp.MustCompile(`^(T\d{4}(\.\d{3})?|TA\d{4})$`)
