package alert

import (
	"fmt"
	"strings"
)

// Text is a as one line for people, without its line feed and safe to show.
//
//	2026-01-02T03:04:05.000000006Z HIGH terminal_shell_in_container: shell started (ns/pod web/a-1, node n1) x3
func Text(a *Alert) string {
	if a.GetKind() == KindHeartbeat {
		return Escape(heartbeatText(a))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s: %s", a.GetTime(), a.GetSeverity(), a.GetRule().GetName(), a.GetOutput())
	if where := whereText(a); where != "" {
		fmt.Fprintf(&b, " (%s)", where)
	}
	if n := a.GetSuppressed().GetCount(); n > 0 {
		fmt.Fprintf(&b, " x%d", 1+n)
	}
	return Escape(b.String())
}

func whereText(a *Alert) string {
	var parts []string
	switch p, c := a.GetPod(), a.GetContainer(); {
	case p.GetName() != "":
		parts = append(parts, "pod "+p.GetNamespace()+"/"+p.GetName())
	case c.GetId() != "":
		parts = append(parts, "container "+truncate(c.GetId(), 12))
	}
	if n := a.GetNode().GetName(); n != "" {
		parts = append(parts, "node "+n)
	}
	return strings.Join(parts, ", ")
}

func heartbeatText(a *Alert) string {
	h := a.GetHeartbeat()
	var events, drops, dropped uint64
	for _, c := range h.GetEvents() {
		events += c.GetCount()
	}
	for _, d := range h.GetDrops() {
		drops += d.GetCount()
	}
	for _, o := range h.GetOutputs() {
		dropped += o.GetDropped()
	}
	s := fmt.Sprintf("%s heartbeat: %d events, %d dropped, %d alerts, %d lost by outputs", a.GetTime(), events, drops,
		h.GetAlerts(), dropped)
	if h.GetRulesError() != "" {
		s += ", rules not taken: " + h.GetRulesError()
	}
	if h.GetImpaired() != "" {
		s += ", impaired: " + h.GetImpaired()
	}
	if n := a.GetNode().GetName(); n != "" {
		s += " (node " + n + ")"
	}
	return s
}
