package quality

import (
	"strconv"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Shape says what a trace's pods count. It is the same for all pods of a trace.
type Shape struct {
	Interval time.Duration // between scrapes, and between evaluations
	Latency  []float64     // bounds of the latency histogram in seconds, ascending; empty: none
	Score    []float64     // bounds of the score's histogram, ascending; empty: none
	Features []string      // whose missing values are counted; empty: none
	// What the trace has besides requests.
	Errors, KPI, Schema, Weight bool
}

// A Reading is what a pod's counters hold at a scrape, in the order of the Shape:
// requests that went well and that failed, trials and successes of the KPI, checks and
// mismatches of the schema, rows and missing values of each feature, the cumulative
// buckets of the latency and of the score with +Inf last.
type Reading []float64

const (
	atGood = iota
	atFailed
	atTrials
	atSuccesses
	atChecks
	atMismatches
	atParts
)

func (s Shape) rows(feature int) int  { return atParts + 2*feature }
func (s Shape) nulls(feature int) int { return atParts + 2*feature + 1 }
func (s Shape) latency() int          { return atParts + 2*len(s.Features) }
func (s Shape) score() int            { return s.latency() + buckets(s.Latency) }
func (s Shape) size() int             { return s.score() + buckets(s.Score) }

// buckets is how many series a histogram has.
func buckets(bounds []float64) int {
	if len(bounds) == 0 {
		return 0
	}
	return len(bounds) + 1
}

// A Scrape is one pod's reading. It is the reader's until the next tick.
type Scrape struct {
	Pod     string
	Role    runbook.Role
	At      time.Duration // since the release began
	Reading Reading
}

// A Tick is one evaluation: what was scraped since the one before, and what the daemon
// says of the release.
type Tick struct {
	Now     time.Duration // since the release began
	Scrapes []Scrape      // by pod, at most one each
	Percent float64       // the candidate's weight; NaN: unknown
	Judged  bool          // the daemon names the sides: warmed up, and not silent
	Silent  bool          // the daemon is down
}

// A Trace is one release, tick by tick.
type Trace interface {
	Next() (Tick, bool)
}

// Truth is what is known about a trace.
type Truth struct {
	Bad   bool
	Onset time.Duration // of the harm; good: unused
}

// A Sample is one series of one pod at one scrape.
type Sample struct {
	Name   string
	Labels [][2]string // beside those of the pod
	Value  float64
}

// Samples are a scrape's series as a Prometheus would store them, named as [Runbook] asks
// for them. As in most libraries, the series of a rare event appears with the first one.
func (s Shape) Samples(r Reading) []Sample {
	var out []Sample
	put := func(name string, v float64, labels ...[2]string) { out = append(out, Sample{name, labels, v}) }
	rare := func(name string, v float64, labels ...[2]string) {
		if v > 0 {
			put(name, v, labels...)
		}
	}
	put("requests_total", r[atGood], [2]string{"code", "200"})
	if s.Errors {
		rare("requests_total", r[atFailed], [2]string{"code", "503"})
	}
	if s.KPI {
		put("trials_total", r[atTrials])
		rare("conversions_total", r[atSuccesses])
	}
	if s.Schema {
		put("checks_total", r[atChecks])
		rare("mismatches_total", r[atMismatches])
	}
	for i, f := range s.Features {
		put("rows_total", r[s.rows(i)], [2]string{"feature", f})
		rare("nulls_total", r[s.nulls(i)], [2]string{"feature", f})
	}
	out = append(out, histogram("latency_seconds_bucket", s.Latency, r[s.latency():])...)
	return append(out, histogram("score_bucket", s.Score, r[s.score():])...)
}

func histogram(name string, bounds []float64, r Reading) []Sample {
	var out []Sample
	for i := range buckets(bounds) {
		out = append(out, Sample{name, [][2]string{{"le", le(bounds, i)}}, r[i]})
	}
	return out
}

// le names the bucket of a bound, or the last one.
func le(bounds []float64, i int) string {
	if i == len(bounds) {
		return "+Inf"
	}
	return strconv.FormatFloat(bounds[i], 'g', -1, 64)
}
