package rules

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// FiringQuery asks for all firing alerts of autorollback in one query. Each series
// carries service, trigger, severity and, for comparative triggers, region and
// release. The watchdog's trigger is [WatchdogTrigger], a companion's [BlindTrigger];
// neither is a breach.
const FiringQuery = `ALERTS{autorollback="true",alertstate="firing"}`

// Values of the label trigger that no runbook may use as a trigger's name.
const (
	WatchdogTrigger = "watchdog" // always firing: its silence means the path to us is broken
	BlindTrigger    = "blind"    // one side of an open release has no data
)

// Questions are what the daemon may ask Prometheus about one service. Each is one
// instant query; values from a release appear only as quoted label values.
type Questions struct{ b *book }

// Ask prepares the questions of a runbook, and fails where [Compile] would.
func Ask(rb *runbook.Runbook) (Questions, error) {
	if _, err := Compile(rb); err != nil {
		return Questions{}, err
	}
	b, err := open(rb)
	if err != nil {
		return Questions{}, err
	}
	b.parsed = &memory{}
	return Questions{b}, nil
}

// mustParse is for texts whose parts have all been parsed or quoted before; that they
// parse whatever a release holds is what the fuzz test shows. An Expr that could not
// be parsed is the zero one, never a wrong one.
func (b *book) mustParse(text string) Expr {
	e, err := b.parse(text)
	if err != nil {
		return Expr{}
	}
	return e
}

// Breach is the trigger's own alert expression, restricted to the release. It
// answers with the effect (error share, ratio of quantiles, ratio of KPIs, or the
// level of an absolute limit) if and only if the trigger is breaching now. An unknown
// trigger is an error.
func (q Questions) Breach(trigger string, rel runbook.Release) (Expr, error) {
	t, ok := q.b.Trigger(trigger)
	if !ok {
		return Expr{}, fmt.Errorf("runbook %s has no trigger %q", q.b.Service, trigger)
	}
	return q.b.parse(q.b.breach(t, q.b.of(rel), rel.Region))
}

// Effect is the number of the trigger whether or not it breaches; empty means no data.
func (q Questions) Effect(trigger string, rel runbook.Release) (Expr, error) {
	t, ok := q.b.Trigger(trigger)
	if !ok {
		return Expr{}, fmt.Errorf("runbook %s has no trigger %q", q.b.Service, trigger)
	}
	if !t.Absolute() {
		return q.b.parse(q.b.effect(t, q.b.of(rel)))
	}
	w := q.b.window(t.For, q.b.inRegion(rel.Region))
	if t.Type == runbook.DistributionShift {
		return q.b.parse(w.fromReference(t))
	}
	if t.Ceiling > 0 {
		return q.b.parse(w.quantile(t.Quantile))
	}
	return q.b.parse(w.errorRate())
}

// Evidence is the log e-value behind a comparative trigger, the greatest of its
// windows; false for a trigger that has none.
func (q Questions) Evidence(trigger string, rel runbook.Release) (Expr, bool) {
	t, ok := q.b.Trigger(trigger)
	if !ok || !t.Proved() {
		return Expr{}, false
	}
	is := match("signal", q.b.signalOf(t).name)
	return q.b.mustParse(fmt.Sprintf("max(%s)", q.b.of(rel).rec(seriesEvidence, is))), true
}

// Age is the seconds since the newest recorded sample of this release; empty means
// that nothing was recorded. For a release without an id it is the age of the
// service's own newest sample.
func (q Questions) Age(rel runbook.Release) Expr {
	series := q.b.of(rel).rec(seriesRole)
	if rel.ID == "" {
		series = q.b.raw(q.b.Metrics.Requests.Counter, q.b.inRegion(rel.Region))
	}
	return q.b.mustParse(fmt.Sprintf("time() - max(timestamp(%s))", series))
}

// side is the matchers of one side's own series.
func (q Questions) side(rel runbook.Release, side runbook.Role) string {
	value := rel.Stable.Version
	if side == runbook.Candidate {
		value = rel.Candidate.Version
	}
	if t := q.b.Metrics.Track; t != nil {
		value = t.Stable
		if side == runbook.Candidate {
			value = t.Candidate
		}
	}
	out := match(sideLabel(q.b.Runbook), value)
	if region := q.b.inRegion(rel.Region); region != "" {
		out += "," + region
	}
	return out
}

// StableSick has at least one series if the stable side itself breaks an absolute
// limit of the runbook now: of verification, of an error_rate or absolute_slo trigger.
func (q Questions) StableSick(rel runbook.Release) Expr {
	w := q.window(q.side(rel, runbook.Stable))
	sick := []string{fmt.Sprintf("(%s > %s and %s >= %s)", w.errorRate(), num(q.b.errorLimit()), w.requests(), num(q.b.minRequests()))}
	for _, l := range q.b.latencyLimits() {
		sick = append(sick, fmt.Sprintf("(%s > %s and %s >= %s)", w.quantile(l.quantile), num(l.seconds), w.observed(), num(q.b.minObserved(l.quantile))))
	}
	return q.b.mustParse(strings.Join(sick, "\nor "))
}

// Pods is the number of pods of that side: always one series, 0 if there is none. A
// candidate's pod counts if it served anything in the last minutes, because the pod
// guard rests on such pods; a stable one if it is warm, see [Questions.Warm].
func (q Questions) Pods(rel runbook.Release, side runbook.Role) Expr {
	if side == runbook.Stable {
		return q.Warm(rel, side)
	}
	served := q.b.raw(q.b.Metrics.Requests.Counter, q.side(rel, side))
	return q.countPods(fmt.Sprintf("increase(%s[%s]) > 0", served, levelWindow))
}

// Warm is the number of pods of that side that could take traffic: the newest sample
// is fresh and, where the runbook names a health metric, says ready. Always one
// series, 0 if there is none.
func (q Questions) Warm(rel runbook.Release, side runbook.Role) Expr {
	matchers := q.side(rel, side)
	if health := q.b.LastKnownGood.Health; health != "" {
		return q.countPods(fmt.Sprintf("last_over_time(%s[%s]) == 1", q.b.raw(health, matchers), q.b.freshness()))
	}
	return q.countPods(fmt.Sprintf("last_over_time(%s[%s])", q.b.raw(q.b.Metrics.Requests.Counter, matchers), q.b.freshness()))
}

func (q Questions) countPods(series string) Expr {
	return q.b.mustParse(fmt.Sprintf("count(count by (%s) (%s)) or vector(0)", q.b.Metrics.PodLabel, series))
}

func (b *book) freshness() runbook.Duration {
	if d := b.LastKnownGood.MaxAge; d > 0 {
		return d
	}
	return 4 * b.Metrics.Interval
}

// Rate is the requests per second of that side over the verification window; 0 if
// its series stand still, empty if it has none.
func (q Questions) Rate(rel runbook.Release, side runbook.Role) Expr {
	series := q.b.raw(q.b.Metrics.Requests.Counter, q.side(rel, side))
	return q.b.mustParse(fmt.Sprintf("sum(rate(%s[%s]))", series, q.b.look()))
}

func (q Questions) window(where string) window { return q.b.window(q.b.look(), where) }

func (b *book) window(length runbook.Duration, where string) window {
	return window{b: b, where: where, length: length.String()}
}

// look is the verification window.
func (b *book) look() runbook.Duration {
	if w := b.Verification.Window; w > 0 {
		return w
	}
	return max(4*b.Metrics.Interval, leastBlind/2)
}
