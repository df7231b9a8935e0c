package alerting

import (
	"fmt"
	"testing"

	"tiercel.dev/alert"
	"tiercel.dev/rules"
)

// What a rule may write under attack is what an alert may carry: the two packages do not import each other, so each
// knows the form of the ids itself.
func TestRulesAndAlertsAgreeOnAttack(t *testing.T) {
	for id, want := range map[string]bool{
		"T1059": true, "T1059.004": true, "TA0002": true, "TA0011": true,
		"": false, "T": false, "TA": false, "T105": false, "T10590": false, "T1059.": false, "T1059.4": false, "T1059.0044": false,
		"TA002": false, "TA00022": false, "TA0002.001": false, "t1059": false, "ta0002": false, "T1059 ": false, " T1059": false,
		"T1059\n": false, "T\u0661\u0662\u0663\u0664": false, "S0002": false, "T1059.004.001": false,
	} {
		file := fmt.Sprintf("rules:\n- name: r\n  title: t\n  description: d\n  severity: LOW\n  condition: 'true'\n  output: o\n  attack: [%q]\n", id)
		set, ruleErr := rules.Load([]rules.Source{{Name: "a.yaml", Data: []byte(file)}}, rules.Options{})
		if (ruleErr == nil) != want {
			t.Errorf("a rule with %q: %v", id, ruleErr)
		}
		r := testRule
		r.Attack = []string{id}
		if ruleErr == nil {
			r.Attack = set.Rule("r").Attack
		}
		a := New(testSensor, Match{Event: shell(), Rule: r})
		a.BootId, a.Seq = "b", 1
		a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
		if err := alert.Validate(a); (err == nil) != want {
			t.Errorf("an alert with %q: %v", id, err)
		}
	}
}
