package exporters

import (
	"cmp"
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
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

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
	fewErrors = 0.7 // tolerance where few errors are counted: 36 in a minute
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
			if i == 0 || strings.Contains(l.series, "POD") || strings.Contains(l.series, "VERSION") && v.version != views[i-1].version {
				l.write(&b, v)
			}
		}
	}
	return b.String()
}

// routed is what one of the routers sees: one view for each pod. Where lines name the server
// they are of its own requests, and otherwise of those of its side.
func (x target) routed(router int, pods []*pod) []view {
	byPod := slices.ContainsFunc(x.lines, func(l line) bool { return strings.Contains(l.series, `server="POD"`) })
	var out []view
	for _, p := range pods {
		sum := &tally{}
		for _, o := range pods {
			if o == p || !byPod && o.candidate == p.candidate {
				sum.add(&o.seen, 1/float64(x.routers))
			}
		}
		out = append(out, view{p.version, p.name, "router-" + strconv.Itoa(router), sum})
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
		for i := range x.routers {
			views := x.routed(i, pods)
			w.parse(at, views[0].fill(x.labels), x.text(views))
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
		if _, err := app.Append(0, scraped(l, of), at.UnixMilli(), v); err != nil {
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

// What each recipe's runbook reads in samples that are written as its exporter writes them is
// right; a bad release is found by each of its triggers, and its recovery is proved.
func TestRecipes(t *testing.T) {
	sim.Bulk(t)
	all := map[string]map[string]*row{}
	for _, name := range templates.Recipes() {
		all[name] = map[string]*row{}
		for _, trigger := range recipeOf(t, name, "ranker").Triggers {
			all[name][trigger.Name] = &row{}
		}
	}
	played := 0
	t.Run("worlds", func(t *testing.T) {
		for name, rows := range all {
			t.Run(name, func(t *testing.T) {
				played++ // not if -run leaves it out
				t.Parallel()
				playRecipe(t, name, 0, rows, (*world).goodRelease)
				playRecipe(t, name, harmful, rows, (*world).badRelease)
			})
		}
	})
	if !t.Failed() && played == len(all) {
		golden.Equal(t, "../../../docs/sources.md", []byte(page(t, all)))
	}
}

// A row of the table: what was read of a trigger's subject while both versions were well, and
// of a bad candidate; when its alert fired after the onset, and when the recovery was proved
// after the rollback.
type row struct {
	level, effect    float64
	found, recovered time.Duration
}

func (w *world) goodRelease() {
	if len(w.fired) > 0 {
		w.t.Errorf("fired %v", w.fired)
	}
	w.must(w.well())
	b := w.confirm(w.runbook.Triggers[0])
	w.must(near("the candidate's traffic", b.CandidateRate, rps*share, 0.12))
	w.must(near("the stable side's traffic", b.StableRate, rps*(1-share), 0.12))
}

func (w *world) must(problem string) {
	w.t.Helper()
	if problem != "" {
		w.t.Error(problem)
	}
}

func (w *world) badRelease() {
	w.must(w.missed())
	for _, t := range w.runbook.Triggers {
		at, fired := w.fired[t.Name]
		if !fired || at < onset {
			w.t.Errorf("the alert of %s fired: %t, at %s", t.Name, fired, at)
		}
		w.rows[t.Name].found = at - onset
	}
	w.rollBack()
	polls, problem := 0, ""
	for range 4 * 10 {
		w.runFor(w.runbook.Metrics.Interval.Std())
		if problem = w.unproved(w.start.Add(onset)); problem != "" {
			polls = 0
		} else if polls++; polls == w.runbook.Verification.Polls {
			for _, t := range w.runbook.Triggers {
				if w.checks(t) {
					w.rows[t.Name].recovered = time.Since(w.release.WeightChangedAt)
				}
			}
			return
		}
	}
	w.t.Errorf("the recovery is not proved: %s", problem)
}

func playRecipe(t *testing.T, name string, harm float64, rows map[string]*row, then func(w *world)) {
	t.Helper()
	rb := recipeOf(t, name, "ranker")
	w := newWorld(t, source{name: name, recipe: rb, versions: versionsOf(name), served: serve, every: rb.Metrics.ScrapeInterval.Std(),
		scrape: shapeOf(t, name).scrape}, harm)
	w.rows = rows
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

// well says what is wrong while both versions do well: an effect, a level, or an alarm.
func (w *world) well() (problem string) {
	levels := map[string]float64{}
	for _, a := range w.answers(time.Time{}) {
		levels[a.Question] = a.Value
	}
	for _, t := range w.runbook.Triggers {
		b := w.confirm(t)
		if b.State != record.NotBreaching {
			return fmt.Sprintf("%s is %s: %s", t.Name, b.State, b.Problem)
		}
		if problem := cmp.Or(w.wrong(t, b.Value, 0), w.off(t, levels)); problem != "" {
			return problem
		}
		w.note(t, func(r *row) { r.level = level(t, levels) })
	}
	return w.unlike(time.Now())
}

// unlike says which KPI is not proved to be as it was before a moment: what is not known well
// enough while all is well cannot be proved to be back later.
func (w *world) unlike(wellAt time.Time) (problem string) {
	for _, a := range w.answers(wellAt) {
		if a.Business && a.Health != record.Good {
			return a.Text
		}
	}
	return ""
}

func (w *world) note(t runbook.Trigger, write func(*row)) {
	if r := w.rows[t.Name]; r != nil {
		write(r)
	}
}

// answers are those of all checks of the verification.
func (w *world) answers(wellAt time.Time) []record.Answer {
	return w.prom.Recovery(w.t.Context(), w.asks, w.release, wellAt)
}

// wrong says what is wrong with the effect that a trigger reads of the traffic; empty: nothing.
func (w *world) wrong(t runbook.Trigger, got, harm float64) string {
	factor, drop := 1.0, 1.0
	if harm > 0 {
		factor, drop = slower, fewer
	}
	switch t.Type {
	case runbook.ErrorRate:
		return near(t.Name, got, max(harm, unharmful), map[bool]float64{true: 0.1, false: fewErrors}[harm > 0])
	case runbook.AbsoluteSLO:
		return near(t.Name, got, share*max(harm, unharmful)+(1-share)*unharmful, map[bool]float64{true: 0.1, false: fewErrors}[harm > 0])
	case runbook.KPIDrop:
		return near(t.Name, got, drop, 0.1)
	case runbook.LatencyMean:
		if w.source.name == "torchserve" { // counts failures, and not how long they take
			factor *= 1 - harm
		}
		return near(t.Name, got, factor, 0.1)
	}
	l, _ := w.runbook.Metrics.LatencyOf(t.Latency)
	from, to := enclosing(l, p95(l))
	least, most := enclosing(l, p95(l)*factor)
	return between(t.Name, got, least/to, most/from)
}

// p95 is the true one in seconds, of a latency: vLLM's whole answers take twenty times as
// long as their first tokens.
func p95(l runbook.Latency) float64 {
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

// off says what is wrong with the level that the verification reads of what a trigger is about.
func (w *world) off(t runbook.Trigger, levels map[string]float64) string {
	got := level(t, levels)
	switch {
	case !w.checks(t):
		return ""
	case t.Type == runbook.KPIDrop:
		return near("the KPI's level", got, converts, 0.1)
	case t.Type == runbook.LatencyMean:
		return near("the mean latency", got, 0.1*math.Exp(spread*spread/2), 0.1)
	case t.Type == runbook.LatencyQuantile:
		l, _ := w.runbook.Metrics.LatencyOf(t.Latency)
		from, to := enclosing(l, p95(l))
		return between("the latency in seconds", got, from, to)
	}
	return near("the error rate", got, unharmful, fewErrors)
}

// level is what the verification reads of what a trigger is about: in seconds, or as a share.
func level(t runbook.Trigger, levels map[string]float64) float64 {
	switch t.Type {
	case runbook.KPIDrop:
		return levels["kpi "+t.KPI]
	case runbook.LatencyMean, runbook.LatencyQuantile:
		for question, v := range levels {
			if strings.Contains(question, "latency") {
				return v
			}
		}
	}
	return levels["error rate"]
}

func near(what string, got, want, tolerance float64) string {
	return between(what, got, want*(1-tolerance), want*(1+tolerance))
}

func between(what string, got, from, to float64) string {
	if got >= from && got <= to {
		return ""
	}
	return fmt.Sprintf("%s is %.4g, want %.4g to %.4g", what, got, from, to)
}

// missed says which trigger does not find the bad release, reads it wrongly, or is held back by
// a guard.
func (w *world) missed() string {
	for _, t := range w.runbook.Triggers {
		b := w.confirm(t)
		if b.State != record.Breaching {
			return fmt.Sprintf("%s is %s: %s (effect %g, significance %+v)", t.Name, b.State, b.Problem, b.Value, b.Significance)
		}
		w.note(t, func(r *row) { r.effect = b.Value })
		if problem := w.wrong(t, b.Value, harmful); problem != "" {
			return problem
		}
		if !t.Absolute() && (b.StableUnhealthy || b.StablePods < w.runbook.LastKnownGood.MinPods || b.CandidatePods < w.runbook.Policy.MinCandidatePods) {
			return fmt.Sprintf("%s would be held: %d stable and %d candidate pods, stable unhealthy: %t", t.Name, b.StablePods, b.CandidatePods, b.StableUnhealthy)
		}
	}
	return ""
}

// rollBack takes all traffic from the candidate.
func (w *world) rollBack() {
	w.release.Weight, w.release.WeightChangedAt = 0, time.Now()
	w.release.Moves = append(w.release.Moves, record.Move{At: time.Now(), From: 100 * share, To: 0})
}

// unproved says what is not proved of the recovery: no check may be pending.
func (w *world) unproved(wellAt time.Time) string {
	answers := append(w.answers(wellAt), w.prom.Drained(w.t.Context(), w.asks, w.release))
	health, why := verify.Judge(answers)
	if health == record.Good && len(verify.Pending(answers)) == 0 {
		return ""
	}
	return why
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
func page(t *testing.T, all map[string]map[string]*row) string {
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
			source := ""
			if i == 0 {
				source = fmt.Sprintf("[`%[1]s`](#%[1]s)", name)
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", source, trigger.Name, all[name][trigger.Name].cells(trigger))
		}
	}
	b.WriteString("\n## What each of them cannot tell\n")
	for _, name := range templates.Recipes() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", name, strings.TrimSpace(templates.Notes(name)))
	}
	return b.String()
}

func (r row) cells(t runbook.Trigger) string {
	recovered := "– (not checked)"
	if r.recovered > 0 {
		recovered = "yes, after " + r.recovered.String()
	}
	read := fmt.Sprintf("%.2g %%, then %.2g %%", 100*r.level, 100*r.effect)
	switch t.Type {
	case runbook.KPIDrop:
		read = fmt.Sprintf("%.2g %%, then × %.2g", 100*r.level, r.effect)
	case runbook.LatencyQuantile, runbook.LatencyMean:
		read = fmt.Sprintf("%.0f ms, then × %.2g", 1000*r.level, r.effect)
		if r.recovered == 0 {
			read = fmt.Sprintf("× %.2g", r.effect)
		}
	}
	return fmt.Sprintf("%s | yes, after %s | %s", read, r.found, recovered)
}
