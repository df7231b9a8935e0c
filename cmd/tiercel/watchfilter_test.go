package main

import (
	"errors"
	"strings"
	"testing"

	"tiercel.dev/sensor/node"
)

func TestWatchFilter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		filter watchFilter
		want   string
	}{
		{"alerts alone", watchFilter{}, `attributes.kind = "alert"`},
		{"heartbeats too", watchFilter{heartbeats: true}, `(attributes.kind = "heartbeat" OR attributes.kind = "alert")`},
		{"least severity", watchFilter{severity: "high"},
			`attributes.kind = "alert" AND (attributes.severity = "HIGH" OR attributes.severity = "CRITICAL")`},
		{"the least of all", watchFilter{severity: "LOW"}, `attributes.kind = "alert"`},
		{"the highest", watchFilter{severity: "CRITICAL"}, `attributes.kind = "alert" AND attributes.severity = "CRITICAL"`},
		{"one rule, two namespaces", watchFilter{rules: []string{"a"}, spaces: []string{"x", "y"}},
			`attributes.kind = "alert" AND attributes.rule = "a" AND (attributes.namespace = "x" OR attributes.namespace = "y")`},
		{"a cluster's heartbeats and worse alerts", watchFilter{heartbeats: true, severity: "CRITICAL", clusters: []string{"prod"}},
			`(attributes.kind = "heartbeat" OR (attributes.kind = "alert" AND attributes.severity = "CRITICAL")) AND attributes.cluster = "prod"`},
		{"one's own", watchFilter{own: `attributes:node OR attributes.x = "y"`}, `attributes.kind = "alert" AND (attributes:node OR attributes.x = "y")`},
	} {
		got, err := tt.filter.build()
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

func TestWatchFilterMistakes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		filter watchFilter
		want   string
	}{
		{"severity", watchFilter{severity: "WORST"}, `--severity "WORST": want LOW, MEDIUM, HIGH or CRITICAL`},
		{"quote", watchFilter{rules: []string{`a" OR attributes.kind = "heartbeat`}}, `no name has '"'`},
		{"backslash", watchFilter{spaces: []string{`a\`}}, `no name has '\\'`},
		{"control character", watchFilter{clusters: []string{"a\nb"}}, `no name has '\n'`},
		{"not UTF-8", watchFilter{clusters: []string{"a\xff"}}, `no name has '` + "\ufffd" + `'`},
		{"nothing", watchFilter{clusters: []string{""}}, "is empty"},
		{"too long", watchFilter{rules: []string{strings.Repeat("a", 250)}}, "Pub/Sub takes 256"},
	} {
		got, err := tt.filter.build()
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, node.ErrMistake) {
			t.Errorf("%s: %q, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}
