package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"tiercel.dev/alert"
)

// watchFilter says which messages are to come, all of it by their attributes: what is not wanted never leaves Pub/Sub.
type watchFilter struct {
	own                     string // Pub/Sub's own syntax
	severity                string // the least
	rules, clusters, spaces []string
	heartbeats              bool
}

// maxFilter is the longest filter that Pub/Sub takes, in bytes.
// https://cloud.google.com/pubsub/quotas#resource_limits
const maxFilter = 256

// build makes the filter of the subscription. Heartbeats have no severity, rule or namespace: those parts do not keep them
// away, but the cluster and a filter of one's own do.
func (f watchFilter) build() (string, error) {
	alerts := []string{`attributes.kind = "alert"`}
	severities, err := atLeast(f.severity)
	if err != nil {
		return "", err
	}
	both := []string{}
	for _, part := range []struct {
		to     *[]string
		key    string
		values []string
	}{{&alerts, "severity", severities}, {&alerts, "rule", f.rules}, {&alerts, "namespace", f.spaces}, {&both, "cluster", f.clusters}} {
		text, err := anyOf(part.key, part.values)
		if err != nil {
			return "", err
		}
		if text != "" {
			*part.to = append(*part.to, text)
		}
	}
	if f.heartbeats {
		alerts = []string{`(attributes.kind = "heartbeat" OR ` + oneTerm(alerts) + `)`}
	}
	if f.own != "" {
		both = append(both, "("+f.own+")")
	}
	text := strings.Join(append(alerts, both...), " AND ")
	if len(text) > maxFilter {
		return "", mistake{fmt.Errorf("the filter has %d bytes, and Pub/Sub takes %d: ask for less at once: %s", len(text), maxFilter, text)}
	}
	return text, nil
}

// oneTerm joins terms to one.
func oneTerm(terms []string) string {
	if len(terms) == 1 {
		return terms[0]
	}
	return "(" + strings.Join(terms, " AND ") + ")"
}

// atLeast are the severities from one upwards; none where all are wanted.
func atLeast(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	least, ok := alert.ParseSeverity(strings.ToUpper(name))
	if !ok {
		return nil, mistake{fmt.Errorf("--severity %q: want LOW, MEDIUM, HIGH or CRITICAL", name)}
	}
	var names []string
	for s := least; s <= alert.Critical && least > alert.Low; s++ {
		names = append(names, s.String())
	}
	return names, nil
}

// anyOf is the term that an attribute has one of the values.
func anyOf(key string, values []string) (string, error) {
	terms := make([]string, len(values))
	for i, value := range values {
		quoted, err := quoteFilter(value)
		if err != nil {
			return "", mistake{fmt.Errorf("--%s %q: %w", key, value, err)}
		}
		terms[i] = "attributes." + key + " = " + quoted
	}
	switch len(terms) {
	case 0:
		return "", nil
	case 1:
		return terms[0], nil
	}
	return "(" + strings.Join(terms, " OR ") + ")", nil
}

// quoteFilter makes a value one text of the filter, whatever it holds. Names have no characters that would need more than
// quotes, so that others are taken for a slip.
func quoteFilter(value string) (string, error) {
	if value == "" {
		return "", errors.New("is empty")
	}
	for _, r := range value {
		if r == '"' || r == '\\' || r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return "", errors.New("no name has " + strconv.QuoteRune(r))
		}
	}
	return `"` + value + `"`, nil
}
