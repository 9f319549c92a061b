package analysis

import "github.com/autorollback/autorollback/runbook"

// pastHistograms are those of the stable pods in one interval before the release.
type pastHistograms struct {
	scale  scale
	pods   []string
	counts []float32 // of one pod after the other; whole numbers far below 2^24, so nothing is lost
}

// pack keeps an interval's histograms in little memory.
func (t *Test) pack(counts []PodCount) pastHistograms {
	for _, c := range counts {
		t.learn(c.Native)
	}
	out := pastHistograms{scale: t.scale}
	for _, c := range counts {
		out.pods = append(out.pods, c.Pod)
		for _, v := range t.addTo(make([]float64, len(t.scale.bounds)+1), c) {
			out.counts = append(out.counts, float32(v))
		}
	}
	return out
}

// unpack gives them back by the bounds that are known now.
func (p pastHistograms) unpack(now scale) []PodCount {
	var out []PodCount
	size := len(p.scale.bounds) + 1
	for i, pod := range p.pods {
		counts := make([]float64, size)
		for k := range counts {
			counts[k] = float64(p.counts[i*size+k])
		}
		if len(now.bounds) != len(p.scale.bounds) {
			counts = now.spread(p.scale, counts)
		}
		out = append(out, PodCount{Pod: pod, Role: runbook.Stable, Buckets: counts})
	}
	return out
}

// readPast takes the histograms of before the release: what was slow over the whole hour
// is slow in each interval.
func (b *before) readPast(t *Test) {
	if b.past == nil {
		return
	}
	all := make([]float64, len(t.scale.bounds)+1)
	for _, p := range b.past[max(0, len(b.past)-t.hour):] {
		for _, c := range p.unpack(t.scale) {
			all = t.addTo(all, c)
		}
	}
	limit := (1 + t.signal.margin) * t.scale.quantile(t.signal.quantile, all)
	for _, p := range b.past {
		b.take(t, p.unpack(t.scale), limit)
	}
}
