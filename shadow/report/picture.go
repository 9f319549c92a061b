package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
)

// The pictures are numbers for the template; it draws them as SVG.

// A bar is one field's mismatch against its noise.
type bar struct {
	Name       string
	Y, Text    int
	Raw, Noise string // x of the points
	Low, High  string // x of the bounds around the mismatch
	Label      string
	Bad        bool
}

const (
	plotLeft  = 260
	plotWidth = 440
	maxBars   = 20
)

// A plot has an axis from 0 to Top.
type plot struct {
	Height int
	Bars   []bar
	Ticks  []tick
	Axis   int // y
}

type tick struct {
	X     string
	Label string
}

// mismatchPlot shows for each field the noise, and the noise plus the excess with its
// bounds: where the bounds lie right of the noise, the difference is the candidate's.
func (r page) mismatchPlot() *plot {
	list := slices.DeleteFunc(slices.Clone(r.Fields), func(f diff.FieldResult) bool { return f.Raw == 0 && f.Noise == 0 })
	slices.SortStableFunc(list, func(a, b diff.FieldResult) int { return cmp.Compare(b.Excess, a.Excess) })
	list = list[:min(len(list), maxBars)]
	if len(list) == 0 {
		return nil
	}
	top := 0.0
	for _, f := range list {
		top = math.Max(top, math.Max(f.RawRate, f.NoiseRate+f.High))
	}
	top = niceTop(math.Min(top, 1))
	x := func(v float64) string {
		return fmt.Sprintf("%.1f", plotLeft+plotWidth*math.Max(0, math.Min(1, v/top)))
	}
	p := &plot{Axis: 24*len(list) + 16, Height: 24*len(list) + 44}
	for i, f := range list {
		p.Bars = append(p.Bars, bar{
			Name: shadow.Clip(f.Path, 34), Y: 24*i + 16, Text: 24*i + 21, Raw: x(f.RawRate), Noise: x(f.NoiseRate), Low: x(f.NoiseRate + f.Low), High: x(f.NoiseRate + f.High),
			Label: diff.Percent(f.RawRate) + " against " + diff.Percent(f.NoiseRate),
			Bad:   f.P != nil && *f.P <= r.Method.Alpha,
		})
	}
	for i := range 5 {
		v := top * float64(i) / 4
		p.Ticks = append(p.Ticks, tick{x(v), diff.Percent(v)})
	}
	return p
}

// niceTop returns the next of 1, 2, 5 times a power of ten.
func niceTop(v float64) float64 {
	if v <= 0 {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if v <= m*base*(1+1e-9) {
			return m * base
		}
	}
	return 10 * base
}

// A heatmap is the PSI of one score by segment and hour.
type heatmap struct {
	Score  string
	Height int
	Hours  []heatmapHour
	Rows   []heatmapRow
}

type heatmapHour struct {
	X     int
	Label string
}

type heatmapRow struct {
	Name  string
	Y     int
	Text  int
	Tiles []tile
}

type tile struct {
	X     int
	Class string // h0 (none) to h5, or hn: too few
	Title string
	Mark  bool // a drift rule refuted it
}

const (
	tileLeft  = 170
	tileWidth = 24
	maxHeat   = 30
)

// heatmaps returns one picture for each score.
func (r page) heatmaps() []heatmap {
	var all []heatmap
	for _, score := range r.Scores {
		h := heatmap{Score: shadow.Clip(score, 60)}
		for hour := range 24 {
			h.Hours = append(h.Hours, heatmapHour{tileLeft + tileWidth*hour, fmt.Sprintf("%02d", hour)})
		}
		rows := map[string]int{}
		for _, s := range r.Slices {
			if s.Hour == nil {
				continue
			}
			i, ok := rows[s.Segment]
			if !ok {
				if len(h.Rows) == maxHeat {
					continue
				}
				i = len(h.Rows)
				rows[s.Segment] = i
				h.Rows = append(h.Rows, heatmapRow{Name: shadow.Clip(orAll(s.Segment), 24), Y: 24 + 22*i, Text: 39 + 22*i})
			}
			h.Rows[i].Tiles = append(h.Rows[i].Tiles, r.tile(s, score))
		}
		h.Height = 30 + 22*len(h.Rows)
		if len(h.Rows) > 0 {
			all = append(all, h)
		}
	}
	return all
}

func orAll(segment string) string {
	if segment == "" {
		return "all"
	}
	return segment
}

func (r page) tile(s diff.Slice, score string) tile {
	t := tile{X: tileLeft + tileWidth**s.Hour, Class: "hn", Title: s.Where() + ": too few"}
	for _, one := range s.Scores {
		if one.Path != score || one.PSIP == nil {
			continue
		}
		t.Title = fmt.Sprintf("%s: PSI %.3f, shift %+.3f σ, n %d", s.Where(), one.PSI, one.Shift, one.N)
		step := int(math.Min(5, 5*one.PSI/r.Plan.Limits.PSI))
		t.Class = fmt.Sprintf("h%d", max(0, step))
		t.Mark = *one.PSIP <= r.Method.Alpha || *one.ShiftP <= r.Method.Alpha
	}
	return t
}

// A latencyBar compares one quantile of latency.
type latencyBar struct {
	Name              string
	Y, Text, Y2       int
	Stable, Candidate string // widths
	Label             string
}

func (r page) latencyBars() []latencyBar {
	if len(r.Slices) == 0 || r.Slices[0].Stable == nil || r.Slices[0].Candidate == nil {
		return nil
	}
	a, b := r.Slices[0].Stable, r.Slices[0].Candidate
	top := niceTop(math.Max(a.P99, b.P99))
	var all []latencyBar
	for i, q := range []struct {
		name string
		a, b float64
	}{{"p50", a.P50, b.P50}, {"p95", a.P95, b.P95}, {"p99", a.P99, b.P99}} {
		width := func(v float64) string { return fmt.Sprintf("%.1f", 520*v/top) }
		all = append(all, latencyBar{q.name, 8 + 44*i, 30 + 44*i, 24 + 44*i, width(q.a), width(q.b), short(q.a) + " → " + short(q.b) + " ms"})
	}
	return all
}
