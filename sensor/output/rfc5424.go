package output

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tiercel.dev/alert"
)

// What RFC 5424 calls facility: 13, log audit. Severities are syslog's, numbered down from emergency.
const facility = 13

var syslogSeverities = map[alert.Severity]int{
	alert.Low: 5, alert.Medium: 4, alert.High: 3, alert.Critical: 2, // notice, warning, error, critical
}

const syslogInfo = 6 // for heartbeats

// enterpriseID marks our structured data. 32473 is reserved for examples and for those without a number of their own
// (RFC 5612).
const enterpriseID = "32473"

// textMark stands before the text; the byte order mark says that it is UTF-8 (6.4).
const textMark = " \xef\xbb\xbf"

// minText is what parameters leave of the text: time, severity, rule and the beginning of the output. The header, the
// mark and this are less than half of the smallest limit, syslogUDPLimit.
const minText = 256

// syslogHeader is what stands before every message of this process.
type syslogHeader struct {
	host, app, procID string
	format            Format // of the text
}

// appendMessage writes a as RFC 5424 has it, at most limit bytes long:
//
//	<PRI>1 TIME HOST APP PROCID MSGID [tiercel@32473 name="value" …] BOM text
//
// What is too long loses parameters, each whole and the last named first, until [minText] bytes of the text find room;
// then the text is cut at its end, not within a character. A parameter that was cut would be no RFC 5424, or another value.
// JSON finds room before all parameters, since it is none when it is cut.
func (h syslogHeader) appendMessage(b []byte, a *alert.Alert, limit int) ([]byte, error) {
	line, err := h.format.line(a, false)
	if err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(line, []byte{'\n'})
	severity := syslogSeverity(a)
	start := len(b)
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(facility*8+severity), 10)
	b = append(b, ">1 "...)
	b = append(b, syslogTime(a.GetTime())...)
	for _, field := range []string{
		syslogName(h.host, 255), syslogName(h.app, 48), syslogName(h.procID, 128), syslogName(syslogID(a), 32),
	} {
		b = append(append(b, ' '), field...)
	}
	b = append(b, ' ')
	room := min(len(text), minText)
	if kind := h.format.kind(); kind == JSON || kind == FalcoJSON {
		room = len(text)
	}
	b = appendStructured(b, a, start+limit-len(textMark)-room)
	b = append(append(b, textMark...), text...)
	if len(b)-start > limit {
		b = cutRunes(b, start+limit)
	}
	return b, nil
}

// syslogSeverity is Falco's priority, whose words are syslog's, or what comes of the severity.
func syslogSeverity(a *alert.Alert) int {
	if i := slices.Index(syslogWords[:], a.GetRule().GetPriority()); i >= 0 {
		return i
	}
	if severity, ok := syslogSeverities[a.GetSeverity()]; ok {
		return severity
	}
	return syslogInfo
}

// syslogWords are Falco's for the severities from 0 on.
var syslogWords = [...]string{"Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"}

func syslogID(a *alert.Alert) string {
	if a.GetKind() == alert.KindHeartbeat {
		return "heartbeat"
	}
	return a.GetRule().GetName()
}

// syslogTime brings a time to RFC 5424's six digits of fraction.
func syslogTime(s string) string {
	t, err := alert.ParseTime(s)
	if err != nil {
		return "-"
	}
	return t.Format("2006-01-02T15:04:05.000000Z07:00")
}

// syslogName makes a header field: printable ASCII without blanks, "-" for none.
func syslogName(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

// appendStructured leaves out the parameters with which b would become longer than end.
func appendStructured(b []byte, a *alert.Alert, end int) []byte {
	b = append(b, "[tiercel@"+enterpriseID...)
	param := func(name, value string) {
		if value == "" {
			return
		}
		before := len(b)
		b = append(append(append(b, ' '), name...), `="`...)
		b = appendParam(b, value)
		b = append(b, '"')
		if len(b)+len("]") > end {
			b = b[:before]
		}
	}
	param("alert_id", a.GetAlertId())
	param("identity", a.GetIdentity())
	param("boot_id", a.GetBootId())
	if a.GetSeq() > 0 {
		param("seq", strconv.FormatUint(a.GetSeq(), 10))
	}
	param("rule", a.GetRule().GetName())
	if a.GetSeverity() != 0 {
		param("severity", a.GetSeverity().String())
	}
	param("namespace", a.GetPod().GetNamespace())
	param("pod", a.GetPod().GetName())
	param("container", a.GetContainer().GetName())
	param("image", a.GetContainer().GetImageRepository())
	param("node", a.GetNode().GetName())
	return append(b, ']')
}

// appendParam escapes a parameter's value: first what is not printable, so that no control character reaches a log
// reader's terminal, then the three characters that RFC 5424 6.3.3 names.
func appendParam(b []byte, value string) []byte {
	const limit = 1024
	value = string(cutRunes([]byte(alert.Escape(value)), limit))
	for _, c := range []byte(value) {
		if c == '"' || c == '\\' || c == ']' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return b
}

// cutRunes cuts b to at most n bytes, not within a character.
func cutRunes(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// dialTimeout bounds connecting and each write, so that a peer that hangs is noticed and left.
const dialTimeout = 5 * time.Second
