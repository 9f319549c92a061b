package analysis

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// A history is all that a test was told, from which an oracle works everything out anew, by
// the definitions and without running totals.
type history [][]PodCount

// window is the newest intervals, or all.
func (h history) window(n int) history {
	if n == since {
		return h
	}
	return h[max(0, len(h)-n):]
}

func (h history) pods(role runbook.Role) []string {
	var out []string
	for _, counts := range h {
		for _, c := range counts {
			if c.Role == role && !slices.Contains(out, c.Pod) {
				out = append(out, c.Pod)
			}
		}
	}
	return out
}

// of is what a pod did in an interval.
func of(counts []PodCount, role runbook.Role, pod string) PodCount {
	for _, c := range counts {
		if c.Role == role && c.Pod == pod {
			return c
		}
	}
	return PodCount{}
}

// sides adds up an interval: opportunities, events and squares of candidate and stable.
func sidesOf(counts []PodCount) (all, bad, squares [2]float64) {
	for _, c := range counts {
		i := index(c.Role)
		all[i], bad[i], squares[i] = all[i]+c.All, bad[i]+c.Bad, squares[i]+c.Squares
	}
	return all, bad, squares
}

// active counts the pods with opportunities in the last five minutes.
func (h history) active(x *Test, role runbook.Role) int {
	n := 0
	for _, pod := range h.pods(role) {
		sum := 0.0
		for _, counts := range h.window(x.level) {
			sum += of(counts, role, pod).All
		}
		n += int(indicator(sum > 0))
	}
	return n
}

// logE mixes the sums of an interval's log likelihood ratios over a window.
func (h history) logE(x *Test, span int, phi float64, ratio func(k, interval int) float64, ratios int, began int) float64 {
	n := x.windows[span]
	if began < 0 || n != since && len(h)-1-began < n {
		return math.NaN()
	}
	if n == since {
		n = len(h)
	}
	sum := 0.0
	for k := range ratios {
		total := 0.0
		for i := max(0, len(h)-n); i < len(h); i++ {
			total += ratio(k, i)
		}
		sum += math.Exp(total / phi)
	}
	return math.Log(sum / float64(ratios))
}

// apart is how far stable's pods are from each other's level in a window, squared, and how
// far chance would put them.
func (h history) apart() (num, den float64) {
	for _, counts := range h {
		all, bad, _ := sidesOf(counts)
		squares := 0.0
		for _, c := range counts {
			if c.Role == runbook.Stable {
				squares += c.All * c.All
			}
		}
		if all[1] > 0 {
			den += bad[1] * (1 - bad[1]/all[1]) * (1 - squares/all[1]/all[1])
		}
	}
	for _, pod := range h.pods(runbook.Stable) {
		d := 0.0
		for _, counts := range h {
			if all, bad, _ := sidesOf(counts); all[1] > 0 {
				c := of(counts, runbook.Stable, pod)
				d += c.Bad - c.All*bad[1]/all[1]
			}
		}
		num += d * d
	}
	return num, den
}

// phi is the dispersion: blocks of five minutes that end in the last hour, or three.
func (h history) phi(x *Test) float64 {
	if h.active(x, runbook.Stable) < LeastPods {
		return UnknownDispersion
	}
	out := 1.0
	for _, hours := range []int{1, 3} {
		var num, den float64
		for end := max(1, len(h)-hours*x.hour+1); end <= len(h); end++ {
			n, d := h[:end].window(x.level).apart()
			num, den = num+n, den+d
		}
		if den > 0 {
			out = max(out, num/den)
		}
	}
	return out
}

// without is the pod guard of a window: the best fitting ratio of what the worst pods leave.
func (h history) without(x *Test, s Span, span int, lasting float64) float64 {
	f := x.signal.Odds
	type sum struct{ events, surplus, seen float64 }
	var pods []sum
	others := 0.0
	first := len(h) - len(h.window(x.windows[span]))
	for _, counts := range h[first:] {
		_, bad, _ := sidesOf(counts)
		others += bad[1]
	}
	for _, pod := range h.pods(runbook.Candidate) {
		var p sum
		for i := first; i < len(h); i++ {
			c := of(h[i], runbook.Candidate, pod)
			p.events += c.Bad
			if c.All == 0 {
				continue
			}
			all, bad, _ := sidesOf(h[i])
			n := float64(h[:i+1].active(x, runbook.Candidate))
			remain, fair := all[0]*(1-float64(leftOut(int(n)))/n), all[1]/f.Null
			p.surplus += (c.Bad*fair - c.All*bad[1]) / (remain + fair)
			p.seen++
		}
		if p.seen > 0 {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b sum) int {
		if f.Fewer() {
			a, b = b, a
		}
		return cmp.Compare(b.surplus, a.surplus)
	})
	if out := leftOut(h.active(x, runbook.Candidate)); out < len(pods) {
		var rest sum
		for _, p := range pods[out:] {
			rest.events, rest.surplus = rest.events+p.events, rest.surplus+p.surplus
		}
		return f.fitted(rest.events, rest.surplus, others)/lasting - s.penalty()
	}
	return math.NaN()
}

// began is the first interval with anything in it; -1: none.
func (h history) began() int {
	return slices.IndexFunc(h, func(counts []PodCount) bool { all, _, _ := sidesOf(counts); return all[0]+all[1] > 0 })
}

// Events: log e-values, dispersion and pod guard from the definitions, with pods that come
// and go, and a rate that changes.
func TestEventsAgainstTheDefinitions(t *testing.T) {
	for _, name := range []string{"error-rate", "conversion-drop"} {
		x, h := begin(t, shop(), name), history(nil)
		f := feed{rnd: seeded(12), rate: 20, share: 0.3, pods: [2]int{4, 5}, level: [2]float64{0.11, 0.1}}
		if x.signal.Fewer() {
			f.level[0] = 0.08
		}
		for i := range 900 {
			f.rate = 20 + 15*math.Sin(float64(i)/70)
			counts := f.counts(Requests)
			switch {
			case i < 3:
				counts = nil
			case i%7 == 0:
				counts = slices.Delete(counts, i%3, i%3+2) // lost scrapes
			case i > 300 && i < 360:
				counts = slices.Delete(counts, 6, 9) // two of five stable pods are left
			}
			h = append(h, counts)
			r := x.Observe(counts)
			if !slices.Contains([]int{0, 2, 3, 10, 22, 23, 40, 123, 200, 340, 723, 899}, i) {
				continue
			}
			want := Result{Dispersion: h.phi(x), Pods: [2]int{h.active(x, runbook.Candidate), h.active(x, runbook.Stable)}}
			lasting := want.Dispersion
			if num, den := h.apart(); den > 0 {
				lasting = max(lasting, num/den-math.Sqrt(2/max(float64(want.Pods[1])-1, 1)))
			}
			ratio := func(k, i int) float64 {
				all, bad, _ := sidesOf(h[i])
				if all[0]+all[1] == 0 {
					return 0
				}
				return x.signal.Ratio(x.signal.Thetas[k], all[0]/(all[0]+all[1]), bad[0], bad[0]+bad[1])
			}
			for k, s := range Spans() {
				want.LogE[k] = h.logE(x, k, want.Dispersion, ratio, len(x.signal.Thetas), h.began())
				want.WithoutPod[k] = math.NaN()
				if s.guarded {
					want.WithoutPod[k] = h.without(x, s, k, lasting)
				}
			}
			for k := range Spans() {
				if !like(r.LogE[k], want.LogE[k], 1e-6) || !like(r.WithoutPod[k], want.WithoutPod[k], 1e-6) {
					t.Errorf("%s, interval %d, window %d: log e %g and %g without pods, want %g and %g", name, i, k, r.LogE[k], r.WithoutPod[k], want.LogE[k], want.WithoutPod[k])
				}
			}
			if !like(r.Dispersion, want.Dispersion, 1e-6) || r.Pods != want.Pods {
				t.Errorf("%s, interval %d: dispersion %g, pods %v, want %g and %v", name, i, r.Dispersion, r.Pods, want.Dispersion, want.Pods)
			}
		}
	}
}

// Parts and traffic: log e-values from the definitions; a mean's are those of each interval
// by the moments of all before it, and what one pod adds is what is missing without it.
func TestOtherLogEAgainstTheDefinitions(t *testing.T) {
	for _, name := range []string{"null-spike", "shift", "starved", "revenue-drop"} {
		trigger, _ := shop(name).Trigger(name)
		x, h := begin(t, shop(name), name), history(nil)
		f := feed{rnd: seeded(13), rate: 20, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{0.9, 1}}
		fam := x.signal.Odds
		for i := range 760 {
			counts := f.counts(MeasureOf(trigger))
			if i%9 == 0 {
				counts = counts[1:]
			}
			h = append(h, counts)
			x.Weigh(0.3, i%50 > 5)
			r := x.Observe(counts)
			if !slices.Contains([]int{0, 8, 30, 150, 759}, i) {
				continue
			}
			began, ratios, ratio := 0, len(fam.Thetas), func(k, i int) float64 { return 0 }
			switch name {
			case "starved":
				began = 6
				ratio = func(k, i int) float64 {
					if all, _, _ := sidesOf(h[i]); i%50 > 5 {
						return fam.Ratio(fam.Thetas[k], 0.3, all[0], all[0]+all[1])
					}
					return 0
				}
				if i < began {
					began = -1
				}
			case "revenue-drop":
				ratio, began = h.means(fam, ""), h.meansBegan()
			default:
				ratios = len(fam.Thetas) * len(h.parts(x, 0, 0))
				ratio = func(k, i int) float64 {
					c, s := h.parts(x, i, 0)[k/len(fam.Thetas)], h.parts(x, i, 1)[k/len(fam.Thetas)]
					return fam.Ratio(fam.Thetas[k%len(fam.Thetas)], c.All/(c.All+s.All), c.Bad, c.Bad+s.Bad)
				}
			}
			for k := range Spans() {
				if want := h.logE(x, k, r.Dispersion, ratio, ratios, began); !like(r.LogE[k], want, 1e-6) {
					t.Errorf("%s, interval %d, window %d: log e %g, want %g", name, i, k, r.LogE[k], want)
				}
				if name == "revenue-drop" {
					if want := h.meanWithoutPod(x, k, r.Dispersion, began); !like(r.WithoutPod[k], want, 1e-6) {
						t.Errorf("%s, interval %d, window %d: %g without the worst pod, want %g", name, i, k, r.WithoutPod[k], want)
					}
				}
			}
		}
	}
}

// parts are a side's, of one interval.
func (h history) parts(x *Test, i, side int) []PartCount {
	var out []PartCount
	for _, c := range h[i] {
		for k, p := range x.signal.family.(*parts).of(&c) {
			if k == len(out) {
				out = append(out, PartCount{})
			}
			if index(c.Role) == side {
				out[k].All, out[k].Bad = out[k].All+p.All, out[k].Bad+p.Bad
			}
		}
	}
	return out
}

// moments are the mean and the variances of a trial up to an interval.
func (h history) moments(i int) (mean float64, variance [2]float64) {
	var n, s, q [2]float64
	for _, counts := range h[:i+1] {
		all, sum, squares := sidesOf(counts)
		for k := range n {
			n[k], s[k], q[k] = n[k]+all[k], s[k]+sum[k], q[k]+squares[k]
		}
	}
	total := s[0] + s[1]
	if total*total < 30*(q[0]+q[1]) || total == 0 {
		return 0, variance
	}
	mean = total / (n[0] + n[1])
	for k := range n {
		own := s[k] / n[k]
		variance[k] = max((q[0]+q[1])/(n[0]+n[1])-0.9999*mean*mean, q[k]/n[k]-0.9999*own*own)
	}
	return mean, variance
}

func (h history) meansBegan() int {
	for i := range h {
		if mean, _ := h.moments(i); mean > 0 {
			return i
		}
	}
	return -1
}

// means is the ratio of an interval, without a pod.
func (h history) means(f Odds, without string) func(k, i int) float64 {
	known := map[[2]int]float64{}
	return func(k, i int) float64 {
		if v, ok := known[[2]int{k, i}]; ok {
			return v
		}
		mean, variance := h.moments(i)
		all, sum, _ := sidesOf(h[i])
		if c := of(h[i], runbook.Candidate, without); all[0] > c.All {
			all[0], sum[0] = all[0]-c.All, sum[0]-c.Bad
		}
		known[[2]int{k, i}] = Catoni(1-f.Thetas[k], mean, variance, all, sum)
		return known[[2]int{k, i}]
	}
}

// meanWithoutPod leaves out, of each drop, the pod without which least remains.
func (h history) meanWithoutPod(x *Test, span int, phi float64, began int) float64 {
	f := x.signal.Odds
	if math.IsNaN(h.logE(x, span, phi, func(int, int) float64 { return 0 }, 1, began)) {
		return math.NaN()
	}
	first := len(h) - len(h.window(x.windows[span]))
	sums := make([]float64, len(f.Thetas))
	for k := range sums {
		sums[k] = math.Inf(1)
		for _, pod := range h.pods(runbook.Candidate) {
			ratio, sum := h.means(f, pod), 0.0
			for i := first; i < len(h); i++ {
				sum += ratio(k, i)
			}
			sums[k] = min(sums[k], sum/phi)
		}
	}
	return mixture(sums)
}
