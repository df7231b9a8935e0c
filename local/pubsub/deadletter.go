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

// deadLetter publishes a message that was delivered too often to the dead-letter topic and drops it here, in this order and
// in one commit. It does not where that topic is gone: then the message is tried on, as the service does. A topic without
// a subscription loses the message, as the service's does; that is told.
func (sub *subscription) deadLetter(d *delivery, name string) bool {
	t := sub.server.topics[name]
	if t == nil {
		return false
	}
	project, short, _ := strings.Cut(strings.TrimPrefix(sub.spec.Name, "projects/"), "/subscriptions/")
	p := d.m.proto()
	p.Attributes = maps.Clone(p.Attributes)
	if p.Attributes == nil {
		p.Attributes = make(map[string]string, 4)
	}
	p.Attributes[attrDeliveryCount] = strconv.Itoa(d.attempt)
	p.Attributes[attrSubscription] = short
	p.Attributes[attrProject] = project
	p.Attributes[attrPublishTime] = d.m.published.UTC().Format(time.RFC3339Nano)
	letter := newMessage(name, p)
	sub.server.publish(t, letter)
	if letter.holders == 0 {
		sub.server.cfg.Log.Warn("dead letter lost: no subscription takes it", "subscription", sub.spec.Name, "topic", name, "message_id", d.m.id())
	}
	sub.stats.DeadLettered++
	sub.drop(d)
	return true
}
