package upgrade

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func v(t testing.TB, text string) version {
	t.Helper()
	if text == "" {
		return version{}
	}
	parsed, ok := parse(text)
	if !ok {
		t.Fatalf("%q is no version", text)
	}
	return parsed
}

func TestPlan(t *testing.T) {
	known := func(major, minor int, _ bool) version {
		return v(t, fmt.Sprintf("%d.%d.9-gke.900", major, minor))
	}
	for _, tt := range []struct {
		name                  string
		control, patch, minor string
		pools                 []member
		want                  []string
	}{
		{name: "nothing newer", control: "1.33.4-gke.1", patch: "1.33.4-gke.1", minor: "1.33.4-gke.1"},
		{name: "a target that is older", control: "1.33.4-gke.2", patch: "1.33.4-gke.1", minor: "1.32.9-gke.1"},
		{name: "patch, then minor", control: "1.33.4-gke.1", patch: "1.33.5-gke.1", minor: "1.34.1-gke.1",
			want: []string{"control plane 1.33.5-gke.1", "control plane 1.34.1-gke.1"}},
		{name: "one minor at a time", control: "1.31.4-gke.1", minor: "1.34.1-gke.1",
			want: []string{"control plane 1.32.9-gke.900", "control plane 1.33.9-gke.900", "control plane 1.34.1-gke.1"}},
		{name: "pools after the control plane, over a minor", control: "1.32.4-gke.1", minor: "1.33.1-gke.1",
			pools: []member{{name: "a", at: v(t, "1.31.4-gke.1")}},
			want:  []string{"control plane 1.33.1-gke.1", "a 1.33.1-gke.1"}},
		{name: "a pool two behind goes first", control: "1.33.4-gke.1", minor: "1.34.1-gke.1",
			pools: []member{{name: "a", at: v(t, "1.31.4-gke.1")}, {name: "b", at: v(t, "1.33.4-gke.1")}},
			want:  []string{"a 1.33.4-gke.1", "control plane 1.34.1-gke.1", "a 1.34.1-gke.1", "b 1.34.1-gke.1"}},
		{name: "a pool too far behind, over another version", control: "1.33.4-gke.1",
			pools: []member{{name: "a", at: v(t, "1.29.4-gke.1")}},
			want:  []string{"a 1.31.9-gke.900", "a 1.33.4-gke.1"}},
		{name: "a pool's target is no further than the control plane", control: "1.33.4-gke.1",
			pools: []member{{name: "a", at: v(t, "1.33.3-gke.1"), goal: v(t, "1.33.5-gke.1")}}, want: []string{"a 1.33.4-gke.1"}},
		{name: "what mends a pool waits for no minor", control: "1.33.4-gke.1", minor: "1.34.1-gke.1",
			pools: []member{{name: "a", at: v(t, "1.33.3-gke.1"), fix: v(t, "1.33.4-gke.1")}},
			want:  []string{"a 1.33.4-gke.1", "control plane 1.34.1-gke.1", "a 1.34.1-gke.1"}},
		{name: "a pool that is newer stays", control: "1.33.4-gke.1", pools: []member{{name: "a", at: v(t, "1.34.4-gke.1"), goal: v(t, "1.34.5-gke.1")}}},
		{name: "GKE's own pools are GKE's", control: "1.33.4-gke.1", minor: "1.34.1-gke.1",
			pools: []member{{name: "a", at: v(t, "1.33.4-gke.1"), managed: true}}, want: []string{"control plane 1.34.1-gke.1"}},
		{name: "no minor beside a pool of which nobody knows", control: "1.33.4-gke.1", patch: "1.33.5-gke.1", minor: "1.34.1-gke.1",
			pools: []member{{name: "a"}}, want: []string{"control plane 1.33.5-gke.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := plan(goals{control: v(t, tt.control), patch: v(t, tt.patch), minor: v(t, tt.minor), pools: tt.pools, newest: known})
			var texts []string
			for _, s := range got {
				what := s.pool
				if what == "" {
					what = "control plane"
				}
				texts = append(texts, what+" "+s.to.text)
			}
			if d := cmp.Diff(tt.want, texts); d != "" {
				t.Error(d)
			}
		})
	}
}

// Whatever a cluster looks like, doing a plan's steps in their order goes only forward, the control plane by one minor at a time and a
// pool by two, and never makes a skew that GKE does not support, or makes one worse.
func TestPlansAreSound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func() version {
		if random.IntN(12) == 0 {
			return version{}
		}
		return v(t, fmt.Sprintf("1.%d.%d-gke.%d", 28+random.IntN(7), random.IntN(3), random.IntN(3)))
	}
	newest := func(major, minor int, _ bool) version {
		if random.IntN(2) == 0 {
			return newestOf(major, minor)
		}
		return v(t, fmt.Sprintf("%d.%d.5-gke.9", major, minor))
	}
	steps := 0
	for range 20_000 {
		g := goals{control: v(t, fmt.Sprintf("1.%d.%d-gke.%d", 28+random.IntN(7), random.IntN(3), random.IntN(3))), patch: some(), minor: some(), newest: newest}
		for i := range random.IntN(4) {
			g.pools = append(g.pools, member{name: string(rune('a' + i)), at: some(), goal: some(), fix: some(), managed: random.IntN(6) == 0})
		}
		control, pools := g.control, map[string]version{}
		for _, m := range g.pools {
			pools[m.name] = m.at
		}
		for _, s := range plan(g) {
			steps++
			at, jump := control, 1
			if s.pool != "" {
				at, jump = pools[s.pool], maxSkew
			}
			switch {
			case s.from.text != at.text:
				t.Fatalf("a step from %s, and it is at %s", s.from.text, at.text)
			case !s.to.newerThan(at) || s.to.major != at.major || at.behind(s.to) > jump:
				t.Fatalf("a step from %s to %s", at.text, s.to.text)
			case s.pool != "" && s.to.newerThan(control):
				t.Fatalf("pool to %s at a control plane of %s", s.to.text, control.text)
			}
			if s.pool != "" {
				pools[s.pool] = s.to
				continue
			}
			for _, m := range g.pools {
				if at := pools[m.name]; !m.managed && at.behind(s.to) > maxSkew && s.to.minor > control.minor {
					t.Fatalf("control plane to %s beside a pool at %s", s.to.text, at.text)
				}
			}
			control = s.to
		}
	}
	if steps < 20_000 {
		t.Errorf("%d steps", steps)
	}
}
