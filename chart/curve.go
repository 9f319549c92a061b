package chart

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// columns is into how many pieces a curve is cut: of each the extremes are drawn, so that a
// picture stays small and no peak is lost.
const columns = 240

// An xy is a point in shares of the width and of the height.
type xy struct {
	x, y float64
	jump bool // a gap is before it
}

// curve is a line on the axes, in order and without what cannot be drawn.
func (c Chart) curve(l Line, t clock, s scale) []xy {
	points := slices.Clone(l.Points)
	slices.SortStableFunc(points, func(a, b Point) int { return a.At.Compare(b.At) })
	var out []xy
	var last time.Time
	gap := true
	for _, p := range points {
		x := t.share(p.At)
		if !drawn(p.Value) {
			gap = true
			continue
		}
		if x < 0 || x > 1 {
			continue
		}
		if c.Every > 0 && p.At.Sub(last) > c.Every*5/2 {
			gap = true
		}
		out = append(out, xy{x, s.share(p.Value), gap})
		last, gap = p.At, false
	}
	return thinned(out)
}

// thinned keeps the first, the least, the greatest and the last point of each column.
func thinned(all []xy) []xy {
	if len(all) <= 2*columns {
		return all
	}
	var out []xy
	for len(all) > 0 {
		n := 1
		for n < len(all) && !all[n].jump && int(all[n].x*columns) == int(all[0].x*columns) {
			n++
		}
		out = append(out, extremes(all[:n])...)
		all = all[n:]
	}
	return out
}

func extremes(all []xy) []xy {
	if len(all) <= 4 {
		return all
	}
	low, high := 0, 0
	for i := range all {
		if all[i].y < all[low].y {
			low = i
		}
		if all[i].y > all[high].y {
			high = i
		}
	}
	at := []int{0, low, high, len(all) - 1}
	slices.SortFunc(at, cmp.Compare[int])
	var out []xy
	for _, i := range slices.Compact(at) {
		out = append(out, all[i])
	}
	return out
}

// path writes a curve for a frame 1000 wide. A point between gaps is a dot.
func path(all []xy, height float64) string {
	var out strings.Builder
	for i, p := range all {
		verb := "L"
		if p.jump || i == 0 {
			verb = "M"
		}
		out.WriteString(verb + px(p.x*1000) + " " + px(height*(1-p.y)))
		if verb == "M" && (i+1 == len(all) || all[i+1].jump) {
			out.WriteString("h.1")
		}
	}
	return out.String()
}
