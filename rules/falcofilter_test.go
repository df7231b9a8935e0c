package rules

import (
	"testing"

	"tiercel.dev/internal/event"
)

// What an output shows the kernel must copy, in files of either language.
func TestOutputReadsData(t *testing.T) {
	for name, file := range map[string]string{
		"falco":     "- {rule: r, desc: d, condition: evt.type = recvfrom, output: 'got %evt.buffer', priority: NOTICE}",
		"native":    "rules:\n- {name: r, condition: 'evt.type == \"recvfrom\"', output: '{evt.buffer}', severity: LOW}",
		"throttled": "rules:\n- {name: r, condition: 'evt.type == \"recvfrom\"', output: x, severity: LOW, throttle: {per: [evt.buffer], every: 1m}}",
		"neither":   "- {rule: r, desc: d, condition: evt.type = recvfrom, output: got, priority: NOTICE}",
	} {
		t.Run(name, func(t *testing.T) {
			set := mustLoad(t, Options{}, file)
			if got, want := set.Filter()[event.Recvfrom]&event.Data != 0, name != "neither"; got != want {
				t.Errorf("the set asks for data: %v", got)
			}
			if got, want := set.Rule("r").Filter()[event.Recvfrom]&event.Data != 0, name != "neither"; got != want {
				t.Errorf("the rule asks for data: %v", got)
			}
		})
	}
}
