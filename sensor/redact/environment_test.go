package redact

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

// What a rule asks of the environment is there in a replay, too, and nothing else of it.
func TestTellingVariablesAreKept(t *testing.T) {
	ev := &event.Event{Kind: event.Exec, Process: &event.Process{Env: []string{"HOME=/root", "LD_PRELOAD=/tmp/x.so", "LD_PRELOADED=1", "HISTFILE"}},
		Exec: event.ExecFacts{Env: []byte("HOME=/root\x00LD_PRELOAD=/tmp/x.so\x00MYSQL_PWD=x\x00")}}
	got := New(Config{}).Event(ev)
	if d := cmp.Diff([]string{"LD_PRELOAD=/tmp/x.so", "HISTFILE"}, got.Process.Env); d != "" {
		t.Error(d)
	}
	if got := string(got.Exec.Env); got != "LD_PRELOAD=/tmp/x.so\x00" {
		t.Errorf("%q", got)
	}
	ev.Process.Env[1] = "LD_PRELOAD=/tmp/sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc.so"
	if got := New(Config{}).Event(ev).Process.Env[0]; got == ev.Process.Env[1] {
		t.Errorf("a secret in it is shown: %s", got)
	}
}
