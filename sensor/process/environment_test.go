package process

import (
	"slices"
	"testing"
)

func TestKeepEnvironment(t *testing.T) {
	const env = "TOKEN=secret\x00LD_PRELOAD=/tmp/x.so\x00TERM\x00LD_PRELOAD_=y\x00"
	for name, c := range map[string]struct {
		all   bool
		names []string
		want  []string
	}{
		"none":   {},
		"some":   {names: []string{"LD_PRELOAD", "TERM", "HOME"}, want: []string{"LD_PRELOAD=/tmp/x.so"}},
		"all":    {all: true, want: []string{"TOKEN=secret", "LD_PRELOAD=/tmp/x.so", "TERM", "LD_PRELOAD_=y"}},
		"others": {names: []string{"PATH"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.table.KeepEnvironment(c.all, c.names)
			ev := w.exec(w.tasks[1], "sh")
			ev.Exec.Env = []byte(env)
			if got := w.apply(ev).Env; !slices.Equal(got, c.want) {
				t.Errorf("kept %q, want %q", got, c.want)
			}
		})
	}
}
