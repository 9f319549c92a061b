package chart

import (
	"math"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// most is the greatest number that is drawn; with greater ones differences overflow.
const most = 1e100

// drawn reports whether a value can be drawn.
func drawn(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// A scale places values on a panel's height.
type scale struct {
	low, high float64
	ticks     []float64
}

// scaleOf holds all curves and the limit. It begins at 0 unless all values are far from it.
func scaleOf(p Panel, height float64) scale {
	s := scale{low: math.Inf(1), high: math.Inf(-1)}
	take := func(v float64) {
		if drawn(v) {
			v = min(max(v, -most), most)
			if p.Top > 0 {
				v = min(v, p.Top)
			}
			s.low, s.high = min(s.low, v), max(s.high, v)
		}
	}
	for _, l := range p.Lines {
		for _, x := range l.Points {
			take(x.Value)
		}
	}
	take(p.Limit)
	if math.IsInf(s.low, 0) {
		s.low, s.high = 0, 1
	}
	near := s.low <= 0.7*s.high
	if s.low >= 0 && (near || s.high == s.low) {
		s.low = 0
	}
	if s.high == s.low {
		s.high++
	}
	margin := (s.high - s.low) * 0.08
	s.high += margin
	if s.low != 0 {
		s.low -= margin
	}
	s.ticks = ticksOf(s.low, s.high, int(height/tickHeight), p.format())
	return s
}

func (p Panel) format() func(float64) string {
	if p.Format != nil {
		return p.Format
	}
	return runbook.Figure
}

// share is how far up a value is, 0 to 1.
func (s scale) share(v float64) float64 {
	v = min(max(v, s.low), s.high)
	return (v - s.low) / (s.high - s.low)
}

// steps are what people count in: by tens, and by sixties where it is time.
var steps = []float64{1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600}

// tickHeight is the least distance of two labels of an axis, in pixels.
const tickHeight = 20

// ticksOf are at least two round values, and those that are shortest to read.
func ticksOf(low, high float64, most int, format func(float64) string) []float64 {
	unit := math.Pow(10, math.Floor(math.Log10((high-low)/3)))
	candidates := []float64{unit, 2 * unit, 5 * unit, 10 * unit}
	for _, s := range steps {
		if s >= 30 {
			candidates = append(candidates, s)
		}
	}
	var best []float64
	length := math.MaxInt
	for _, step := range candidates {
		if n := (high - low) / step; n < 1 || n > float64(most) {
			continue
		}
		ticks, words := multiples(step, low, high), ""
		for _, v := range ticks {
			words += format(tidied(v))
		}
		if n := len(ticks); n >= 2 && n <= most && len(words)/n < length {
			best, length = ticks, len(words)/n
		}
	}
	return best
}

func multiples(step, low, high float64) []float64 {
	var out []float64
	for n := math.Ceil(low / step); n*step <= high && len(out) < 6; n++ {
		out = append(out, n*step)
	}
	return out
}

// labels are the ticks in words; of equal ones the first.
func (s scale) labels(format func(float64) string) []string {
	var out []string
	for _, v := range s.ticks {
		text := fit(format(tidied(v)), Narrow/4)
		if len(out) > 0 && strings.EqualFold(out[len(out)-1], text) {
			text = ""
		}
		out = append(out, text)
	}
	return out
}

// tidied rounds away what adding steps leaves behind.
func tidied(v float64) float64 {
	if v == 0 || !drawn(v) {
		return 0
	}
	digits := math.Pow(10, 9-math.Ceil(math.Log10(math.Abs(v))))
	if r := math.Round(v*digits) / digits; drawn(r) {
		return r
	}
	return v
}
