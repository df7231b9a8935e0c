package output

import (
	"encoding/json"
	"fmt"
	"strconv"

	"tiercel.dev/alert"
	"tiercel.dev/internal/cloudlog"
)

// Cloud Logging's agent on a GKE node reads each line of a container's standard output that is a JSON object as a
// structured entry: these keys are taken out of it, and the rest becomes jsonPayload.
// https://cloud.google.com/logging/docs/structured-logging
type cloudEntry struct {
	Severity string            `json:"severity"`
	Message  string            `json:"message"`
	Time     string            `json:"time,omitempty"`
	InsertID string            `json:"logging.googleapis.com/insertId,omitempty"`
	Trace    string            `json:"logging.googleapis.com/trace,omitempty"` // the alert's id, as in the lines of the functions
	Labels   map[string]string `json:"logging.googleapis.com/labels,omitempty"`
	Alert    json.RawMessage   `json:"alert"`
}

// maxCloudLine is what one line may have: Cloud Logging takes entries of 256 KiB, and the container runtime's log adds
// to each; longer ones arrive in pieces that are no JSON.
const maxCloudLine = 240 << 10

// cloudSeverities are Cloud Logging's words. An alert of low severity is still something to look at.
var cloudSeverities = map[alert.Severity]string{
	alert.Low: "NOTICE", alert.Medium: "WARNING", alert.High: "ERROR", alert.Critical: "CRITICAL",
}

func cloudSeverity(a *alert.Alert) string {
	if s := cloudSeverities[a.GetSeverity()]; s != "" {
		return s
	}
	if a.GetKind() == alert.KindHeartbeat {
		return "INFO"
	}
	return "DEFAULT"
}

func cloudLoggingLine(a *alert.Alert) ([]byte, error) {
	body, err := alert.JSON(a)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAlert, err)
	}
	e := cloudEntry{
		Severity: cloudSeverity(a), Message: alert.Text(a), Time: a.GetTime(), InsertID: a.GetAlertId(),
		Labels: cloudLabels(a), Alert: body,
	}
	if id := a.GetAlertId(); cloudlog.IsTraceID(id) {
		e.Trace = cloudlog.Trace{ID: id}.Name(a.GetCluster().GetProject())
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAlert, err)
	}
	if len(b) > maxCloudLine {
		// The message and the labels are what a log is searched by; the whole alert goes to outputs that can hold it.
		e.Alert = json.RawMessage(`{"truncated":["alert"],"size":"` + strconv.Itoa(len(body)) + `"}`)
		if b, err = json.Marshal(e); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAlert, err)
		}
	}
	return append(b, '\n'), nil
}

// cloudLabels are Pub/Sub's attributes with a prefix, since a project's other logs have labels too.
func cloudLabels(a *alert.Alert) map[string]string {
	labels := map[string]string{}
	for k, v := range alert.Attributes(a) {
		if k != "alert_id" { // is the insert id
			labels["tiercel/"+k] = v
		}
	}
	return labels
}
