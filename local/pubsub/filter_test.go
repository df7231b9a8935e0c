package pubsub

import "testing"

func TestFilter(t *testing.T) {
	m := map[string]string{"kind": "alert", "severity": "CRITICAL", "cluster": "prod-1", "a.b": "c"}
	for _, tt := range []struct {
		text string
		want bool
	}{
		{``, true},
		{`attributes:kind`, true},
		{`attributes:none`, false},
		{`attributes.kind = "alert"`, true},
		{`attributes.kind="heartbeat"`, false},
		{`attributes.kind != "heartbeat"`, true},
		{`attributes.none != "x"`, true},
		{`attributes:x-y`, false},
		{`-attributes.kind="alert"`, false},
		{`attributes.kind != "alert"`, false},
		{`NOT attributes.kind != "alert"`, true},
		{`attributes:4th AND attributes:kind`, false},
		{`NOT attributes.none = "x"`, true},
		{`-attributes:kind`, false},
		{`hasPrefix(attributes.cluster, "prod-")`, true},
		{`hasPrefix(attributes.none, "")`, false},
		{`attributes.kind = "alert" AND attributes.severity = "LOW"`, false},
		{`attributes.severity = "HIGH" OR attributes.severity = "CRITICAL"`, true},
		{`attributes.kind = "alert" AND (attributes.severity = "HIGH" OR attributes.severity = "CRITICAL")`, true},
		{`attributes."a.b" = "c"`, true},
		{`NOT (attributes:kind AND attributes:none)`, true},
	} {
		f, err := parseFilter(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		} else if f.match(m) != tt.want {
			t.Errorf("%s: %v", tt.text, !tt.want)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for text, want := range map[string]string{
		`attributes`:                     `ends where ":" or "." should stand`,
		`attributes.kind = alert`:        `"alert" at column 19 where a quoted text should stand`,
		`attributes.kind = "alert" junk`: `"junk" at column 27 where the end should stand`,
		`data = "x"`:                     `"data" at column 1 where attributes, hasPrefix, NOT or ( should stand`,
		`(attributes:a`:                  `ends where ")" should stand`,
		`attributes:a AND attributes:b OR attributes:c`: `AND and OR at column 31 want parentheses`,
		`attributes.a = "x`:                             `literal not terminated`,
	} {
		if _, err := parseFilter(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`attributes.kind = "alert" AND NOT (hasPrefix(attributes."a b", "\u00e9") OR attributes:c)`)
	f.Fuzz(func(t *testing.T, text string) {
		if g, err := parseFilter(text); err == nil {
			g.match(map[string]string{"kind": "alert"})
		}
	})
}
