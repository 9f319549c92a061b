package quality

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A change is a [Change] with its ranges drawn.
type change struct {
	Change
	from, until, ramp, lasts time.Duration
	perHour                  float64
	full                     state
}

func (c Change) drawn(rnd *rand.Rand, from, length time.Duration, stretch float64) change {
	out := change{Change: c, from: from, until: length + time.Hour, perHour: c.PerHour.draw(rnd),
		ramp: time.Duration(float64(c.Ramp.draw(rnd)) * stretch), lasts: c.Lasts.draw(rnd),
		full: state{c.Errors.draw(rnd), c.Latency.draw(rnd), c.Conversion.draw(rnd), c.Nulls.draw(rnd), c.Mismatches.draw(rnd),
			c.Skew.draw(rnd), c.Traffic.draw(rnd), c.Loss.draw(rnd)}}
	if c.Lasts != (Span{}) && c.PerHour == (Number{}) {
		out.until = from + out.lasts
	}
	return out
}

// pick says which pods each change hits.
func (g *generator) pick() {
	for i := range g.changes {
		c := &g.changes[i]
		for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
			n := g.s.Pods.Stable
			if role == runbook.Candidate {
				n = g.s.Pods.Candidate
			}
			order := g.rnd.Perm(n)
			for _, m := range g.pods {
				if m.role != role {
					continue
				}
				h := hit{picked: c.Side == "both" || c.Side == string(role)}
				if c.Pods > 0 {
					h.picked = h.picked && order[m.place] < c.Pods
				}
				h.from, h.until = c.from, c.until
				if c.perHour > 0 {
					h.from = c.from + g.pause(c.perHour)
					if c.from == 0 { // it goes on all the time, and did before
						h.from -= lead
					}
					h.until = h.from + c.lasts
				}
				m.hit = append(m.hit, h)
			}
		}
	}
}

func (g *generator) pause(perHour float64) time.Duration {
	return time.Duration(g.rnd.ExpFloat64() / perHour * float64(time.Hour))
}

// strength is from 0 to 1 how much of a change a pod feels.
func (g *generator) strength(c *change, h *hit, t time.Duration) float64 {
	if !h.picked {
		return 0
	}
	for c.perHour > 0 && t >= h.until {
		h.from = h.until + g.pause(c.perHour)
		h.until = h.from + c.lasts
	}
	switch {
	case t < h.from || t >= h.until || t >= c.until:
		return 0
	case c.ramp > 0:
		return math.Min(1, float64(t-h.from)/float64(c.ramp))
	}
	return 1
}

// state is what a pod does at a moment.
func (g *generator) state(m *member, t time.Duration) state {
	b := g.base
	st := state{errors: b.errors, latency: 1, conversion: b.conversion, nulls: b.nulls, mismatches: b.mismatches, skew: b.skew, traffic: 1, loss: g.loss}
	if g.wander != [3]float64{} {
		if t >= m.redraw {
			m.redraw = t + time.Duration((0.5+g.rnd.Float64())*float64(g.wanders))
			for i, sigma := range g.wander {
				m.factors[i] = math.Exp(sigma*g.rnd.NormFloat64() - sigma*sigma/2)
			}
		}
		st.errors, st.latency, st.conversion = st.errors*m.factors[0], st.latency*m.factors[1], st.conversion*m.factors[2]
	}
	if t-m.started < g.coldFor {
		st.latency, st.errors = st.latency*g.cold[0], st.errors+g.cold[1]
	}
	for i := range g.changes {
		c := &g.changes[i]
		k := g.strength(c, &m.hit[i], t)
		if k == 0 {
			continue
		}
		times := func(f float64) float64 { return 1 + (f-1)*k }
		st.errors += k * c.full.errors
		st.nulls += k * c.full.nulls
		st.mismatches += k * c.full.mismatches
		st.loss += k * c.full.loss
		st.latency *= times(c.full.latency)
		st.conversion *= times(c.full.conversion)
		st.skew *= times(c.full.skew)
		st.traffic *= times(c.full.traffic)
	}
	return st
}
