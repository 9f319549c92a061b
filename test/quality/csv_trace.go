package quality

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// begin checks the rows and turns increments into counters.
func (rec *Recording) begin(file string, increments bool) error {
	names, _ := rec.Shape.columns()
	sums := map[string]map[string]float64{}
	sides := map[runbook.Role]bool{}
	for i := range rec.rows {
		r := &rec.rows[i]
		if r.role == runbook.Candidate && !sides[runbook.Candidate] {
			rec.Start = r.at.Truncate(rec.Shape.Interval)
		}
		sides[r.role] = true
		for _, name := range names {
			if _, ok := r.values[name]; !ok {
				return fmt.Errorf("%s:%d: %s is missing", file, r.number, name)
			}
		}
		if rec.Shape.Errors && r.values["errors"] > r.values["requests"] {
			return fmt.Errorf("%s:%d: errors: %g of %g requests", file, r.number, r.values["errors"], r.values["requests"])
		}
		if increments {
			key := string(r.role) + r.pod
			if sums[key] == nil {
				sums[key] = map[string]float64{}
			}
			for _, name := range names {
				sums[key][name] += r.values[name]
				r.values[name] = sums[key][name]
			}
		}
	}
	if !sides[runbook.Candidate] || !sides[runbook.Stable] {
		return fmt.Errorf("%s: rows of both sides are wanted, candidate and stable", file)
	}
	for rec.now = 0; rec.rows[0].at-rec.Start < rec.now; { // stable was there before
		rec.now -= rec.Shape.Interval
	}
	return nil
}

// Next implements [Trace]. Ticks are at whole intervals, the first before the first row.
func (rec *Recording) Next() (Tick, bool) {
	if rec.at >= len(rec.rows) {
		return Tick{}, false
	}
	if rec.begun {
		rec.now += rec.Shape.Interval
	}
	rec.begun = true
	newest := map[string]int{}
	rec.out = rec.out[:0]
	for ; rec.at < len(rec.rows) && rec.rows[rec.at].at-rec.Start <= rec.now; rec.at++ {
		r := rec.rows[rec.at]
		if w, ok := r.values[columnWeight]; ok {
			rec.weight = w
		}
		key := string(r.role) + r.pod
		s := Scrape{Pod: r.pod, Role: r.role, At: r.at - rec.Start, Reading: rec.reading(key, r)}
		if i, again := newest[key]; again {
			rec.out[i] = s
			continue
		}
		newest[key] = len(rec.out)
		rec.out = append(rec.out, s)
	}
	weight := rec.weight
	if !rec.Shape.Weight {
		weight = math.NaN()
	}
	return Tick{Now: rec.now, Scrapes: rec.out, Percent: weight, Judged: rec.now >= warmup}, true
}

func (rec *Recording) reading(key string, r line) Reading {
	out := rec.held[key]
	if out == nil {
		out = make(Reading, rec.Shape.size())
		rec.held[key] = out
	}
	names, at := rec.Shape.columns()
	for i, name := range names {
		out[at[i]] = r.values[name]
	}
	out[atGood] -= out[atFailed]
	return out
}
