package path

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/quality"
	"github.com/autorollback/autorollback/test/servers"
)

const (
	interval = 30 * time.Second
	length   = time.Hour
	seed     = 11_000
)

// A story is one scenario, told to a Prometheus and to the analysis.
type story struct {
	name     string
	rb       *runbook.Runbook
	release  record.Release
	began    time.Time
	wanted   map[string]time.Time // by trigger: when the analysis alone fires first
	watcher  map[string]time.Time // when the monitor does
	alert    map[string]time.Time // when the alert does
	judged   []step
	percents []float64
}

// A step is an interval with what the monitor found.
type step struct {
	end     time.Time
	results map[string]analysis.Result
}

// tell generates the scenario's trace: for the analysis, and as raw counters.
func tell(t *testing.T, s quality.Scenario, number int, every time.Duration, began time.Time, b *servers.Backlog) *story {
	t.Helper()
	shape := quality.GeneratedShape(interval)
	rb := quality.Runbook(shape)
	rb.Service = fmt.Sprintf("ranker-%02d", number)
	rb.Metrics.Selector = fmt.Sprintf("job=%q", rb.Service)
	x := &story{name: fmt.Sprintf("%s scraped every %s", s.Name, every), rb: rb, began: began, wanted: map[string]time.Time{}, watcher: map[string]time.Time{}, alert: map[string]time.Time{}}
	x.release = record.Release{ID: "rel-" + rb.Service, Service: rb.Service, Region: runbook.DefaultRegion, Phase: record.Open,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, StartedAt: began, TrafficAt: began}
	trace, _ := quality.Generate(s, shape, seed, length)
	decided, err := quality.FirstFirings(rb, shape, thinned{trace, every}, func(tick quality.Tick) {
		x.record(shape, tick, b)
	})
	if err != nil {
		t.Fatal(err)
	}
	for trigger, at := range decided {
		x.wanted[trigger] = began.Add(at)
	}
	return x
}

// record writes what was scraped in a tick, and moves the release's weight.
func (x *story) record(shape quality.Shape, tick quality.Tick, b *servers.Backlog) {
	version := map[runbook.Role]string{runbook.Candidate: "v2", runbook.Stable: "v1"}
	for _, s := range tick.Scrapes {
		for _, v := range shape.Samples(s.Reading) {
			labels := fmt.Sprintf("job=%q,instance=%q,version=%q", x.rb.Service, s.Pod, version[s.Role])
			for _, l := range v.Labels {
				labels += fmt.Sprintf(",%s=%q", l[0], l[1])
			}
			kind := "counter"
			if strings.HasSuffix(v.Name, "_bucket") {
				kind = "gauge" // so that promtool takes bounds in any order
			}
			b.Add(kind, v.Name, labels, x.began.Add(s.At), v.Value)
		}
	}
	if to := runbook.Weight(int(tick.Percent)); tick.Percent == float64(to) && tick.Now >= 0 && to != x.release.Weight {
		at := x.began.Add(tick.Now)
		x.release.Moves = append(x.release.Moves, record.Move{At: at, From: x.release.Weight, To: to})
		x.release.Weight = to
	}
}

// watch has the monitor count the release through Prometheus' query API.
func (x *story) watch(t *testing.T, api promapi.API) error {
	m := monitor.New(api, zap.NewNop())
	target := monitor.Target{Runbook: x.rb, Release: x.release}
	return m.History(t.Context(), target, x.began.Add(length), func(s monitor.Step, results map[string]analysis.Result) {
		if results == nil {
			return
		}
		x.judged = append(x.judged, step{s.End, results})
		for trigger, r := range results {
			if _, known := x.watcher[trigger]; r.Fires() && !known {
				x.watcher[trigger] = s.End
			}
		}
	})
}

// replicas shows that daemons which ask at other times, or start in the middle, find the
// very same.
func (x *story) replicas(t *testing.T, api promapi.API) {
	t.Helper()
	m := monitor.New(api, zap.NewNop())
	target := monitor.Target{Runbook: x.rb, Release: x.release}
	last := x.judged[len(x.judged)-1]
	for name, c := range map[string]struct{ from, every time.Duration }{
		"from the start": {0, interval}, "from the middle": {length / 2, interval}, "now and then": {length / 3, 7 * interval / 2},
	} {
		r := m.Replica(target)
		for now := x.began.Add(c.from); ; now = now.Add(c.every) {
			if now.After(last.end) {
				now = last.end
			}
			s, err := r.CatchUp(t.Context(), now.Add(monitor.Lag(interval)))
			if err != nil {
				t.Fatal(err)
			}
			if s.At.Equal(last.end) {
				for trigger, want := range last.results {
					if got := s.Results[trigger]; !alike(got.Significance, want.Significance) || !alike(got.Effect, want.Effect) {
						t.Errorf("%s: a replica %s: %s is significant by %v with effect %v, in one go by %v with %v", x.name, name, trigger, got.Significance, got.Effect, want.Significance, want.Effect)
					}
				}
				break
			}
		}
	}
}

func alike(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*math.Abs(a)
}

// thinned is a trace that is scraped less often than it is evaluated.
type thinned struct {
	quality.Trace
	every time.Duration
}

func (t thinned) Next() (quality.Tick, bool) {
	tick, ok := t.Trace.Next()
	if tick.Now%t.every != 0 {
		tick.Scrapes = nil
	}
	return tick, ok
}

// seldom are the scenarios that are scraped half as often as they are evaluated as well.
var seldom = []string{"errors-to-6-percent", "latency-40-percent", "null-spike", "noisy-pod"}

// export writes what the daemon would have exported, as its scrapes would have found it.
func (x *story) export(b *servers.Backlog) {
	of := fmt.Sprintf("job=\"autorollback\",instance=\"daemon\",service=%q,region=%q,release=%q", x.rb.Service, x.release.Region, x.release.ID)
	for _, s := range x.judged {
		at := s.end.Add(monitor.Lag(interval) + 3*time.Second)
		for trigger, r := range s.results {
			if sig := monitor.SignificanceOf(r, s.end); r.Significance == r.Significance {
				b.Add("gauge", "autorollback_trigger_significance", of+fmt.Sprintf(",trigger=%q", trigger), at, sig.Value)
			}
		}
		weight := monitor.WeightAt(x.release, s.end, interval).Share
		for _, side := range []struct {
			version string
			role    runbook.Role
			share   float64
		}{{"v1", runbook.Stable, 1 - weight}, {"v2", runbook.Candidate, weight}} {
			who := of + fmt.Sprintf(",version=%q", side.version)
			b.Add("gauge", "autorollback_weight", who, at, 100*side.share)
			if weight > 0 {
				b.Add("gauge", "autorollback_release_role", who+fmt.Sprintf(",role=%q", side.role), at, 1)
			}
		}
	}
}

// alerts evaluates the generated alerts over the release.
func (x *story) alerts(t *testing.T, prom promapi.API, group rules.Group) error {
	for _, r := range group.Rules {
		if r.Alert == "" || r.Labels["trigger"] == rules.BlindTrigger {
			continue
		}
		value, _, err := prom.QueryRange(t.Context(), r.Expr.String(), promapi.Range{Start: x.began, End: x.began.Add(length), Step: interval})
		if err != nil {
			return fmt.Errorf("%s: %w", r.Alert, err)
		}
		for _, s := range value.(model.Matrix) {
			if at := s.Values[0].Timestamp.Time(); x.alert[r.Labels["trigger"]].IsZero() || at.Before(x.alert[r.Labels["trigger"]]) {
				x.alert[r.Labels["trigger"]] = at
			}
		}
	}
	return nil
}

// later reports by how many intervals b is after a; far if only one of them is.
func later(a, b map[string]time.Time, trigger string) (int, bool) {
	x, there := a[trigger]
	y, here := b[trigger]
	if !there && !here {
		return 0, true
	}
	return int(y.Sub(x) / interval), there == here
}

func TestThePathThroughPrometheusAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the real Prometheus")
	}
	all, err := quality.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-length - time.Hour).Truncate(interval)
	prom := servers.Prometheus(t, "global: {scrape_interval: 1h}\n", nil)
	raw := servers.NewBacklog()
	var stories []*story
	for i, s := range all {
		stories = append(stories, tell(t, s, i, interval, began, raw))
	}
	for i, s := range slices.DeleteFunc(slices.Clone(all), func(s quality.Scenario) bool { return !slices.Contains(seldom, s.Name) }) {
		stories = append(stories, tell(t, s, len(all)+i, 2*interval, began, raw))
	}
	raw.Into(t, prom)

	asked, err := promapi.New(prom.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	var watching errgroup.Group
	watching.SetLimit(2)
	for _, x := range stories {
		watching.Go(func() error { return x.watch(t, asked) })
	}
	if err := watching.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, x := range stories[:4] {
		x.replicas(t, asked)
	}
	exported := servers.NewBacklog()
	for _, x := range stories {
		x.export(exported)
	}
	exported.Into(t, prom)
	groups := ruleGroups(t, stories)
	// promtool does not see in one run what it records: what others rest on comes first.
	for _, pass := range []func(number int) bool{func(n int) bool { return n == 0 }, func(n int) bool { return n > 0 }} {
		recordRules(t, prom, began, groups, pass)
	}
	compared, fired := 0, 0
	for i, x := range stories {
		if err := x.alerts(t, asked, groups[i]); err != nil {
			t.Fatal(err)
		}
		for _, trigger := range x.rb.Triggers {
			compared++
			if _, ok := x.wanted[trigger.Name]; ok {
				fired++
			}
			if n, ok := later(x.wanted, x.watcher, trigger.Name); !ok || n < -1 || n > 1 {
				t.Errorf("%s/%s: the monitor fires at %v, the analysis at %v", x.name, trigger.Name, x.watcher[trigger.Name].Sub(began), x.wanted[trigger.Name].Sub(began))
			}
			if n, ok := later(x.watcher, x.alert, trigger.Name); !ok || n < -1 || n > 3 {
				t.Errorf("%s/%s: the alert fires at %v, the monitor at %v", x.name, trigger.Name, x.alert[trigger.Name].Sub(began), x.watcher[trigger.Name].Sub(began))
			}
		}
	}
	t.Logf("%d triggers of %d scenarios compared, %d fire", compared, len(stories), fired)
	if fired < 12 {
		t.Errorf("only %d triggers fire: there is nothing to compare", fired)
	}
}

// recordRules writes what the recording rules would have recorded.
func recordRules(t *testing.T, prom *servers.PrometheusServer, began time.Time, groups []rules.Group, wanted func(number int) bool) {
	t.Helper()
	var some []rules.Group
	for _, g := range groups {
		one := g
		one.Rules = nil
		for n, r := range g.Rules {
			if r.Record != "" && wanted(n) {
				one.Rules = append(one.Rules, r)
			}
		}
		some = append(some, one)
	}
	text, err := rules.Marshal(some)
	if err != nil {
		t.Fatal(err)
	}
	prom.Write("rules.yml", string(text))
	servers.RunPromtool(t, "tsdb", "create-blocks-from", "rules", "--start="+strconv.FormatInt(began.Unix(), 10), "--end="+strconv.FormatInt(began.Add(length).Unix(), 10),
		"--eval-interval="+interval.String(), "--url="+prom.URL, "--output-dir="+prom.Data(), prom.Path("rules.yml"))
	prom.Stop()
	prom.Start()
}

func ruleGroups(t *testing.T, stories []*story) []rules.Group {
	t.Helper()
	var out []rules.Group
	for _, x := range stories {
		g, err := rules.Compile(x.rb)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}
