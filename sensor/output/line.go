package output

import (
	"errors"
	"fmt"
	"strings"

	"tiercel.dev/alert"
)

// Format is how outputs of lines write an alert. The options of Falco's shapes are added to it, as in
// FalcoJSON|FalcoISOTime.
type Format uint16

const (
	Text         Format = iota // for people
	JSON                       // as alert.JSON
	CloudLogging               // as Cloud Logging's agents read it from standard output
	FalcoText                  // as Falco writes text
	FalcoJSON                  // as Falco writes JSON
)

const formatKind = 0x0f

// Options of Falco's shapes; none is Falco's default.
const (
	FalcoISOTime  Format = 1 << (iota + 4) // time_format_iso_8601
	FalcoMessage                           // json_include_message_property
	FalcoNoOutput                          // not json_include_output_property
	FalcoNoFields                          // not json_include_output_fields_property
	FalcoNoTags                            // not json_include_tags_property
)

var formatNames = [...]string{Text: "text", JSON: "json", CloudLogging: "cloudlogging", FalcoText: "falco-text", FalcoJSON: "falco-json"}

func (f Format) kind() Format { return f & formatKind }

func (f Format) String() string { return formatNames[f.kind()] }

// ParseFormat reads what the setting "format" may be.
func ParseFormat(s string) (Format, error) {
	for f, name := range formatNames {
		if name == s && Format(f) != CloudLogging {
			return Format(f), nil
		}
	}
	return 0, fmt.Errorf("format %q: not text, json, falco-text or falco-json", s)
}

// Line is a as one line with its line feed, as outputs write it. An error is [ErrAlert].
func (f Format) Line(a *alert.Alert) ([]byte, error) { return f.line(a, false) }

// line is a as one line with its line feed. It is safe to show: what a terminal might act on is escaped.
func (f Format) line(a *alert.Alert, color bool) ([]byte, error) {
	switch f.kind() {
	case JSON:
		b, err := alert.JSON(a)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAlert, err)
		}
		return append(b, '\n'), nil
	case CloudLogging:
		return cloudLoggingLine(a)
	case FalcoText, FalcoJSON:
		return f.falcoLine(a)
	default:
		s := alert.Text(a)
		if color {
			s = colored(s, a.GetSeverity())
		}
		return append([]byte(s), '\n'), nil
	}
}

// colors are the terminal's own sixteen, so that they fit its background.
var colors = map[alert.Severity]string{
	alert.Low: "\x1b[36m", alert.Medium: "\x1b[33m", alert.High: "\x1b[31m", alert.Critical: "\x1b[1;31m",
}

// colored colours the severity's name, the first place where it stands: right after the time.
func colored(text string, s alert.Severity) string {
	color, name := colors[s], s.String()
	before, after, ok := strings.Cut(text, name)
	if color == "" || !ok {
		return text
	}
	return before + color + name + "\x1b[0m" + after
}

var errShort = errors.New("the line was cut short")
