package analysis

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A market draws what the pods of a release earn, interval by interval: few of the
// trials bring anything, and what they bring has a heavy tail.
type market struct {
	rnd         *rand.Rand
	rate, share float64 // trials per second; the candidate's share
	orders      float64 // share of the trials that bring anything
	order       func(*rand.Rand) float64
	rarer       float64 // the candidate has so many fewer orders, which are worth so much more; 0: 1
	dearer      float64 // of both sides, orders are worth so many times more from noon on; 0: 1
}

func logNormalOrder(sigma float64) func(*rand.Rand) float64 {
	return func(rnd *rand.Rand) float64 { return 20 * math.Exp(sigma*rnd.NormFloat64()) }
}

// paretoOrder has a variance only for tails above 2, and its third moment is infinite
// up to 3.
func paretoOrder(tail float64) func(*rand.Rand) float64 {
	return func(rnd *rand.Rand) float64 { return math.Pow(1-rnd.Float64(), -1/tail) }
}

func (m market) counts(at time.Duration) []PodCount {
	price := 1.0
	if m.dearer > 0 && at > 12*time.Hour {
		price = m.dearer
	}
	var out []PodCount
	add := func(role runbook.Role, pods int, share, rarer float64) {
		for i := range pods {
			c := PodCount{Pod: string(role) + strconv.Itoa(i), Role: role}
			c.All = sim.Poisson(m.rnd, m.rate*share*every.Seconds()/float64(pods))
			for range int(sim.Binomial(m.rnd, c.All, m.orders/rarer)) {
				v := price * rarer * m.order(m.rnd)
				c.Bad, c.Squares = c.Bad+v, c.Squares+v*v
			}
			out = append(out, c)
		}
	}
	add(runbook.Candidate, 2, m.share, max(1, m.rarer))
	add(runbook.Stable, 4, 1-m.share, 1)
	return out
}

// alarms counts the releases of a day that are ever proved bad, and those that are not one
// pod's doing as well.
func (m market) alarms(t *testing.T, runs int) (proved, alone int) {
	t.Helper()
	rb := shop("latency-p95", "error-rate", "revenue-drop")
	for seed := range runs {
		m.rnd = rand.New(rand.NewPCG(uint64(seed), 99))
		x, p, a := begin(t, rb, "revenue-drop"), false, false
		for at := every; at <= 24*time.Hour; at += every {
			r := x.Observe(m.counts(at))
			p, a = p || r.Proved, a || r.Proved && r.Widespread
		}
		proved += int(indicator(p))
		alone += int(indicator(a))
	}
	return proved, alone
}

// Good releases of a day, with a look at every interval: 1 % over three triggers may be
// proved, whatever the tail of the values.
func TestMeanOfGoodReleases(t *testing.T) {
	bulk(t)
	for _, c := range []struct {
		name string
		m    market
	}{
		{"97% bring nothing, the others are log-normal", market{rate: 20, share: 0.25, orders: 0.03, order: logNormalOrder(1)}},
		{"heavier", market{rate: 20, share: 0.1, orders: 0.03, order: logNormalOrder(1.5)}},
		{"most traffic on the candidate", market{rate: 20, share: 0.9, orders: 0.03, order: logNormalOrder(1.5)}},
		{"an infinite third moment, most traffic on the candidate", market{rate: 4, share: 0.9, orders: 1, order: paretoOrder(2.2)}},
		{"hardly any traffic", market{rate: 2, share: 0.5, orders: 0.03, order: logNormalOrder(1)}},
		{"fewer but greater orders of the same worth", market{rate: 20, share: 0.1, orders: 0.06, order: logNormalOrder(1), rarer: 2}},
		{"prices triple at noon", market{rate: 20, share: 0.25, orders: 0.03, order: logNormalOrder(1), dearer: 3}},
		{"prices triple at noon, most traffic on the candidate", market{rate: 20, share: 0.8, orders: 0.03, order: logNormalOrder(1), dearer: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const runs = 40
			proved, alone := c.m.alarms(t, runs)
			t.Logf("of %d good releases %d are proved bad, %d with the pod guard", runs, proved, alone)
			if proved > 1 || alone > 0 { // 1 % over three triggers: two of 40 have a chance of 1 %
				t.Errorf("%d of %d good releases are proved bad, %d with the pod guard", proved, runs, alone)
			}
		})
	}
}
