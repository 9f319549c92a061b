package exporters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/storage"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
	"github.com/autorollback/autorollback/test/golden"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/verify"
)

// named are the versions of recipes whose label holds more than a version.
var namedVersions = map[string][2]string{
	"envoy":         {"ranker_v1", "ranker_v2"},
	"haproxy":       {"ranker_v1", "ranker_v2"},
	"traefik":       {"ranker-v1@docker", "ranker-v2@docker"},
	"nginx-ingress": {"", "ml-ranker-canary-8080"},
	"knative":       {"ranker-00001", "ranker-00002"},
	"kserve":        {"ranker-00001", "ranker-00002"},
	"seldon":        {"ranker_1", "ranker_2"},
	"ray-serve":     {"ranker-v1", "ranker-v2"},
}

// What the candidate does from the onset on, beside failing.
const (
	slower    = 3.0
	converts  = 0.4 // of all requests that are not the bad candidate's
	fewer     = 0.5 // of these conversions
	harmful   = 0.4
	unharmful = 0.005
	spread    = 0.5 // of the log-normal durations, whose median is 100 ms
)

// A tally is what a server has done: of successes and of failures, how many there were, how
// long they took together, and how many took how long.
type tally struct {
	n, sum              [2]float64
	took                [2][bins]float64
	trials, conversions float64
}

// bins are 1 % apart, from 10 µs on.
const bins = 2000

func (s *tally) observe(side int, seconds float64) {
	s.n[side]++
	s.sum[side] += seconds
	s.took[side][min(max(int(math.Log(seconds/1e-5)/math.Log(1.01)), 0), bins-1)]++
}

// below is how many took at most so long.
func (s *tally) below(side int, seconds float64) float64 {
	to := bins
	if !math.IsInf(seconds, 1) {
		to = min(max(int(math.Round(math.Log(seconds/1e-5)/math.Log(1.01))), 0), bins)
	}
	sum := 0.0
	for _, n := range s.took[side][:to] {
		sum += n
	}
	return sum
}

// add adds a part of what another has done.
func (s *tally) add(o *tally, part float64) {
	for side := range s.n {
		s.n[side] += part * o.n[side]
		s.sum[side] += part * o.sum[side]
		for i, n := range o.took[side] {
			s.took[side][i] += part * n
		}
	}
	s.trials, s.conversions = s.trials+part*o.trials, s.conversions+part*o.conversions
}

// serve draws what a pod's requests of an interval were like.
func serve(w *world, p *pod, n, bad float64, late bool) {
	factor, share := 1.0, converts
	if p.candidate && late && w.harm > 0 {
		factor, share = slower, converts*fewer
	}
	for i := range int(n) {
		side := 0
		if i < int(bad) {
			side = 1
		}
		p.seen.observe(side, 0.1*factor*math.Exp(spread*w.rnd.NormFloat64()))
	}
	p.seen.trials += n
	p.seen.conversions += sim.Binomial(w.rnd, n, share)
}

// A shape is how an exporter writes what servers have done: a file of testdata, in the text
// that it was seen to write, with words instead of values, and VERSION, POD and ROUTER in
// labels. Its parts begin with "# target" and the labels of a scraped pod, or with "# routers",
// how many there are, and theirs: each sees its part of the requests to all pods.
type shape struct{ targets []target }

type target struct {
	labels  string
	routers int // 0: it is a pod
	lines   []line
}

// A line of the text; only a sample has a series.
type line struct {
	series string
	words  []string
	bounds []string // of a bucket: what stands in the place of LE
}

var sampleLine = regexp.MustCompile(`^([^#{ ]+(?:\{.*\})?) (.+)$`)

func shapeOf(t *testing.T, name string) shape {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var s shape
	var bounds []string
	for row := range strings.Lines(string(text)) {
		row = strings.TrimSpace(row)
		if of, ok := strings.CutPrefix(row, "# target "); ok {
			s.targets = append(s.targets, target{labels: of})
			continue
		}
		if of, ok := strings.CutPrefix(row, "# routers "); ok {
			n, of, _ := strings.Cut(of, " ")
			routers, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			s.targets = append(s.targets, target{labels: of, routers: routers})
			continue
		}
		if le, ok := strings.CutPrefix(row, "# le "); ok {
			bounds = strings.Fields(le)
			continue
		}
		l := line{series: row}
		if m := sampleLine.FindStringSubmatch(row); m != nil {
			l = line{series: m[1], words: strings.Fields(m[2])}
			if strings.Contains(m[1], `"LE"`) {
				l.bounds = bounds
			}
		}
		last := &s.targets[len(s.targets)-1]
		last.lines = append(last.lines, l)
	}
	return s
}

// A view is what a line is written about.
type view struct {
	version, pod, router string
	seen                 *tally
}

func (v view) fill(text string) string {
	return strings.NewReplacer("VERSION", v.version, "POD", v.pod, "ROUTER", v.router).Replace(text)
}

// write adds the line to an exposition.
func (l line) write(b *strings.Builder, v view) {
	if l.words == nil {
		fmt.Fprintln(b, l.series)
		return
	}
	series := v.fill(l.series)
	if l.bounds == nil {
		l.sample(b, series, l.value(v.seen, math.Inf(1)), v)
		return
	}
	for _, le := range l.bounds {
		bound, _ := strconv.ParseFloat(le, 64) // "+Inf" as well
		l.sample(b, strings.Replace(series, `"LE"`, strconv.Quote(le), 1), l.value(v.seen, bound), v)
	}
}

// sample leaves out a series that appears with its first event, before that.
func (l line) sample(b *strings.Builder, series string, value float64, v view) {
	if l.optional() && l.events(v.seen) == 0 {
		return
	}
	fmt.Fprintf(b, "%s %s\n", series, strconv.FormatFloat(value, 'g', -1, 64))
}

func (l line) optional() bool {
	return len(l.words) > 1 && strings.HasSuffix(l.words[1], "?")
}

func (l line) events(s *tally) float64 { return line{words: []string{"count", l.words[1]}}.value(s, 0) }

// value is what the words say: count, sum or bucket of ok, bad or all, in a unit, times a
// factor; trial, conversion, miss; or a number.
func (l line) value(s *tally, bound float64) float64 {
	switch l.words[0] {
	case "trial":
		return s.trials
	case "conversion":
		return s.conversions
	case "miss":
		return s.trials - s.conversions
	case "count", "sum", "bucket":
	default:
		v, _ := strconv.ParseFloat(l.words[0], 64)
		return v
	}
	scale := 1.0 // of what is written to seconds that were served
	for _, w := range l.words[2:] {
		if factor, ok := strings.CutPrefix(w, "x"); ok {
			f, _ := strconv.ParseFloat(factor, 64)
			scale *= f
		} else {
			scale *= map[string]float64{"ms": 1e3, "us": 1e6}[w]
		}
	}
	out := 0.0
	for side, name := range []string{"ok", "bad"} {
		if word := strings.TrimSuffix(l.words[1], "?"); word != name && word != "all" {
			continue
		}
		switch l.words[0] {
		case "count":
			out += s.n[side]
		case "sum":
			out += s.sum[side] * scale
		default:
			out += s.below(side, bound/scale)
		}
	}
	return out
}

// text is what a target exposes.
func (x target) text(views []view) string {
	var b strings.Builder
	for _, l := range x.lines {
		for i, v := range views {
			if i > 0 && (l.words == nil || !strings.Contains(l.series, "POD") && v.version == views[i-1].version) {
				continue
			}
			l.write(&b, v)
		}
	}
	return b.String()
}

// views are what routers see: one for each pod where a line names one, with the pod's own
// requests, and otherwise one for each side.
func routed(router string, part float64, pods []*pod, byPod bool) []view {
	var out []view
	for _, p := range pods {
		sum := &tally{}
		for _, o := range pods {
			if o == p || !byPod && o.candidate == p.candidate {
				sum.add(&o.seen, part)
			}
		}
		out = append(out, view{p.version, p.name, router, sum})
	}
	return out
}

// scrape stores what Prometheus would make of the targets of a pod, and with the first pod
// of those of the routers.
func (s shape) scrape(w *world, p *pod, at time.Time) {
	for _, x := range s.targets {
		if x.routers == 0 {
			v := view{version: p.version, pod: p.name, seen: &p.seen}
			w.parse(at, v.fill(x.labels), x.text([]view{v}))
			continue
		}
		if p != w.pods[0] {
			continue
		}
		var pods []*pod
		for _, o := range w.pods {
			if !o.candidate || w.replica != nil {
				pods = append(pods, o)
			}
		}
		byPod := slices.ContainsFunc(x.lines, func(l line) bool { return strings.Contains(l.series, "server=\"POD\"") })
		for i := range x.routers {
			router := "router-" + strconv.Itoa(i)
			w.parse(at, view{router: router}.fill(x.labels), x.text(routed(router, 1/float64(x.routers), pods, byPod)))
		}
	}
}

// parse reads an exposition with Prometheus' own parser, and puts the target's labels on it.
func (w *world) parse(at time.Time, target, text string) {
	w.t.Helper()
	app := w.db.Appender(context.Background())
	of, err := labelsOf(target)
	if err != nil {
		w.t.Fatal(err)
	}
	store := func(l labels.Labels, v float64) {
		w.t.Helper()
		if _, err := app.Append(0, scraped(l, of), at.UnixMilli(), v); err != nil && !errors.Is(err, storage.ErrDuplicateSampleForTimestamp) {
			w.t.Fatalf("%s: %v", l, err)
		}
	}
	store(labels.FromStrings(labels.MetricName, "up"), 1)
	p := textparse.NewPromParser([]byte(text), labels.NewSymbolTable(), false)
	for {
		kind, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			w.t.Fatalf("%v\n%s", err, text)
		}
		if kind == textparse.EntrySeries {
			var l labels.Labels
			p.Labels(&l)
			_, _, v := p.Series()
			store(l, v)
		}
	}
	if err := app.Commit(); err != nil {
		w.t.Fatal(err)
	}
}

func labelsOf(text string) (labels.Labels, error) {
	p := textparse.NewPromParser([]byte("x{"+text+"} 1\n"), labels.NewSymbolTable(), false)
	if _, err := p.Next(); err != nil {
		return labels.EmptyLabels(), fmt.Errorf("labels %s: %w", text, err)
	}
	var l labels.Labels
	p.Labels(&l)
	return labels.NewBuilder(l).Del(labels.MetricName).Labels(), nil
}

// scraped are the labels of a series of a target, without honor_labels.
func scraped(series, target labels.Labels) labels.Labels {
	b := labels.NewBuilder(series)
	target.Range(func(l labels.Label) {
		if own := series.Get(l.Name); own != "" {
			b.Set("exported_"+l.Name, own)
		}
		b.Set(l.Name, l.Value)
	})
	series.Range(func(l labels.Label) {
		if l.Value == "" {
			b.Del(l.Name)
		}
	})
	return b.Labels()
}

// recipeOf is the runbook that the recipe makes of the canary template.
func recipeOf(t *testing.T, name, service string) *runbook.Runbook {
	t.Helper()
	text, err := templates.NewWith("canary", service, name)
	if err != nil {
		t.Fatal(err)
	}
	rb, err := runbook.Parse(name+".yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rb
}

func versionsOf(name string) [2]string {
	if v, ok := namedVersions[name]; ok {
		return v
	}
	return [2]string{"v1", "v2"}
}

// A row of the table: what the tests have shown of a trigger of a recipe.
type row struct {
	number, found, recovered bool
}

// What each recipe's runbook says, in the words of its exporter's samples, is right; a bad
// release is found by each of its triggers, and its recovery is proved.
func TestRecipes(t *testing.T) {
	sim.Bulk(t)
	rows := map[string]map[string]*row{}
	var mu sync.Mutex
	t.Run("worlds", func(t *testing.T) {
		for _, name := range templates.Recipes() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				mine := map[string]*row{}
				for _, trigger := range recipeOf(t, name, "ranker").Triggers {
					mine[trigger.Name] = &row{}
				}
				mu.Lock()
				rows[name] = mine
				mu.Unlock()
				playRecipe(t, name, 0, func(w *world) { w.well(mine) })
				playRecipe(t, name, harmful, func(w *world) { w.bad(mine) })
			})
		}
	})
	if len(rows) == len(templates.Recipes()) && !t.Failed() {
		golden.Equal(t, "../../../docs/sources.md", []byte(page(t, rows)))
	}
}

func playRecipe(t *testing.T, name string, harm float64, then func(w *world)) {
	t.Helper()
	rb := recipeOf(t, name, "ranker")
	w := newWorld(t, source{name: name, recipe: rb, versions: versionsOf(name), served: serve, every: rb.Metrics.ScrapeInterval.Std(),
		scrape: shapeOf(t, name).scrape}, harm)
	t.Run(map[bool]string{true: "bad", false: "good"}[harm > 0], func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w.t, w.start = t, time.Now()
			w.runFor(onset + 17*time.Minute)
			then(w)
		})
	})
}

func (w *world) confirm(trigger runbook.Trigger) record.Breach {
	return w.prom.Confirm(w.t.Context(), w.asks, trigger, w.release, w.significance(trigger.Name, time.Now()))
}

// well: nothing fires, and users get what they got.
func (w *world) well(rows map[string]*row) {
	if len(w.fired) > 0 {
		w.t.Errorf("fired %v", w.fired)
	}
	levels := map[string]float64{}
	for _, a := range w.answers(w.start.Add(onset)) {
		levels[a.Question] = a.Value
		w.t.Logf("%s", a.Text)
	}
	for _, t := range w.runbook.Triggers {
		b := w.confirm(t)
		if b.State != record.NotBreaching {
			w.t.Errorf("%s is %s: %s", t.Name, b.State, b.Problem)
		}
		rows[t.Name].number = w.right(t, b.Value, 0) && w.level(t, levels)
	}
}

// answers are those of all checks of the verification.
func (w *world) answers(wellAt time.Time) []record.Answer {
	return w.prom.Recovery(w.t.Context(), w.asks, w.release, wellAt)
}

// right reports whether the effect that a trigger reads is that of the traffic.
func (w *world) right(t runbook.Trigger, got, harm float64) bool {
	factor, drop := 1.0, 1.0
	if harm > 0 {
		factor, drop = slower, fewer
	}
	switch t.Type {
	case runbook.ErrorRate:
		return w.near(t.Name, got, max(harm, unharmful), 0.3)
	case runbook.AbsoluteSLO:
		return w.near(t.Name, got, share*max(harm, unharmful)+(1-share)*unharmful, 0.3)
	case runbook.KPIDrop:
		return w.near(t.Name, got, drop, 0.1)
	case runbook.LatencyMean:
		if w.source.name == "torchserve" { // counts failures, and not how long they take
			factor *= 1 - harm
		}
		return w.near(t.Name, got, factor, 0.1)
	}
	l, _ := w.runbook.Metrics.LatencyOf(t.Latency)
	from, to := enclosing(l, w.p95(l))
	least, most := enclosing(l, w.p95(l)*factor)
	return w.between(t.Name, got, least/to, most/from)
}

// p95 is the true one in seconds, of a latency: vLLM's whole answers take twenty times as
// long as their first tokens.
func (w *world) p95(l runbook.Latency) float64 {
	if l.Name == "whole" {
		return 20 * 0.1 * math.Exp(1.645*spread)
	}
	return 0.1 * math.Exp(1.645*spread)
}

// enclosing are the bounds around a duration, both in seconds.
func enclosing(l runbook.Latency, seconds float64) (from, to float64) {
	for _, b := range l.Seconds() {
		if b >= seconds*0.97 && from > 0 {
			to = max(to, b)
		}
		if b >= seconds*1.03 {
			return from, b
		}
		from = b
	}
	return from, math.Inf(1)
}

// level reports whether the verification reads the level of what the trigger is about, in
// seconds or as a share.
func (w *world) level(t runbook.Trigger, levels map[string]float64) bool {
	switch t.Type {
	case runbook.KPIDrop:
		return w.near("the KPI's level", levels["kpi "+t.KPI], converts, 0.1)
	case runbook.LatencyMean:
		return w.near("the mean latency", latencyLevel(levels), 0.1*math.Exp(spread*spread/2), 0.1)
	case runbook.LatencyQuantile:
		l, _ := w.runbook.Metrics.LatencyOf(t.Latency)
		if t.Latency != w.runbook.Verification.System.Latency.Latency {
			return true // it is not checked
		}
		from, to := enclosing(l, w.p95(l))
		return w.between("the latency in seconds", latencyLevel(levels), from, to)
	}
	return true
}

func latencyLevel(levels map[string]float64) float64 {
	for question, v := range levels {
		if strings.Contains(question, "latency") {
			return v
		}
	}
	return math.NaN()
}

func (w *world) near(what string, got, want, tolerance float64) bool {
	w.t.Helper()
	return w.between(what, got, want*(1-tolerance), want*(1+tolerance))
}

func (w *world) between(what string, got, from, to float64) bool {
	w.t.Helper()
	ok := got >= from && got <= to
	if !ok {
		w.t.Errorf("%s is %.4g, want %.4g to %.4g", what, got, from, to)
	}
	return ok
}

// bad: each trigger finds the release bad, no guard stands in the way, and after the
// rollback each check is good.
func (w *world) bad(rows map[string]*row) {
	for _, t := range w.runbook.Triggers {
		b := w.confirm(t)
		rows[t.Name].found = b.State == record.Breaching
		if !rows[t.Name].found {
			w.t.Errorf("%s is %s: %s (effect %g, significance %+v)", t.Name, b.State, b.Problem, b.Value, b.Significance)
		}
		if _, fired := w.fired[t.Name]; !fired {
			w.t.Errorf("the alert of %s did not fire", t.Name)
		}
		rows[t.Name].number = w.right(t, b.Value, harmful) && rows[t.Name].number
		if t.Absolute() {
			continue
		}
		if b.StableUnhealthy || b.StablePods < w.runbook.LastKnownGood.MinPods || b.CandidatePods < w.runbook.Policy.MinCandidatePods {
			w.t.Errorf("%s would be held: %d stable and %d candidate pods, stable unhealthy: %t", t.Name, b.StablePods, b.CandidatePods, b.StableUnhealthy)
		}
	}
	wellAt := w.start.Add(onset)
	w.release.Weight, w.release.WeightChangedAt = 0, time.Now()
	w.release.Moves = append(w.release.Moves, record.Move{At: time.Now(), From: 100 * share, To: 0})
	polls, text := 0, ""
	for range 4 * 10 {
		w.runFor(w.runbook.Metrics.Interval.Std())
		answers := append(w.answers(wellAt), w.prom.Drained(w.t.Context(), w.asks, w.release))
		health, why := verify.Judge(answers)
		if polls, text = verify.Count(polls, health), why; polls < w.runbook.Verification.Polls || len(verify.Pending(answers)) > 0 {
			continue
		}
		for _, t := range w.runbook.Triggers {
			rows[t.Name].recovered = w.checks(t)
		}
		return
	}
	w.t.Errorf("the recovery is not proved: %s", text)
}

// checks reports whether the verification checks what the trigger is about.
func (w *world) checks(t runbook.Trigger) bool {
	v := w.runbook.Verification
	switch t.Type {
	case runbook.LatencyQuantile, runbook.LatencyMean:
		return v.System.Latency != nil && v.System.Latency.Latency == t.Latency
	case runbook.KPIDrop:
		return slices.ContainsFunc(v.Business, func(c runbook.BusinessCheck) bool { return c.KPI == t.KPI })
	}
	return true
}

// page is docs/sources.md.
func page(t *testing.T, rows map[string]map[string]*row) string {
	t.Helper()
	head, err := os.ReadFile(filepath.Join("testdata", "sources.head.md"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(head)
	for _, name := range templates.Recipes() {
		rb := recipeOf(t, name, "ranker")
		for i, trigger := range rb.Triggers {
			r, source := rows[name][trigger.Name], ""
			if i == 0 {
				source = "`" + name + "`"
			}
			fmt.Fprintf(&b, "| %s | `%s` (`%s`) | %s | %s | %s |\n", source, trigger.Name, trigger.Type, yes(r.number), yes(r.found), yes(r.recovered))
		}
	}
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
