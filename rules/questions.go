package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// FiringQuery asks for all firing alerts of autorollback in one query. Each series
// carries service, trigger, severity and, for comparative triggers, region and
// release. The watchdog's trigger is [WatchdogTrigger], a companion's [BlindTrigger];
// neither is a breach, and nor is what [DoctorTrigger] says.
const FiringQuery = `ALERTS{autorollback="true",alertstate="firing"}`

// Values of the label trigger that no runbook may use as a trigger's name.
const (
	WatchdogTrigger = "watchdog" // always firing: its silence means the path to us is broken
	BlindTrigger    = "blind"    // one side of an open release has no data
	DoctorTrigger   = "doctor"   // sent by autorollback doctor --fire; its label id says which
)

// Questions are what the daemon may ask Prometheus about one service. Each is one
// instant query; values from a release appear only as quoted label values.
type Questions struct{ b *compiler }

// Ask prepares the questions of a runbook, and fails where [Compile] would. It is cheap:
// names, matchers and the PromQL of triggers are checked, and each question is built and
// parsed when it is asked.
func Ask(rb *runbook.Runbook) (Questions, error) {
	b, err := open(rb)
	if err != nil {
		return Questions{}, fmt.Errorf("ask about runbook %s: %w", rb.Service, err)
	}
	return Questions{b}, nil
}

// levelWindow is for how long a candidate's pod counts that served something.
const levelWindow = "5m"

// mustParse is for texts whose parts have all been parsed or quoted before; that they
// parse whatever a release holds is what the fuzz test shows. An Expr that could not
// be parsed is the zero one, never a wrong one.
func (b *compiler) mustParse(text string) Expr {
	e, err := b.parse(text)
	if err != nil {
		return Expr{}
	}
	return e
}

// Gate is the trigger's effect gate now, asked of the service's own series of the two
// sides of the release: nothing that is recorded is read, nor what the daemon exports, so
// it can be asked while no rules are loaded. It answers with one series, the effect (error
// share, ratio of quantiles, ratio of KPIs, or the level of an absolute limit), if and
// only if the trigger breaches its gate now; whether that is significant is not asked. A
// trigger whose alert must be true for a time must have been so for that long: at every
// step of its window that was known, and that was most of them. An unknown trigger is an
// error.
func (q Questions) Gate(trigger string, rel record.Release) (Expr, error) {
	t, ok := q.b.Trigger(trigger)
	switch {
	case !ok:
		return Expr{}, fmt.Errorf("runbook %s has no trigger %q", q.b.Service, trigger)
	case t.Absolute():
		return q.b.parse(q.b.inSeconds(t, q.b.limit(t, rel.Region)))
	case t.Lasting():
		return q.b.parse(q.b.inSeconds(t, q.b.lasted(t, raw{q, rel})))
	}
	return q.b.parse(q.b.inSeconds(t, q.b.gate(t, raw{q, rel})))
}

// inSeconds makes seconds of a trigger's effect, if that is a time in another unit.
func (b *compiler) inSeconds(t runbook.Trigger, text string) string {
	return toSeconds(AlertUnit(b.Runbook, t), text)
}

// AlertUnit is the unit of the value of the trigger's alert, if that is a time: its metric's
// own. [Questions.Gate] and [Questions.Effect] answer in seconds whatever it is.
func AlertUnit(rb *runbook.Runbook, t runbook.Trigger) runbook.Unit {
	if l, ok := rb.Metrics.LatencyOf(t.Latency); ok && t.Ceiling > 0 && t.Increase == 0 {
		return l.Unit
	}
	return ""
}

// Effect is the number of the trigger whether or not it breaches, asked of the same
// series as [Questions.Gate]; empty means no data.
func (q Questions) Effect(trigger string, rel record.Release) (Expr, error) {
	t, ok := q.b.Trigger(trigger)
	switch {
	case !ok:
		return Expr{}, fmt.Errorf("runbook %s has no trigger %q", q.b.Service, trigger)
	case t.Absolute():
		return q.b.parse(q.b.inSeconds(t, kinds[t.Type].absolute(q.b, t).level(q.b.window(t.For, q.b.inRegion(rel.Region)))))
	}
	return q.b.parse(q.b.inSeconds(t, q.b.effect(t, raw{q, rel})))
}

// Age is the seconds since the newest sample of the service's request series of each side
// that should have traffic: the greater of the two. Empty means that one of them has
// none. For a release without an id it is the age of the service's own newest sample.
func (q Questions) Age(rel record.Release) Expr {
	newest := func(where ...string) string {
		return fmt.Sprintf("max(%s)", q.b.onSide(q.b.each(q.b.requests(), where, func(series string) string { return fmt.Sprintf("timestamp(%s)", series) }), where))
	}
	if rel.ID == "" {
		return q.b.mustParse("time() - " + newest(q.b.inRegion(rel.Region)))
	}
	stable, candidate := newest(q.side(rel, runbook.Stable)...), newest(q.side(rel, runbook.Candidate)...)
	switch {
	case rel.Weight <= 0:
		return q.b.mustParse("time() - " + stable)
	case rel.Weight >= 100:
		return q.b.mustParse("time() - " + candidate)
	}
	return q.b.mustParse(fmt.Sprintf("time() - clamp_max(%s, scalar(%s)) >= 0", candidate, stable))
}

// side is the matchers of one side's own series.
func (q Questions) side(rel record.Release, side runbook.Role) []string {
	value := version(rel, side)
	if t := q.b.Metrics.Track; t != nil {
		value = t.Stable
		if side == runbook.Candidate {
			value = t.Candidate
		}
	}
	return []string{match(q.b.Metrics.SideLabel(), value), q.b.inRegion(rel.Region)}
}

// drifting is the matcher of one side's drift gauges.
func (q Questions) drifting(rel record.Release, side runbook.Role) string {
	label, key := q.b.driftKey()
	if key == "version" {
		return match(label, version(rel, side))
	}
	return q.side(rel, side)[0]
}

func version(rel record.Release, side runbook.Role) string {
	if side == runbook.Candidate {
		return rel.Candidate.Version
	}
	return rel.Stable.Version
}

// StableUnhealthy has at least one series if the stable side itself breaks an absolute
// limit of the runbook now: of verification, of an error_rate or absolute_slo trigger.
func (q Questions) StableUnhealthy(rel record.Release) Expr {
	w := q.b.window(q.b.look(), q.side(rel, runbook.Stable)...)
	unhealthy := []string{fmt.Sprintf("(%s > %s and %s >= %s)", w.errorRate(), num(q.b.errorLimit()), w.requests(), num(q.b.minRequests()))}
	for _, l := range q.b.latencyLimits() {
		unhealthy = append(unhealthy, fmt.Sprintf("(%s > %s and %s >= %s)", w.latency(l.Latency, l.quantile), num(l.limit()), w.observed(l.Latency), num(q.b.minObserved(l.quantile))))
	}
	return q.b.mustParse(strings.Join(unhealthy, "\nor "))
}

// Pods is the number of pods of that side: always one series, 0 if there is none. A
// candidate's pod counts if it served anything in the last minutes, because the pod
// guard rests on such pods; a stable one if it is warm, see [Questions.Warm].
func (q Questions) Pods(rel record.Release, side runbook.Role) Expr {
	if side == runbook.Stable || q.b.Metrics.ByRouter() {
		return q.Warm(rel, side)
	}
	where := q.side(rel, side)
	served := q.b.each(q.b.requests(), where, func(series string) string { return fmt.Sprintf("increase(%s[%s]) > 0", series, levelWindow) })
	return q.countPods(q.b.onSide(served, where))
}

// Warm is the number of pods of that side that could take traffic: the newest sample
// is fresh and, where the runbook names a health metric, says ready. Always one
// series, 0 if there is none.
func (q Questions) Warm(rel record.Release, side runbook.Role) Expr {
	matchers := q.side(rel, side)
	if h := q.b.LastKnownGood.Health; h.Named() {
		ready := fmt.Sprintf("last_over_time(%s[%s]) %s", q.b.series(q.b.of(h.Series()), matchers...), q.b.freshness(), h.Condition())
		return q.countPods(q.b.onSide(ready, matchers))
	}
	fresh := q.b.each(q.b.requests(), matchers, func(series string) string { return fmt.Sprintf("last_over_time(%s[%s])", series, q.b.freshness()) })
	return q.countPods(q.b.onSide(fresh, matchers))
}

func (q Questions) countPods(series string) Expr {
	return q.b.mustParse(fmt.Sprintf("count(%s) or vector(0)", q.b.eachPod(series)))
}

// eachPod has one series for each pod. Routers tell which router counted by the pod label:
// of what they say of pods, everything else tells these apart.
func (b *compiler) eachPod(series string) string {
	if b.Metrics.ByRouter() {
		return fmt.Sprintf("count without (%s) (%s)", runbook.LabelNames(append([]string{b.Metrics.PodLabel}, b.Metrics.IgnoreLabels...)...), series)
	}
	return fmt.Sprintf("count by (%s) (%s)", runbook.LabelName(b.Metrics.PodLabel), series)
}

func (b *compiler) freshness() runbook.Duration {
	if d := b.LastKnownGood.MaxAge; d > 0 {
		return d
	}
	return 4 * b.Metrics.Step()
}

// Rate is the requests per second of that side over the verification window; 0 if
// its series stand still, empty if it has none.
func (q Questions) Rate(rel record.Release, side runbook.Role) Expr {
	return q.b.mustParse(q.b.window(q.b.look(), q.side(rel, side)...).rate(q.b.requests()))
}

// look is the verification window.
func (b *compiler) look() runbook.Duration {
	if w := b.Verification.Window; w > 0 {
		return w
	}
	return max(4*b.Metrics.Step(), leastBlind/2)
}

// Interval is the scrape and rule evaluation interval of the service.
func (q Questions) Interval() time.Duration { return q.b.Metrics.Step().Std() }

// Window is the range that Rate and Recovery look back.
func (q Questions) Window() time.Duration { return q.b.look().Std() }

// Over returns the same questions with Rate and Recovery looking back over window
// instead of the runbook's verification window. It is rounded up to whole milliseconds.
func (q Questions) Over(window time.Duration) Questions {
	b, rb := *q.b, *q.b.Runbook
	rb.Verification.Window = runbook.Duration((window + time.Millisecond - 1).Truncate(time.Millisecond))
	b.Runbook = &rb
	return Questions{&b}
}

// Pairing counts the pods of one side by what they say they serve; false if the
// runbook does not say how they tell it.
func (q Questions) Pairing(rel record.Release, side runbook.Role) (Expr, bool) {
	p := q.b.Verification.Pairing
	if p == nil {
		return Expr{}, false
	}
	where := q.side(rel, side)
	told := q.b.onSide(q.b.Metrics.Once(q.b.series(q.b.of(runbook.Selection{Counter: p.Metric, Where: p.Where}), where...)), where)
	return q.b.mustParse(fmt.Sprintf("count by (%s) (%s)", runbook.LabelNames(p.Labels()...), told)), true
}

// errorLimit is the lowest error share that the runbook calls too much for any
// version, 1 if it names none.
func (b *compiler) errorLimit() float64 {
	least := 1.0
	if v := float64(b.Verification.System.ErrorRate.Below); v > 0 {
		least = v
	}
	for _, t := range b.Triggers {
		if t.Above > 0 && t.Type != runbook.SchemaMismatch {
			least = min(least, float64(t.Above))
		}
	}
	return least
}

// A latencyLimit is a quantile that no version may exceed; 0 is the mean.
type latencyLimit struct {
	runbook.Latency
	quantile float64
	most     runbook.Duration
}

// limit is in the metric's own unit.
func (l latencyLimit) limit() float64 { return l.Unit.Of(l.most) }

// latencyLimits are the lowest limits for each latency and quantile, ascending.
func (b *compiler) latencyLimits() []latencyLimit {
	var out []latencyLimit
	add := func(name string, q float64, most runbook.Duration) {
		l, ok := b.Metrics.LatencyOf(name)
		if most <= 0 || !ok || q <= 0 && !l.IsMean() {
			return
		}
		if i := slices.IndexFunc(out, func(o latencyLimit) bool { return o.quantile == q && o.Name == l.Name }); i >= 0 {
			out[i].most = min(out[i].most, most)
			return
		}
		out = append(out, latencyLimit{l, q, most})
	}
	if c := b.Verification.System.Latency; c != nil {
		add(c.Latency, c.Quantile, c.Below)
	}
	for _, t := range b.Triggers {
		add(t.Latency, t.Quantile, t.Ceiling)
	}
	slices.SortStableFunc(out, func(a, b latencyLimit) int {
		return cmp.Or(cmp.Compare(a.quantile, b.quantile), cmp.Compare(a.Name, b.Name))
	})
	return out
}
