package monitor

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
)

func everything() []rules.Measure {
	return []rules.Measure{requests(), latency(0.1, 1), features(true), revenue(), traffic()}
}

var everySeries = []string{
	"requests{code=200}", "requests{code=500}", "requests{code=200,pod=c2}", "requests{code=200,pod=s1,version=v1}", "requests{code=500,pod=s1,version=v1}",
	"seconds_bucket{le=0.1}", "seconds_bucket{le=1}", "seconds_bucket{le=+Inf}", "rows", "nulls{feature=a}", "nulls{feature=b}", "sums", "squares", "rows{pod=s1,version=v1}",
}

// anything is samples of all series over a time: scraped now and then, reset, away.
func anything(t *rapid.T, seconds int) map[string][]model.SamplePair {
	out := map[string][]model.SamplePair{}
	for _, name := range everySeries {
		v := float64(rapid.IntRange(0, 50).Draw(t, name+" begins"))
		for s := rapid.IntRange(1, 90).Draw(t, name+" from"); s < seconds; s += rapid.SampledFrom([]int{5, 10, 15, 15, 15, 30, 100}).Draw(t, name+" next") {
			v += float64(rapid.IntRange(0, 20).Draw(t, name+" grows"))
			if rapid.IntRange(0, 9).Draw(t, name+" resets") == 0 {
				v = float64(rapid.IntRange(0, 5).Draw(t, name+" restarts"))
			}
			out[name] = append(out[name], model.SamplePair{Timestamp: at(float64(s)), Value: model.SampleValue(v)})
		}
	}
	return out
}

const someIntervals = 14

// replayed adds each interval's samples in pieces that chop says, and closes it.
func replayed(samples map[string][]model.SamplePair, chop func(name string, due []model.SamplePair) [][]model.SamplePair) []Interval {
	c := NewCounter(ranker(), everything(), release)
	var out []Interval
	for i := 1; i <= someIntervals; i++ {
		for _, name := range everySeries {
			upTo, _ := slices.BinarySearchFunc(samples[name], at(float64(15*i)+lag), func(p model.SamplePair, t model.Time) int { return int(p.Timestamp - t) })
			for _, piece := range chop(name, samples[name][:upTo]) {
				c.Add(&model.SampleStream{Metric: metric(name), Values: piece})
			}
		}
		out = append(out, c.Close(end(i)))
	}
	return out
}

// In whatever pieces, overlaps and order samples come, the counts are the same; and the
// same as those of a replica that reads all of history and then closes every interval.
func TestAnyBatchesGiveTheSameCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := anything(t, 15*someIntervals)
		want := replayed(samples, func(_ string, due []model.SamplePair) [][]model.SamplePair { return [][]model.SamplePair{due} })
		chopped := replayed(samples, func(name string, due []model.SamplePair) (out [][]model.SamplePair) {
			for range rapid.IntRange(0, 3).Draw(t, "pieces") {
				from := rapid.IntRange(0, len(due)).Draw(t, "from")
				out = append(out, due[from:rapid.IntRange(from, len(due)).Draw(t, "to")])
			}
			// What is new in this interval must be among them.
			return append(out, due[max(len(due)-4, 0):])
		})
		same(t, "chopped", chopped, want)
		c := NewCounter(ranker(), everything(), release)
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(samples))) {
			c.Add(&model.SampleStream{Metric: metric(name), Values: samples[name]})
		}
		var rebuilt []Interval
		for i := 1; i <= someIntervals; i++ {
			rebuilt = append(rebuilt, c.Close(end(i)))
		}
		same(t, "rebuilt", rebuilt, want)
	})
}

func same(t *rapid.T, what string, got, want []Interval) {
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("%s, interval %d:\n%v\n%v", what, i+1, got[i], want[i])
		}
	}
}

// Whatever comes, counts are numbers, none of them negative, and no more events than
// opportunities.
func TestEventsAreAmongOpportunities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := replayed(anything(t, 15*someIntervals), func(_ string, due []model.SamplePair) [][]model.SamplePair { return [][]model.SamplePair{due} })
		for _, in := range all {
			for name, pods := range in.Counts {
				for _, p := range pods {
					ok := p.Bad <= p.All || name == "kpi/revenue" || name == analysis.Latency
					for _, part := range p.Parts {
						ok = ok && part.Bad <= part.All && part.Bad >= 0
					}
					for _, v := range append(p.Buckets, p.All, p.Bad, p.Squares) {
						ok = ok && v >= 0 && !math.IsInf(v, 0)
					}
					if !ok {
						t.Fatalf("%s: %+v", name, p)
					}
				}
			}
		}
	})
}

// Where nothing restarts and no gap is long, all growth since the first sample is counted,
// once.
func TestAllGrowthIsCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := clean(t, 15*someIntervals, rapid.SampledFrom([]int{5, 15, 20, 60}).Draw(t, "scraped every"), false)
		sum := map[string]float64{}
		for _, in := range replayed(samples, func(_ string, due []model.SamplePair) [][]model.SamplePair { return [][]model.SamplePair{due} }) {
			for _, p := range in.Counts[analysis.Requests] {
				sum[p.Pod] += p.All
			}
			for _, p := range in.Counts[analysis.Latency] {
				for _, v := range p.Buckets {
					sum["observations"] += v
				}
			}
			for _, p := range in.Counts["kpi/revenue"] {
				sum["revenue"] += p.Bad
			}
		}
		grew := func(names ...string) (g float64) {
			for _, name := range names {
				s := samples[name]
				g += float64(s[len(s)-1].Value - s[0].Value)
			}
			return g
		}
		want := map[string]float64{"c1": grew(everySeries[:2]...), "c2": grew(everySeries[2]), "s1": grew(everySeries[3:5]...),
			"revenue": grew("sums"), "observations": grew("seconds_bucket{le=+Inf}")}
		for who, n := range want {
			if sum[who] != n {
				t.Fatalf("%s: counted %v of %v (%v)", who, sum[who], n, samples)
			}
		}
	})
}

// clean is samples of all series over a time: the series of a pod scraped together, a
// scrape lost now and then, counters that only grow; with births, those of some events
// appear with the first one.
func clean(t *rapid.T, seconds, every int, births bool) map[string][]model.SamplePair {
	out := map[string][]model.SamplePair{}
	for _, pod := range []model.LabelValue{"c1", "c2", "s1"} {
		held := map[string]int{}
		gap := false
		for s := rapid.IntRange(1, every).Draw(t, "phase"); s <= seconds; s += every {
			if gap = !gap && len(held) > 0 && every < 60 && rapid.IntRange(0, 4).Draw(t, "lost") == 0; gap {
				continue
			}
			below := 0
			for _, name := range everySeries {
				if metric(name)["pod"] != pod {
					continue
				}
				held[name] += rapid.IntRange(0, 20).Draw(t, name)
				if strings.Contains(name, "le=") { // cumulative
					held[name] += below
					below = held[name]
				}
				if births && s < 70 && (strings.Contains(name, "500") || strings.Contains(name, "nulls")) {
					held[name] = 0
					continue
				}
				out[name] = append(out[name], model.SamplePair{Timestamp: at(float64(s)), Value: model.SampleValue(held[name])})
			}
		}
	}
	return out
}
