package condition

import (
	"math/rand/v2"
	"testing"
)

func TestExpanded(t *testing.T) {
	c, _ := testCompiler(t)
	if issues := c.DefineMacros(map[string]string{
		"by_shell":  `proc.aname.exists(a, a in shells)`,
		"all_root":  `proc.aexe.all(a, a.startsWith("/") && is_root)`,
		"one_shell": `by_shell && proc.aname.exists_one(b, b == "sh" || shells.exists(s, s == b))`,
	}); len(issues["by_shell"])+len(issues["all_root"])+len(issues["one_shell"]) > 0 {
		t.Fatal(issues)
	}
	for text, want := range map[string]string{
		`is_root`:                                `user.uid == 0`,
		`by_shell`:                               `proc.aname.exists(a, a in shells)`,
		`proc.tty != 0 && !by_shell`:             `proc.tty != 0 && !(proc.aname.exists(a, a in shells))`,
		`all_root`:                               `proc.aexe.all(a, a.startsWith("/") && user.uid == 0)`,
		`one_shell`:                              `proc.aname.exists(a, a in shells) && proc.aname.exists_one(b, b == "sh" || shells.exists(s, s == b))`,
		`has(proc.aname[2]) && fd.sport in [1]`:  `has(proc.aname[2]) && fd.sport in [1]`,
		`[proc.name, "x"].exists(v, v in empty)`: `[proc.name, "x"].exists(v, v in empty)`,
	} {
		if got := compile(t, c, text).Expanded(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestExpandedMeansTheSame compiles what random conditions expand to: it is a condition, and decides as they do.
func TestExpandedMeansTheSame(t *testing.T) {
	c, _ := testCompiler(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	for range 300 {
		text := g.bool(1 + g.IntN(4))
		cond, _ := c.Compile(text)
		if cond == nil {
			continue
		}
		again, issues := c.Compile(cond.Expanded())
		if again == nil {
			t.Fatalf("%s\nexpands to\n%s\n%v", text, cond.Expanded(), issues)
		}
		for range 5 {
			ev := g.event()
			got, gotErr := again.Match(ev)
			want, wantErr := cond.Match(ev)
			if got != want || (gotErr == nil) != (wantErr == nil) {
				t.Fatalf("%s: %v, %v\nexpands to\n%s: %v, %v", text, want, wantErr, cond.Expanded(), got, gotErr)
			}
		}
	}
}
