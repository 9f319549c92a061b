package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
)

const (
	maxBars = 20
	maxHeat = 30
)

// mismatches shows for each field the noise, and the noise plus the excess with its
// bounds: where the bounds lie right of the noise, the difference is the candidate's.
func (r page) mismatches() *chart.Rows {
	list := slices.DeleteFunc(slices.Clone(r.Fields), func(f diff.FieldResult) bool { return f.Raw == 0 && f.Noise == 0 })
	slices.SortStableFunc(list, func(a, b diff.FieldResult) int { return cmp.Compare(b.Excess, a.Excess) })
	list = list[:min(len(list), maxBars)]
	if len(list) == 0 {
		return nil
	}
	out := &chart.Rows{Title: "Mismatch against noise, by field", Format: diff.Percent}
	for _, f := range list {
		out.Rows = append(out.Rows, chart.Row{
			Name: shadow.Clip(f.Path, 34), Label: diff.Percent(f.RawRate) + " against " + diff.Percent(f.NoiseRate),
			Dots: []chart.Bar{{Name: "stable against itself", Role: chart.Stable, Value: f.NoiseRate}, {Name: "candidate against stable", Role: chart.Candidate, Value: f.RawRate}},
			Low:  min(max(f.NoiseRate+f.Low, 0), 1), High: min(f.NoiseRate+f.High, 1), Bad: f.P != nil && *f.P <= r.Method.Alpha,
		})
	}
	return out
}

// A heatmap is the PSI of one score by segment and hour.
type heatmap struct {
	Score string
	chart.Heat
}

// heatmaps returns one picture for each score.
func (r page) heatmaps() []heatmap {
	var all []heatmap
	for _, score := range r.Scores {
		h := heatmap{Score: shadow.Clip(score, 60)}
		h.Title = "Score drift by segment and hour"
		for hour := range 24 {
			h.Columns = append(h.Columns, fmt.Sprintf("%02d", hour))
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
				h.Rows = append(h.Rows, chart.HeatRow{Name: shadow.Clip(cmp.Or(s.Segment, "all"), 24)})
			}
			h.Rows[i].Tiles = append(h.Rows[i].Tiles, r.tile(s, score))
		}
		if len(h.Rows) > 0 {
			all = append(all, h)
		}
	}
	return all
}

// tile has a frame where a drift rule refuted it.
func (r page) tile(s diff.Slice, score string) chart.Tile {
	t := chart.Tile{Column: *s.Hour, Shade: -1, Name: s.Where() + ": too few"}
	for _, one := range s.Scores {
		if one.Path != score || one.PSIP == nil {
			continue
		}
		t.Name = fmt.Sprintf("%s: PSI %.3f, shift %+.3f σ, n %d", s.Where(), one.PSI, one.Shift, one.N)
		t.Shade = max(0, int(math.Min(chart.Shades-1, (chart.Shades-1)*one.PSI/r.Plan.Limits.PSI)))
		t.Marked = *one.PSIP <= r.Method.Alpha || *one.ShiftP <= r.Method.Alpha
	}
	return t
}

// latencies compares quantiles of latency.
func (r page) latencies() *chart.Rows {
	if len(r.Slices) == 0 || r.Slices[0].Stable == nil || r.Slices[0].Candidate == nil {
		return nil
	}
	a, b := r.Slices[0].Stable, r.Slices[0].Candidate
	out := &chart.Rows{Title: "Latency of stable and candidate", Format: func(ms float64) string { return runbook.Seconds(ms / 1000) }}
	for _, q := range []struct {
		name string
		a, b float64
	}{{"p50", a.P50, b.P50}, {"p95", a.P95, b.P95}, {"p99", a.P99, b.P99}} {
		out.Rows = append(out.Rows, chart.Row{Name: q.name, Label: short(q.a) + " → " + short(q.b) + " ms",
			Bars: []chart.Bar{{Name: "stable", Role: chart.Stable, Value: q.a}, {Name: "candidate", Role: chart.Candidate, Value: q.b}}})
	}
	return out
}
