package alert

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAttribute is the longest value Pub/Sub takes, in bytes.
const maxAttribute = 1024

// Attributes are what a subscription can filter on without opening the message. At most 10, none empty.
func Attributes(a *Alert) map[string]string {
	m := map[string]string{
		"kind":   attributeKind(a),
		"schema": strconv.FormatUint(uint64(a.GetSchema()), 10),
	}
	put := func(key, value string) {
		if value != "" {
			m[key] = truncate(strings.Map(oneLine, valid(value)), maxAttribute)
		}
	}
	put("alert_id", a.GetAlertId())
	put("identity", a.GetIdentity())
	put("rule", a.GetRule().GetName())
	if a.GetSeverity() != 0 {
		put("severity", a.GetSeverity().String())
	}
	put("cluster", a.GetCluster().GetName())
	put("namespace", a.GetPod().GetNamespace())
	put("node", a.GetNode().GetName())
	if a.GetEnrichment().GetPolicy().GetMuted() {
		m["muted"] = "true"
	}
	return m
}

// oneLine takes the place of what would end a line: Pub/Sub pushes attributes as HTTP headers if a subscriber asks for no wrapper.
func oneLine(r rune) rune {
	if unicode.IsControl(r) {
		return utf8.RuneError
	}
	return r
}

func attributeKind(a *Alert) string {
	switch a.GetKind() {
	case KindAlert:
		return "alert"
	case KindHeartbeat:
		return "heartbeat"
	default:
		return "unknown"
	}
}
