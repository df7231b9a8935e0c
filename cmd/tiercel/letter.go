package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/topic"
)

// Attributes that Pub/Sub gives a dead letter.
// https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic
const (
	deadPrefix       = "CloudPubSubDeadLetterSource"
	deadCount        = deadPrefix + "DeliveryCount"
	deadSubscription = deadPrefix + "Subscription"
	deadProject      = deadPrefix + "SubscriptionProject"
	deadPublished    = deadPrefix + "TopicPublishTime"
)

// A letter is a message that was put aside, with what its attributes say of how that came. All of it may be anybody's who
// may publish there.
type letter struct {
	ID           string    `json:"message_id"`
	Published    time.Time `json:"published"` // to the topic that it was first in, where that is known
	Subscription string    `json:"subscription,omitempty"`
	Deliveries   int       `json:"deliveries,omitempty"`
	Reason       string    `json:"reason,omitempty"`
	AlertID      string    `json:"alert_id,omitempty"`
	Rule         string    `json:"rule,omitempty"`
	Severity     string    `json:"severity,omitempty"`
	Bytes        int       `json:"bytes"`

	firstID string // before it was put into quarantine
	ackID   string
	message *pb.PubsubMessage
}

func newLetter(r *pb.ReceivedMessage) letter {
	m := r.GetMessage()
	of := m.GetAttributes()
	l := letter{
		ID: m.GetMessageId(), Published: m.GetPublishTime().AsTime(), Reason: of[topic.AttrReason], Subscription: of[topic.AttrSubscription],
		AlertID: of["alert_id"], Rule: of["rule"], Severity: of["severity"], Bytes: len(m.GetData()),
		firstID: of[topic.AttrMessageID], ackID: r.GetAckId(), message: m,
	}
	if of[deadSubscription] != "" {
		l.Subscription = "projects/" + of[deadProject] + "/subscriptions/" + of[deadSubscription]
		l.Deliveries, _ = strconv.Atoi(of[deadCount])
		if at, err := time.Parse(time.RFC3339Nano, of[deadPublished]); err == nil {
			l.Published = at
		}
	}
	if a, err := alert.Unmarshal(m.GetData()); err == nil && a.GetAlertId() != "" {
		l.AlertID, l.Rule, l.Severity = a.GetAlertId(), a.GetRule().GetName(), ""
		if a.GetSeverity() != 0 {
			l.Severity = a.GetSeverity().String()
		}
	}
	return l
}

// attributes are those that the message had before it was put aside. The service's own nobody else may write.
func (l letter) attributes() map[string]string {
	kept := make(map[string]string)
	for key, value := range l.message.GetAttributes() {
		switch {
		case strings.HasPrefix(key, deadPrefix), strings.HasPrefix(key, "goog"):
		case key == topic.AttrReason, key == topic.AttrSubscription, key == topic.AttrMessageID:
		default:
			kept[key] = value
		}
	}
	return kept
}

// letterMatch says which letters are meant; empty parts take all.
type letterMatch struct{ rule, id, reason string }

func (m letterMatch) has(l letter) bool {
	return (m.rule == "" || l.Rule == m.rule) && (m.id == "" || l.ID == m.id || l.AlertID == m.id || l.firstID == m.id) &&
		strings.Contains(l.Reason, m.reason)
}

func printLetters(w io.Writer, list []letter, asJSON bool) error {
	if asJSON {
		for _, l := range list {
			if err := printLine(w, l); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "MESSAGE\tPUBLISHED\tSUBSCRIPTION\tDELIVERIES\tSEVERITY\tRULE\tREASON")
	for _, l := range list {
		deliveries := ""
		if l.Deliveries > 0 {
			deliveries = strconv.Itoa(l.Deliveries)
		}
		cells := []string{l.ID, l.Published.UTC().Format("2006-01-02T15:04:05Z"), l.Subscription, deliveries, l.Severity, l.Rule, l.Reason}
		for i, c := range cells {
			if cells[i] = alert.Escape(c); c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// printLine is v as one line of JSON that may be shown as it is.
func printLine(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", alert.EscapeJSON(text))
	return err
}
