package quality

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The columns of a trace as CSV. time, side and pod are in every file; the others are
// counters, as many as there are. docs/quality.md says it in full.
const (
	columnTime   = "time"
	columnSide   = "side"
	columnPod    = "pod"
	columnWeight = "weight"
	columnMetric = "metric"
	columnValue  = "value"
)

// columns are the counters of a shape: for each column its name, and where it is in a
// reading. requests is put together from two.
func (s Shape) columns() (names []string, at []int) {
	add := func(name string, i int) { names, at = append(names, name), append(at, i) }
	add("requests", atGood)
	if s.Errors {
		add("errors", atFailed)
	}
	if s.KPI {
		add("trials", atTrials)
		add("successes", atSuccesses)
	}
	if s.Schema {
		add("checks", atChecks)
		add("mismatches", atMismatches)
	}
	for i, f := range s.Features {
		add("rows:"+f, s.rows(i))
		add("nulls:"+f, s.nulls(i))
	}
	for _, h := range []struct {
		name   string
		bounds []float64
		from   int
	}{{"latency:", s.Latency, s.latency()}, {"score:", s.Score, s.score()}} {
		for i := range buckets(h.bounds) {
			add(h.name+le(h.bounds, i), h.from+i)
		}
	}
	return names, at
}

// shapeFrom reads what is counted from the names of the columns.
func shapeFrom(names []string, interval time.Duration) (Shape, error) {
	has := func(name string) bool { return slices.Contains(names, name) }
	s := Shape{Interval: interval, Errors: has("errors"), KPI: has("trials"), Schema: has("checks"), Weight: has(columnWeight)}
	for _, pair := range [][2]string{{"trials", "successes"}, {"checks", "mismatches"}} {
		if has(pair[0]) != has(pair[1]) {
			return s, fmt.Errorf("columns: %s and %s belong together", pair[0], pair[1])
		}
	}
	if !has("requests") {
		return s, fmt.Errorf("columns: requests is missing")
	}
	for _, name := range names {
		kind, part, _ := strings.Cut(name, ":")
		switch kind {
		case "rows":
			s.Features = append(s.Features, part)
		case "latency", "score":
			if part == "+Inf" {
				continue
			}
			bound, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return s, fmt.Errorf("columns: %s: the bound is no number", name)
			}
			if kind == "latency" {
				s.Latency = append(s.Latency, bound)
			} else {
				s.Score = append(s.Score, bound)
			}
		}
	}
	slices.Sort(s.Latency)
	slices.Sort(s.Score)
	known, _ := s.columns()
	for _, name := range names {
		if !slices.Contains(known, name) && !slices.Contains([]string{columnTime, columnSide, columnPod, columnWeight}, name) {
			return s, fmt.Errorf("columns: %q is none of %s, %s; or its pair is missing", name, columnWeight, strings.Join(known, ", "))
		}
	}
	for _, name := range known {
		if !has(name) {
			return s, fmt.Errorf("columns: %s is missing", name)
		}
	}
	return s, nil
}

// WriteCSV writes a whole trace in the form that [ReadCSV] takes, with its times in
// seconds since the trace began.
func WriteCSV(to io.Writer, trace Trace, shape Shape) error {
	w := csv.NewWriter(to)
	names, at := shape.columns()
	head := []string{columnTime, columnSide, columnPod}
	if shape.Weight {
		head = append(head, columnWeight)
	}
	if err := w.Write(append(head, names...)); err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for tick, ok := trace.Next(); ok; tick, ok = trace.Next() {
		for _, s := range tick.Scrapes {
			cells := []string{number(math.Round(s.At.Seconds()*1000) / 1000), string(s.Role), s.Pod}
			if shape.Weight {
				cells = append(cells, number(tick.Percent))
			}
			for _, i := range at {
				v := s.Reading[i]
				if i == atGood {
					v += s.Reading[atFailed]
				}
				cells = append(cells, number(v))
			}
			if err := w.Write(cells); err != nil {
				return fmt.Errorf("write trace: %w", err)
			}
		}
	}
	w.Flush()
	return w.Error()
}
