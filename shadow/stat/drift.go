package stat

import (
	"cmp"
	"math"
	"slices"
)

// The population stability index as this package means it, printed in every report:
// ten bins whose edges are quantiles of stable's own scores in the same slice of the
// traffic, an empty bin counted as ε, the natural logarithm. It is not computed of fewer
// than [Limits.DriftSamples].
const (
	PSIBins    = 10
	PSIEpsilon = 1e-4
)

// Drift watches one score in one slice of the traffic. It keeps a sample of pairs,
// those with the smallest hash of their id: the same ones in any order of reading.
type Drift struct {
	Keep   int
	sample []scorePair // a heap, greatest hash first

	N           int64
	meanS, varS float64 // of stable, by Welford
	meanD, varD float64 // of candidate − stable
}

type scorePair struct {
	hash              uint64
	stable, candidate float64
}

func (d *Drift) Add(hash uint64, stable, candidate float64) {
	d.N++
	d.meanS, d.varS = welford(d.meanS, d.varS, stable, d.N)
	d.meanD, d.varD = welford(d.meanD, d.varD, candidate-stable, d.N)
	one := scorePair{hash, stable, candidate}
	switch {
	case len(d.sample) < d.Keep:
		d.sample = append(d.sample, one)
		if len(d.sample) == d.Keep {
			slices.SortFunc(d.sample, func(a, b scorePair) int { return cmp.Compare(b.hash, a.hash) })
		}
	case hash < d.sample[0].hash:
		d.sample[0] = one
		d.sink()
	}
}

// sink restores the heap after its greatest element was replaced.
func (d *Drift) sink() {
	for i := 0; ; {
		big := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(d.sample) && d.sample[child].hash > d.sample[big].hash {
				big = child
			}
		}
		if big == i {
			return
		}
		d.sample[i], d.sample[big] = d.sample[big], d.sample[i]
		i = big
	}
}

func welford(mean, m2, v float64, n int64) (float64, float64) {
	delta := v - mean
	mean += delta / float64(n)
	return mean, m2 + delta*(v-mean)
}

func (d *Drift) Sigma() float64 {
	if d.N < 2 {
		return 0
	}
	return math.Sqrt(d.varS / float64(d.N-1))
}

// PSI returns the index over the sample, and the p-value of "both drew from the same
// distribution": PSI·n/2 is asymptotically χ² with one degree less than there are
// bins, for two independent samples; the pairs here agree better than that, so the
// p-value is too great rather than too small.
func (d *Drift) PSI() (index, p float64, n int) {
	n = len(d.sample)
	if n == 0 {
		return 0, 1, 0
	}
	edges := d.edges()
	stable, candidate := make([]float64, len(edges)+1), make([]float64, len(edges)+1)
	for _, s := range d.sample {
		stable[binOf(edges, s.stable)] += 1 / float64(n)
		candidate[binOf(edges, s.candidate)] += 1 / float64(n)
	}
	for i := range stable {
		q, p := math.Max(stable[i], PSIEpsilon), math.Max(candidate[i], PSIEpsilon)
		index += (p - q) * math.Log(p/q)
	}
	return index, chiSquareTail(index*float64(n)/2, len(edges)), n
}

// edges returns at most nine different deciles of stable's scores. Bin i holds what is
// greater than edge i−1 and at most edge i. Where one value fills several deciles the
// bins are fewer; what lies beyond stable's greatest value has a bin of its own if
// that value is an edge.
func (d *Drift) edges() []float64 {
	values := make([]float64, len(d.sample))
	for i, s := range d.sample {
		values[i] = s.stable
	}
	slices.Sort(values)
	edges := make([]float64, 0, PSIBins)
	for i := 1; i < PSIBins; i++ {
		edges = append(edges, values[(len(values)*i-1)/PSIBins])
	}
	if values[0] == edges[0] { // else what falls below a constant would look like it
		edges = append(edges, math.Nextafter(values[0], math.Inf(-1)))
		slices.Sort(edges)
	}
	return slices.Compact(edges)
}

func binOf(edges []float64, v float64) int {
	i, _ := slices.BinarySearch(edges, v)
	return i
}

// Shift returns the mean of candidate − stable in standard deviations of stable's
// scores, and the p-value of "it is at most limit in either direction", by the normal
// distribution of the mean over pairs. A score that does not vary has no shift: sigma
// is then the wider traffic's.
func (d *Drift) Shift(limit, sigma float64) (shift, p float64) {
	if own := d.Sigma(); own > 1e-9*sigma {
		sigma = own
	}
	if d.N < 2 || sigma == 0 {
		return 0, 1
	}
	shift = d.meanD / sigma
	gap := math.Abs(shift) - limit
	if gap <= 0 {
		return shift, 1
	}
	wobble := math.Sqrt(d.varD/float64(d.N-1)/float64(d.N)) / sigma
	if wobble == 0 {
		return shift, 0
	}
	return shift, math.Min(1, 2*normalTail(gap/wobble))
}
