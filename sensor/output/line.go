package output

import (
	"errors"
	"fmt"
	"strings"

	"tiercel.dev/alert"
)

// Format is how outputs of lines write an alert.
type Format uint8

const (
	Text         Format = iota // for people
	JSON                       // as alert.JSON
	CloudLogging               // as Cloud Logging's agents read it from standard output
)

var formatNames = [...]string{Text: "text", JSON: "json", CloudLogging: "cloudlogging"}

func (f Format) String() string { return formatNames[f] }

// ParseFormat reads what the setting "format" may be.
func ParseFormat(s string) (Format, error) {
	switch s {
	case "text":
		return Text, nil
	case "json":
		return JSON, nil
	default:
		return 0, fmt.Errorf("format %q: not text or json", s)
	}
}

// line is a as one line with its line feed. It is safe to show: what a terminal might act on is escaped.
func (f Format) line(a *alert.Alert, color bool) ([]byte, error) {
	switch f {
	case JSON:
		b, err := alert.JSON(a)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAlert, err)
		}
		return append(b, '\n'), nil
	case CloudLogging:
		return cloudLoggingLine(a)
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
