package quality

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// lead is for how long stable is watched before the release.
const lead = time.Hour

// warmup is how long after the release began the daemon names the sides.
const warmup = 2 * time.Minute

// GeneratedShape is what generated pods count, at a given interval.
func GeneratedShape(interval time.Duration) Shape {
	return Shape{Interval: interval, Errors: true, KPI: true, Schema: true, Weight: true,
		Latency:  []float64{0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 1, 1.5, 2.5},
		Score:    []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9},
		Features: []string{"age", "country", "device", "tenure"}}
}

// A drawn is a scenario's base with its ranges drawn.
type drawn struct {
	errors, latency, spread, conversion, nulls, mismatches, skew float64
}

// A generator is one generated trace.
type generator struct {
	s       Scenario
	shape   Shape
	rnd     *rand.Rand
	length  time.Duration
	stretch float64 // of times that say when something begins
	now     time.Duration

	rate, day, turn, uneven, loss, clump, restarts, least float64
	base                                                  drawn
	jitter, wanders, coldFor                              time.Duration
	wander                                                [3]float64
	cold                                                  [2]float64
	weights                                               []weightFrom
	gaps                                                  [][2]time.Duration
	changes                                               []change
	pods                                                  []*member
	out                                                   []Scrape
}

type weightFrom struct {
	at      time.Duration
	percent float64
}

// Generate makes the scenario's trace of a seed. The same seed gives the same trace.
// The length may be shorter than the scenario's hours: times shrink with it.
func Generate(s Scenario, shape Shape, seed uint64, length time.Duration) (Trace, Truth) {
	h := fnv.New64a()
	h.Write([]byte(s.Name))
	g := &generator{s: s, shape: shape, rnd: rand.New(rand.NewPCG(seed, h.Sum64())), length: length,
		stretch: float64(length) / (s.Hours * float64(time.Hour))}
	truth := g.draw(seed)
	for i := range s.Pods.Candidate {
		g.pods = append(g.pods, newMember(runbook.Candidate, i, shape, g.rnd, g.uneven))
	}
	for i := range s.Pods.Stable {
		g.pods = append(g.pods, newMember(runbook.Stable, i, shape, g.rnd, g.uneven))
	}
	g.pick()
	g.now = -lead
	g.staff(g.now)
	for _, m := range g.pods {
		if m.role == runbook.Stable { // was there long before
			m.started = -lead - time.Hour
		}
	}
	return g, truth
}

// draw settles what the seed decides.
func (g *generator) draw(seed uint64) Truth {
	s, rnd := g.s, g.rnd
	at := func(n Span) time.Duration { return time.Duration(float64(n.draw(rnd)) * g.stretch) }
	truth := Truth{Bad: s.Bad(), Onset: at(s.Onset)}
	g.rate = s.Rates[seed%uint64(len(s.Rates))].draw(rnd)
	g.day, g.turn, g.uneven = s.Day.draw(rnd), rnd.Float64(), s.Uneven.draw(rnd)
	g.loss, g.clump, g.restarts, g.least = s.Loss.draw(rnd), s.Clump.draw(rnd), s.Restarts.draw(rnd), s.Scale.Least.draw(rnd)
	b := s.Base
	g.base = drawn{b.Errors.draw(rnd), b.Latency.draw(rnd), b.Spread.draw(rnd), b.Conversion.draw(rnd), b.Nulls.draw(rnd), b.Mismatches.draw(rnd), b.Skew.draw(rnd)}
	g.jitter, g.wanders, g.coldFor = s.Jitter.draw(rnd), s.Wander.Lasts.draw(rnd), s.Cold.Lasts.draw(rnd)
	g.wander = [3]float64{s.Wander.Errors.draw(rnd), s.Wander.Latency.draw(rnd), s.Wander.Conversion.draw(rnd)}
	g.cold = [2]float64{s.Cold.Latency.draw(rnd), s.Cold.Errors.draw(rnd)}
	for _, w := range s.Weights {
		g.weights = append(g.weights, weightFrom{at(w.At).Truncate(g.shape.Interval), w.Percent})
	}
	for _, gap := range s.Gaps {
		from := at(gap.From)
		g.gaps = append(g.gaps, [2]time.Duration{from, from + gap.Lasts.draw(rnd)})
	}
	for _, c := range s.Changes {
		from := at(c.From)
		if c.Harm {
			from = truth.Onset
		}
		g.changes = append(g.changes, c.drawn(rnd, from, g.length, g.stretch))
	}
	return truth
}

// load is the traffic of the hour, relative to the mean; high is its share between
// night and noon.
func (g *generator) load(t time.Duration) (load, high float64) {
	wave := math.Sin(2 * math.Pi * (float64(t)/(24*float64(time.Hour)*g.stretch) + g.turn))
	return 1 + g.day*wave, (1 + wave) / 2
}

// share is the candidate's part of the traffic in percent.
func (g *generator) share(t time.Duration) float64 {
	percent := 0.0
	for _, w := range g.weights {
		if w.at <= t {
			percent = w.percent
		}
	}
	return percent
}

// staff lets pods come and go with the load, and restart.
func (g *generator) staff(now time.Duration) {
	_, high := g.load(now)
	if g.day == 0 {
		high = 1
	}
	for _, m := range g.pods {
		n := g.s.Pods.Stable
		if m.role == runbook.Candidate {
			n = g.s.Pods.Candidate
		}
		wanted := max(1, int(math.Ceil(float64(n)*(g.least+(1-g.least)*high))))
		switch {
		case now < 0 && m.role == runbook.Candidate:
		case m.place < wanted && !m.up:
			m.start(now, true)
		case m.place >= wanted:
			m.up = false
		case g.restarts > 0 && g.rnd.Float64() < g.restarts*float64(g.shape.Interval)/float64(24*time.Hour):
			m.start(now, false)
		}
	}
}

// Next implements [Trace].
func (g *generator) Next() (Tick, bool) {
	if g.now += g.shape.Interval; g.now > g.length {
		return Tick{}, false
	}
	percent := g.share(g.now - g.shape.Interval)
	tick := Tick{Now: g.now, Percent: g.share(g.now)}
	for _, gap := range g.gaps {
		tick.Silent = tick.Silent || g.now >= gap[0] && g.now < gap[1]
	}
	tick.Judged = !tick.Silent && g.now >= warmup
	var weights [2]float64
	for _, m := range g.pods {
		if m.up {
			weights[side(m.role)] += m.weight
		}
	}
	load, _ := g.load(g.now)
	g.out = g.out[:0]
	for _, m := range g.pods {
		if !m.up {
			continue
		}
		st := g.state(m, g.now)
		share := percent / 100
		if m.role == runbook.Stable {
			share = 1 - share
		}
		at := max(m.at, g.now-m.phase-time.Duration(g.rnd.Float64()*float64(g.jitter)))
		m.serve(g.rnd, g.shape, g.rate*load*share*m.weight/weights[side(m.role)], g.clump, g.base, st, at)
		if st.loss == 0 || g.rnd.Float64() >= st.loss {
			g.out = append(g.out, m.scrape(g.shape))
		}
	}
	g.staff(g.now)
	tick.Scrapes = g.out
	return tick, true
}

func side(r runbook.Role) int {
	if r == runbook.Candidate {
		return 0
	}
	return 1
}
