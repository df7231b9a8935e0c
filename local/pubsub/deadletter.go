package pubsub

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// Attributes that the service adds to a dead letter.
// https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic
const (
	attrDeliveryCount = "CloudPubSubDeadLetterSourceDeliveryCount"
	attrSubscription  = "CloudPubSubDeadLetterSourceSubscription"
	attrProject       = "CloudPubSubDeadLetterSourceSubscriptionProject"
	attrPublishTime   = "CloudPubSubDeadLetterSourceTopicPublishTime"
)

// deadLetter publishes a message that was delivered too often to the dead-letter topic and drops it here. It does not
// where that topic is gone: then the message is tried on, as the service does.
func (sub *subscription) deadLetter(d *delivery, name string) bool {
	t := sub.server.topics[name]
	if t == nil {
		return false
	}
	project, short, _ := strings.Cut(strings.TrimPrefix(sub.spec.Name, "projects/"), "/subscriptions/")
	attributes := maps.Clone(d.m.attributes)
	if attributes == nil {
		attributes = make(map[string]string, 4)
	}
	attributes[attrDeliveryCount] = strconv.Itoa(d.attempt)
	attributes[attrSubscription] = short
	attributes[attrProject] = project
	attributes[attrPublishTime] = d.m.published.UTC().Format(time.RFC3339Nano)
	sub.server.publish(t, d.m.data, attributes)
	sub.stats.DeadLettered++
	sub.drop(d)
	return true
}
