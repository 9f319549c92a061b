package quality

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A member is one pod of a generated trace.
type member struct {
	role    runbook.Role
	place   int
	lives   int // how many pods had the place before
	name    string
	weight  float64       // its share of its side's traffic, before it is divided
	phase   time.Duration // how long before the evaluation it is scraped
	started time.Duration
	at      time.Duration // counted up to here
	up      bool
	hit     []hit // one for each change
	factors [3]float64
	redraw  time.Duration // of the factors

	counts  Reading // buckets alone
	reading Reading // as scraped
	upTo    [2][]float64
	shapes  [2][2]float64 // what upTo was made for: median and sigma, skew
}

// A hit is how a change meets one pod.
type hit struct {
	picked bool
	from   time.Duration // of the burst that is or comes next
	until  time.Duration
}

// A state is what a pod does at one moment.
type state struct {
	errors, latency, conversion, nulls, mismatches, skew, traffic, loss float64
}

func newMember(role runbook.Role, place int, s Shape, rnd *rand.Rand, uneven float64) *member {
	return &member{role: role, place: place, weight: math.Exp(uneven * rnd.NormFloat64()),
		phase:  time.Duration(rnd.Float64() * float64(s.Interval) / 2),
		counts: make(Reading, s.size()), reading: make(Reading, s.size()),
		upTo: [2][]float64{make([]float64, len(s.Latency)), make([]float64, len(s.Score))}}
}

// start begins the pod's life: under a new name, or after a restart under its own.
func (m *member) start(now time.Duration, anew bool) {
	if anew {
		m.name = string(m.role) + "-" + strconv.Itoa(m.place)
		if m.lives > 0 {
			m.name += "-" + strconv.Itoa(m.lives)
		}
		m.lives++
	}
	m.up, m.started, m.at = true, now, now
	clear(m.counts)
}

// serve counts the requests between the last scrape and this one.
func (m *member) serve(rnd *rand.Rand, s Shape, rate, clump float64, base drawn, st state, at time.Duration) {
	n := sim.Poisson(rnd, rate*st.traffic*(at-m.at).Seconds())
	m.at = at
	failed := sim.Binomial(rnd, n, st.errors)
	c := m.counts
	c[atGood], c[atFailed] = c[atGood]+n-failed, c[atFailed]+failed
	c[atTrials] += n
	if clump > 1 {
		c[atSuccesses] += math.Min(n, clump*sim.Poisson(rnd, (n-failed)*st.conversion/clump))
	} else {
		c[atSuccesses] += sim.Binomial(rnd, n-failed, st.conversion)
	}
	c[atChecks] += n
	c[atMismatches] += sim.Binomial(rnd, n, st.mismatches)
	for i := range s.Features {
		c[s.rows(i)] += n
		share := base.nulls
		if i == 0 {
			share = st.nulls
		}
		c[s.nulls(i)] += sim.Binomial(rnd, n, share)
	}
	if now := [2]float64{base.latency * st.latency, base.spread}; now != m.shapes[0] {
		m.shapes[0] = now
		logNormal(s.Latency, now[0], now[1], m.upTo[0])
	}
	if now := [2]float64{st.skew}; now != m.shapes[1] {
		m.shapes[1] = now
		for i, b := range s.Score {
			m.upTo[1][i] = math.Pow(b, st.skew)
		}
	}
	spread(rnd, n, m.upTo[0], c[s.latency():s.score()])
	spread(rnd, n, m.upTo[1], c[s.score():])
}

// scrape reads the counters.
func (m *member) scrape(s Shape) Scrape {
	copy(m.reading, m.counts)
	for _, h := range []Reading{m.reading[s.latency():s.score()], m.reading[s.score():]} {
		for i := 1; i < len(h); i++ {
			h[i] += h[i-1]
		}
	}
	return Scrape{Pod: m.name, Role: m.role, At: m.at, Reading: m.reading}
}
