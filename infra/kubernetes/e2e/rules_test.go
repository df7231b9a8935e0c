package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tiercel.dev/alert"
	"tiercel.dev/functions/fleet"
)

// ticks is a rule of a user's: it counts what it is shown, one alert for each.
const ticks = `rules:
  - name: shop_tick
    title: Tick in the shop
    condition: spawned && in_container && proc.exe == "/bin/true" && proc.args.startsWith("tick-")
    output: "{proc.cmdline}"
    severity: LOW
`

// refused names a field that there is not.
const refused = `rules:
  - name: shop_tick
    condition: spawned && proc.nme == "true"
    output: "{proc.cmdline}"
    severity: LOW
`

// setRules changes the ConfigMap with the rights of the build.
func (w *world) setRules(t *testing.T, text string) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"rules.yaml": text}})
	if err != nil {
		t.Fatal(err)
	}
	w.kubectl(t, "--as="+builder, "-n", sensors, "patch", "configmap", "tiercel-rules", "--type=merge", "-p", string(patch))
}

// tick has the attacked pod do what the user's rule names, and reports whether it was seen, in time.
func (w *world) tick(t *testing.T, name string) func() error {
	return func() error {
		w.exec(t, "/bin/true tick-"+name)
		if len(w.heard.alerts("shop_tick", func(a *alert.Alert) bool { return strings.HasSuffix(a.GetOutput(), " tick-"+name) })) == 0 {
			return fmt.Errorf("no alert yet")
		}
		return nil
	}
}

func reload(t *testing.T, w *world) {
	pod := w.sensor(t)
	w.setRules(t, ticks)
	eventually(t, "the new rule is in force", w.tick(t, "first"))
	result("a rule put into the ConfigMap is in force")

	w.setRules(t, refused)
	eventually(t, "the bad rules are refused", func() error {
		if got := w.metric(t, pod, "tiercel_sensor_rules_refused"); got != "1" {
			return fmt.Errorf("tiercel_sensor_rules_refused is %s", got)
		}
		return nil
	})
	log := w.kubectl(t, "-n", sensors, "logs", pod.Name, "--tail=20")
	if !strings.Contains(log, "rules.yaml:3:") || !strings.Contains(log, "unknown field proc.nme") {
		t.Errorf("the log does not say where the mistake is: %s", log)
	}
	eventually(t, "the rule before is in force still", w.tick(t, "second"))
	stale := w.problem(t, fleet.Stale, true)
	result("bad rules are refused, those before stay in force, and the fleet says: %s", stale)

	w.setRules(t, ticks)
	w.problem(t, fleet.Stale, false)
	if now := w.sensor(t); now.UID != pod.UID || now.Restarts() != pod.Restarts() {
		t.Errorf("the sensor was started again: %s, then %s", pod, now)
	}
	result("mended rules end that; the pod was never replaced")
}
