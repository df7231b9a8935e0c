package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const shipped = "../../../scripts/scale-prices.tsv"

func TestReadPrices(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"as shipped", "", "", ""},
		{"a price of one's own", "pubsub_tib\t40", "pubsub_tib\t28.5", ""},
		{"no number", "pubsub_tib\t40", "pubsub_tib\tforty", `:4: pubsub_tib: price "forty" is none`},
		{"less than nothing", "pubsub_tib\t40", "pubsub_tib\t-1", `:4: pubsub_tib: price "-1" is none`},
		{"blanks for tabs", "pubsub_tib\t40", "pubsub_tib 40", ":4: 3 fields"},
		{"one is missing", "logging_gib\t", "logging\t", "no price of logging_gib"},
	} {
		path := filepath.Join(t.TempDir(), "prices.tsv")
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), tt.old, tt.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := readPrices(path)
		switch {
		case tt.want == "" && (err != nil || len(p) != len(priced)):
			t.Errorf("%s: %d prices, %v", tt.name, len(p), err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// What costs more with each node does so in the model, and prices of nothing make costs of nothing.
func TestCostsGrow(t *testing.T) {
	p, err := readPrices(shipped)
	if err != nil {
		t.Fatal(err)
	}
	m := &measured{calls: map[string]calls{"storage A": {count: 30}, "storage B": {count: 40}}}
	m.sum.Alerts, m.sum.BeatRaw, m.sum.Beat, m.sum.SizeP50, m.beaten.Objects = 10, 1800, 2300, 6700, 4
	small, large := m.lines(1000, p), m.lines(15_000, p)
	for i, l := range m.lines(1000, prices{}) {
		if l.usd != 0 || small[i].usd <= 0 || large[i].usd <= small[i].usd || large[i].usd > 16*small[i].usd {
			t.Errorf("%s: %g for nothing, %g for 1,000 nodes, %g for 15,000", l.what, l.usd, small[i].usd, large[i].usd)
		}
	}
}
