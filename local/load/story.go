package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Story is what happens to a fleet, minute by minute of the time that stands.
type Story struct {
	// QuietPerDay is how many alerts a node has on a day on which nothing happens.
	QuietPerDay float64
	// Noise: a rule is rolled out that matches what every node does every ten seconds: in every other cluster in a workload's pod,
	// which is one finding for all of it, and in the others on the host, which is one for each node. It takes a minute to reach all,
	// and is taken back.
	Noise, NoiseEnd time.Duration
	// Storm: somebody runs so many programs a minute on one node, each under another name.
	Storm, StormEnd time.Duration
	StormPerMinute  int
	// Incident: a worm comes to a share of all nodes, one after the other; on each a program runs from memory (CRITICAL), and the
	// shadow file is read (HIGH).
	Incident, IncidentEnd time.Duration
	IncidentShare         float64
	// Over is when the last of it is over; Drained is until when all findings must say what the alerts came to.
	Over, Drained time.Duration
}

// Days is the story that scripts/scale tells: two quiet minutes, and then all that can go wrong at the same time.
var Days = Story{
	QuietPerDay: 2,
	Noise:       2 * time.Minute, NoiseEnd: 3*time.Minute + 10*time.Second,
	Storm: 3 * time.Minute, StormEnd: 6 * time.Minute, StormPerMinute: 300,
	Incident: 4 * time.Minute, IncidentEnd: 7 * time.Minute, IncidentShare: 0.05,
	Over: 8 * time.Minute, Drained: 40 * time.Minute,
}

const step = 10 * time.Second

// Play tells the story, and returns how long it took in the time that stands. tell is told each minute what has come to be.
func (w *World) Play(ctx context.Context, s Story, tell func(passed time.Duration, sum Sum)) (time.Duration, error) {
	p := &player{World: w, story: s, random: rand.New(rand.NewPCG(6, 15_000))}
	for at := time.Duration(0); ; at += step {
		if at < s.Over {
			if err := p.happen(ctx, at); err != nil {
				return at, err
			}
		}
		if err := w.Tick(ctx); err != nil {
			return at, err
		}
		if err := w.Pass(ctx, step); err != nil {
			return at, err
		}
		if at%time.Minute != 0 {
			continue
		}
		sum := w.Tally.Sum()
		tell(at, sum)
		if at >= s.Over && sum.Wrong == 0 {
			return at, nil
		}
		if at >= s.Drained {
			return at, fmt.Errorf("after %v %d of %d findings do not say what their alerts came to", at, sum.Wrong, sum.Findings)
		}
	}
}

type player struct {
	*World
	story   Story
	random  *rand.Rand
	storm   int // programs so far
	sick    int // nodes that the worm has come to
	healthy []int
}

// underWayAlerts is from how many nodes' alerts on it is waited within a step: a machine that is too slow for all of them at once has
// functions run out of time.
const underWayAlerts = 100

// happen has happen what does within a step.
func (p *player) happen(ctx context.Context, at time.Duration) error {
	s, n := p.story, len(p.sensors)
	p.quiet()
	if at >= s.Noise && at < s.NoiseEnd {
		for i := range reached(n, at-s.Noise, time.Minute) {
			if i%p.cfg.Clusters%2 == 0 {
				p.act(i, p.acts.inPod)
			} else {
				p.act(i, p.acts.noise)
			}
			if len(p.busy) < underWayAlerts {
				continue
			}
			if err := p.Settle(ctx); err != nil {
				return err
			}
		}
	}
	if at >= s.Storm && at < s.StormEnd {
		for range s.StormPerMinute * int(step) / int(time.Minute) {
			p.storm++
			p.act(0, program(p.acts.tool, p.storm))
		}
	}
	if at >= s.Incident && at < s.IncidentEnd {
		if p.healthy == nil {
			p.healthy = p.random.Perm(n)
		}
		for until := reached(int(s.IncidentShare*float64(n)), at+step-s.Incident, s.IncidentEnd-s.Incident); p.sick < until; p.sick++ {
			p.act(p.healthy[p.sick], p.acts.memory)
			p.act(p.healthy[p.sick], p.acts.secret)
		}
	}
	return nil
}

// quiet has as many nodes have an alert as have one on a common day: people who open a shell in a pod.
func (p *player) quiet() {
	mean := p.story.QuietPerDay * float64(len(p.sensors)) * float64(step) / float64(24*time.Hour)
	many := int(mean)
	if p.random.Float64() < mean-float64(many) {
		many++
	}
	for range many {
		p.act(p.random.IntN(len(p.sensors)), p.acts.shell)
	}
}

// reached is how many of n something has come to that takes a time for all.
func reached(n int, after, all time.Duration) int {
	return int(float64(n) * min(1, float64(after)/float64(all)))
}
