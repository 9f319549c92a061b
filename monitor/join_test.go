package monitor

import (
	"fmt"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

func joinedRanker() *runbook.Runbook {
	rb := ranker()
	rb.Metrics.VersionLabel = ""
	rb.Metrics.Join = &runbook.Join{Metric: "pod_info", On: []string{"pod"}, Label: "app_version"}
	return rb
}

// tells lets the counter know a pod's version at an interval's end; empty: nobody says.
func tells(c *Counter, interval int, pod, version string) {
	if version != "" {
		c.Tell(model.Vector{{Metric: model.Metric{"pod": model.LabelValue(pod), "app_version": model.LabelValue(version)}, Value: 1, Timestamp: at(float64(15 * interval))}})
	}
}

func TestAPodIsOnTheSideThatAnotherMetricTells(t *testing.T) {
	for _, c := range []struct {
		name              string
		told              []string // by interval
		stable, candidate string
	}{
		{"always one version", []string{"v2", "v2", "v2", "v2", "v2"}, "- - - - -", "- 10/1 10/1 10/1 10/1"},
		{"another version from the fourth interval on", []string{"v1", "v1", "v1", "v2", "v2"}, "- 10/1 10/1 - -", "- - - - 10/1"},
		{"a version that is none of the release's", []string{"v9", "v9", "v9", "v9", "v9"}, "- - - - -", "- - - - -"},
		{"nobody says so at first", []string{"", "", "v2", "v2", "v2"}, "- - - - -", "- - - 10/1 10/1"},
		{"nobody says so for a moment", []string{"v2", "v2", "", "v2", "v2"}, "- - - - -", "- 10/1 10/1 10/1 10/1"},
		{"nobody says so any more", []string{"v2", "", "", "", "", "", "", ""}, "- - - - - - - -", "- 10/1 10/1 10/1 10/1 - - -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(joinedRanker(), []rules.Measure{failures()}, release)
			var got []Interval
			for i, version := range c.told {
				for name, grown := range map[string]int{"requests": 10, "failures": 1} {
					s := &model.SampleStream{Metric: metric(name + "{version=old}")}
					for k := max(1, i-1); k <= i+1; k++ { // overlaps with the answers before
						s.Values = append(s.Values, model.SamplePair{Timestamp: at(float64(15*k - 5)), Value: model.SampleValue(100 + grown*k)})
					}
					counter.Add(s)
				}
				tells(counter, i+1, "c1", version)
				got = append(got, counter.Close(end(i+1)))
			}
			sides := map[runbook.Role][]Interval{}
			for _, in := range got {
				for _, role := range []runbook.Role{runbook.Stable, runbook.Candidate} {
					one := Interval{Counts: analysis.Counts{}}
					for _, p := range in.Counts[analysis.Requests] {
						if p.Role == role {
							one.Counts[analysis.Requests] = append(one.Counts[analysis.Requests], p)
						}
					}
					sides[role] = append(sides[role], one)
				}
			}
			expect(t, said(sides[runbook.Stable], analysis.Requests, "c1"), c.stable)
			expect(t, said(sides[runbook.Candidate], analysis.Requests, "c1"), c.candidate)
		})
	}
}

// An answer for many moments comes series by series, and not in the order of time.
func TestTellInAnyOrder(t *testing.T) {
	c := NewCounter(joinedRanker(), []rules.Measure{failures()}, release)
	for _, interval := range []int{3, 4, 1, 2} {
		tells(c, interval, "c1", map[bool]string{true: "v1", false: "v2"}[interval > 2])
	}
	for interval, want := range []string{1: "v2", 2: "v2", 3: "v1", 4: "v1"} {
		if interval == 0 {
			continue
		}
		m, ok := c.joiner.labelled(metric("requests"), at(float64(15*interval)), 0)
		if !ok || string(m["app_version"]) != want {
			t.Errorf("interval %d: %v %v, want %s", interval, m, ok, want)
		}
	}
}

func TestReplicasAreNeverAddedUp(t *testing.T) {
	rb := ranker()
	rb.Metrics.IgnoreLabels = []string{"replica"}
	for _, c := range []struct{ name, a, b, want string }{
		{"both see everything", "5:100 20:110 35:120 50:130", "8:102 23:112 38:122 53:132", "- 10/0 10/0 10/0"},
		{"one dies", "5:100 20:110", "8:102 23:112 38:122 53:132", "- 10/0 10/0 10/0"},
		{"one begins", "35:120 50:130", "8:102 23:112 38:122 53:132", "- 10/0 10/0 10/0"},
		{"one loses a scrape", "5:100 20:110 50:130", "8:102 23:112 38:122 53:132", "- 10/0 10/0 10/0"},
		{"small counts of an older scrape", "5:1 20:3 35:5 50:7", "1:0 16:2 31:4 46:6", "- 2/0 2/0 2/0"},
		{"one scrapes twice as often", "5:100 20:110 35:120 50:130", "4:100 12:105 19:110 27:115 34:120 42:125 49:130", "5/0 10/0 10/0 5/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(rb, []rules.Measure{failures()}, release)
			got := follow(counter, map[string]string{"requests{replica=a}": c.a, "requests{replica=b}": c.b}, 4)
			expect(t, said(got, analysis.Requests, "c1"), c.want)
		})
	}
}

// The server's sums are those of raw samples, by a join and of replicas.
func TestAggregatedByAJoinAndOfReplicas(t *testing.T) {
	rb := joinedRanker()
	rb.Metrics.IgnoreLabels = []string{"replica"}
	s := newServer(t)
	raw, sums := NewCounter(rb, everything(), release), NewCounter(rb, everything(), release)
	for i := 1; i <= 6; i++ {
		for _, replica := range []string{"a", "b"} {
			for pod, version := range map[string]string{"c1": "v2", "s1": "v1", "x1": "v9"} {
				for _, name := range []string{"requests", "failures", "rows", "nulls"} {
					m := metric(fmt.Sprintf("%s{pod=%s,replica=%s,version=,feature=age}", name, pod, replica))
					delete(m, "version")
					x := model.SamplePair{Timestamp: at(float64(15*i - 5)), Value: model.SampleValue(10 * i)}
					s.store(m, x)
					raw.Add(&model.SampleStream{Metric: m, Values: []model.SamplePair{x}})
				}
				tells(raw, i, pod, version)
				tells(sums, i, pod, version)
			}
		}
		got, want := written(s.aggregated(sums, end(i))), written(raw.Close(end(i)))
		if got != want || i > 1 && len(got) < 100 {
			t.Fatalf("interval %d:\n%s\nraw:\n%s", i, got, want)
		}
	}
}
