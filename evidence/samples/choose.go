package samples

import (
	"cmp"
	"slices"

	"github.com/autorollback/autorollback/shadow"
)

// Why a request is kept.
const (
	failed   = "failed"
	flagged  = "flagged"
	slow     = "slow"
	good     = "good"               // one of stable's, beside the harmful ones
	ordinary = "nothing stands out" // one of the candidate's, where none is harmful
)

const (
	mostLatencies = 20_000 // of stable, that its slow requests are told by
	leastToTell   = 100    // with fewer nobody knows what is slow
)

// A choice goes over the requests of a source once, and remembers the worst of them and a few good
// ones. What it holds does not grow with the number of requests.
type choice struct {
	q         Ask
	harmful   []chosen  // failed or flagged, worst first
	slowest   []chosen  // of the candidate's others
	good      []chosen  // the newest of stable
	ordinary  []chosen  // the newest of the candidate
	latencies []float64 // of stable's good ones
	failing   int       // that failed or are flagged
	slower    []float64 // latencies of the candidate's others
	read      int
}

// chosen is a request with why it is kept.
type chosen struct {
	record shadow.Record
	why    []string
	side   int // 0: stable; 1: the candidate, another version, or nobody knows
}

func (c *choice) take(r shadow.Record) {
	c.read++
	one := chosen{record: r}
	if r.Version != c.q.Stable.Version && r.Version != c.q.Stable.Backend || r.Version == "" {
		one.side = 1
	}
	if r.Response != nil && !r.Response.Good() {
		one.why = append(one.why, failed)
	}
	if r.Flag != "" {
		one.why = append(one.why, flagged)
	}
	if len(one.why) > 0 {
		c.failing++
		c.harmful = c.insert(c.harmful, one)
		return
	}
	if one.side == 1 {
		c.slowest = c.insert(c.slowest, one)
		c.slower = c.remember(c.slower, r)
		c.ordinary = newest(c.ordinary, one, c.q.Samples.Good)
		return
	}
	c.latencies = c.remember(c.latencies, r)
	c.good = newest(c.good, one, 4*c.q.Samples.Good) // some of them may be slow
}

// remember keeps the newest latencies.
func (c *choice) remember(all []float64, r shadow.Record) []float64 {
	if r.Response == nil || r.Response.LatencyMS <= 0 {
		return all
	}
	if len(all) < mostLatencies {
		return append(all, r.Response.LatencyMS)
	}
	all[c.read%mostLatencies] = r.Response.LatencyMS
	return all
}

// insert keeps the worst, in order.
func (c *choice) insert(all []chosen, one chosen) []chosen {
	at, _ := slices.BinarySearchFunc(all, one, worse)
	if at >= c.q.Samples.Harmful {
		return all
	}
	all = slices.Insert(all, at, one)
	return all[:min(len(all), c.q.Samples.Harmful)]
}

// worse orders the candidate's before stable's, failed before flagged before slow, what is more than one
// of them first, and of equal ones the slower first.
func worse(a, b chosen) int {
	return cmp.Or(cmp.Compare(b.side, a.side), cmp.Compare(harm(b), harm(a)), cmp.Compare(latency(b.record), latency(a.record)))
}

func harm(one chosen) (sum int) {
	for _, why := range one.why {
		sum += map[string]int{failed: 4, flagged: 2, slow: 1}[why]
	}
	return sum
}

func latency(r shadow.Record) float64 {
	if r.Response == nil {
		return 0
	}
	return r.Response.LatencyMS
}

func newest(all []chosen, one chosen, most int) []chosen {
	if all = append(all, one); len(all) > most {
		all = slices.Delete(all, 0, len(all)-most)
	}
	return all
}

// slowFrom is the latency in milliseconds from which on a request is slow; 0: nobody knows.
func (c *choice) slowFrom() float64 {
	if d := c.q.Samples.Slow; d > 0 {
		return float64(d.Std().Microseconds()) / 1000
	}
	if len(c.latencies) < leastToTell {
		return 0
	}
	slices.Sort(c.latencies)
	return c.latencies[len(c.latencies)*99/100]
}

// end is what is kept, the harmful ones first, how many were harmful in all, and what is slow.
func (c *choice) end() (all []chosen, harmful int, from float64) {
	from = c.slowFrom()
	isSlow := func(one chosen) bool { return from > 0 && latency(one.record) >= from }
	harmful = c.failing
	if from > 0 {
		for _, ms := range c.slower {
			if ms >= from {
				harmful++
			}
		}
	}
	all = append(all, c.harmful...)
	for n := range all {
		if isSlow(all[n]) {
			all[n].why = append(slices.Clone(all[n].why), slow)
		}
	}
	for _, one := range c.slowest {
		if isSlow(one) {
			one.why = []string{slow}
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, worse)
	all = all[:min(len(all), c.q.Samples.Harmful)]
	if !slices.ContainsFunc(all, func(one chosen) bool { return one.side == 1 }) {
		all = append(all, because(c.ordinary, ordinary)...)
	}
	calm := slices.DeleteFunc(slices.Clone(c.good), isSlow)
	return append(all, because(calm[max(0, len(calm)-c.q.Samples.Good):], good)...), harmful, from
}

func because(all []chosen, why string) []chosen {
	all = slices.Clone(all)
	for n := range all {
		all[n].why = []string{why}
	}
	return all
}
