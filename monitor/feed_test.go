package monitor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// began is a multiple of every interval in these tests.
const began = 1_800_000_000

func at(seconds float64) model.Time { return model.Time((began + seconds) * 1000) }

func end(interval int) time.Time { return time.Unix(began+15*int64(interval), 0) }

var release = record.Release{ID: "r1", Region: "eu", Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}

func ranker() *runbook.Runbook {
	return &runbook.Runbook{Service: "ranker", Metrics: runbook.Metrics{
		Interval: runbook.Duration(15 * time.Second), VersionLabel: "version", PodLabel: "pod",
		Requests: runbook.Requests{Counter: "requests", Errors: `code=~"5.."`},
	}}
}

// series are the matchers of a metric, and more of them: "requests", "code=~5..".
func matchersOf(name string, more ...string) []*labels.Matcher {
	out := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "__name__", name), labels.MustNewMatcher(labels.MatchEqual, "job", "ranker")}
	for _, m := range more {
		if l, v, ok := strings.Cut(m, "=~"); ok {
			out = append(out, labels.MustNewMatcher(labels.MatchRegexp, l, v))
			continue
		}
		l, v, _ := strings.Cut(m, "=")
		out = append(out, labels.MustNewMatcher(labels.MatchEqual, l, v))
	}
	return out
}

func requests() rules.Measure {
	return rules.Measure{Name: analysis.Requests, All: matchersOf("requests"), Bad: matchersOf("requests", "code=~5..")}
}

func failures() rules.Measure { // of which failures have a name of their own
	return rules.Measure{Name: analysis.Requests, All: matchersOf("requests"), Bad: matchersOf("failures")}
}

func apart() rules.Measure { // successes and failures, which together are all
	return rules.Measure{Name: analysis.Requests, All: matchersOf("requests"), More: matchersOf("failures"), Bad: matchersOf("failures")}
}

func revenue() rules.Measure {
	return rules.Measure{Name: "kpi/revenue", All: matchersOf("requests"), Bad: matchersOf("sums"), Squares: matchersOf("squares")}
}

func features(shared bool) rules.Measure {
	return rules.Measure{Name: analysis.Features, All: matchersOf("rows"), Bad: matchersOf("nulls"), Part: "feature", SharedAll: shared}
}

func latency(bounds ...float64) rules.Measure {
	return rules.Measure{Name: analysis.Latency, Histogram: matchersOf("seconds_bucket"), Bounds: bounds}
}

func nativeLatency() rules.Measure {
	return rules.Measure{Name: analysis.Latency, Histogram: matchersOf("seconds"), Native: true}
}

func traffic() rules.Measure {
	return rules.Measure{Name: analysis.Traffic, All: matchersOf("requests")}
}

// metric reads "requests{code=500,pod=c2}"; a candidate's pod c1 of job ranker unless it
// says otherwise.
func metric(text string) model.Metric {
	name, rest, _ := strings.Cut(strings.TrimSuffix(text, "}"), "{")
	m := model.Metric{"__name__": model.LabelValue(name), "job": "ranker", "pod": "c1", "version": "v2"}
	for pair := range strings.SplitSeq(rest, ",") {
		if l, v, ok := strings.Cut(pair, "="); ok {
			m[model.LabelName(l)] = model.LabelValue(v)
		}
	}
	return m
}

// An arrival is a sample, and when it is in Prometheus' answers.
type arrival struct {
	model.SamplePair
	from model.Time
}

// arrivals reads "5:100 20:110 35:120@52": at second 35 there were 120, which is in the
// answers from second 52 on.
func arrivals(text string) []arrival {
	var out []arrival
	for word := range strings.FieldsSeq(text) {
		word, late, isLate := strings.Cut(word, "@")
		t, v, _ := strings.Cut(word, ":")
		a := arrival{SamplePair: model.SamplePair{Timestamp: at(number(t)), Value: model.SampleValue(number(v))}}
		if a.from = a.Timestamp; isLate {
			a.from = at(number(late))
		}
		out = append(out, a)
	}
	return out
}

func number(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return v
}

// lag is how long after its end an interval is closed.
const lag = 2

// follow adds, for each interval, what a range selector answers that looks a minute back,
// and closes it.
func follow(c *Counter, feed map[string]string, intervals int) []Interval {
	read := map[string][]arrival{}
	for name, text := range feed {
		read[name] = arrivals(text)
	}
	var out []Interval
	for i := 1; i <= intervals; i++ {
		now := at(float64(15*i) + lag)
		for name, samples := range read {
			s := &model.SampleStream{Metric: metric(name)}
			for _, a := range samples {
				if a.from <= now && a.Timestamp <= now && a.Timestamp > now-60_000 {
					s.Values = append(s.Values, a.SamplePair)
				}
			}
			c.Add(s)
		}
		out = append(out, c.Close(end(i)))
	}
	return out
}

// said writes what one pod did in each interval: all/bad, "-" where it is left out.
func said(intervals []Interval, measure, pod string) string {
	var out []string
	for _, in := range intervals {
		i := slices.IndexFunc(in.Counts[measure], func(p analysis.PodCount) bool { return p.Pod == pod })
		if i < 0 {
			out = append(out, "-")
			continue
		}
		out = append(out, counted(in.Counts[measure][i]))
	}
	return strings.Join(out, " ")
}

func counted(p analysis.PodCount) string {
	switch {
	case p.Buckets != nil:
		return strings.ReplaceAll(fmt.Sprint(p.Buckets), " ", ",")
	case p.Native != nil:
		return strings.ReplaceAll(fmt.Sprint(p.Native), " ", ",")
	case p.Parts != nil:
		return strings.ReplaceAll(fmt.Sprint(p.Parts), " ", ",")
	case p.Squares != 0:
		return fmt.Sprintf("%v/%v/%v", p.All, p.Bad, p.Squares)
	}
	return fmt.Sprintf("%v/%v", p.All, p.Bad)
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
