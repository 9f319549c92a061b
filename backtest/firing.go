package backtest

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	promrules "github.com/prometheus/prometheus/rules"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// A Firing is one alert from its first evaluation to its last.
type Firing struct {
	Trigger  string    `json:"trigger"`
	Severity string    `json:"severity"`
	Region   string    `json:"region,omitempty"`
	Release  string    `json:"release,omitempty"` // empty: no release was in flight, or the trigger asks about all versions
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Still    bool      `json:"still,omitempty"` // it had not ended at the period's end
	Value    float64   `json:"value"`           // the effect when it began, in seconds if it is a time
	Worst    float64   `json:"worst"`           // the effect farthest beyond the threshold
	// What the daemon would have asked and decided when it began, had the runbook been
	// armed. Nil for the blind companion, of which a human is told.
	Breach   *record.Breach   `json:"breach,omitempty"`
	Decision *record.Decision `json:"decision,omitempty"`
	Verdict  Match            `json:"match"` // beside the real incidents
	Incident string           `json:"incident,omitempty"`
	Lead     float64          `json:"lead_seconds,omitempty"` // hit: from the incident's start to the alert; negative: before it
}

// firings follows the alerts of some rule groups.
type firings struct {
	falls  map[string]bool    // triggers that breach below their threshold
	scale  map[string]float64 // what an alert's value is divided by, so that times are in seconds
	active map[string]*Firing
	all    []*Firing
}

func newFirings(rb *runbook.Runbook, g rules.Group) *firings {
	f := &firings{falls: map[string]bool{}, scale: map[string]float64{}, active: map[string]*Firing{}}
	for _, t := range rb.Triggers {
		f.scale[t.Name] = rules.AlertUnit(rb, t).PerSecond()
	}
	for _, r := range g.Rules {
		if r.Alert != "" {
			f.falls[r.Labels["trigger"]] = strings.HasPrefix(thresholdText(r), "<")
		}
	}
	return f
}

func thresholdText(r rules.Rule) string { return r.Annotations["autorollback_threshold"] }

// threshold is the number of an alert's threshold, in seconds if it is a time; false if it
// has none.
func threshold(r rules.Rule) (float64, bool) {
	number, unit, _ := strings.Cut(strings.TrimLeft(thresholdText(r), "<>= "), " ")
	v, err := strconv.ParseFloat(number, 64)
	if per := runbook.Unit(unit).PerSecond(); unit == "" || per > 1 {
		return v / per, err == nil
	}
	return 0, false
}

// look notes what fires now and returns what began.
func (f *firings) look(groups []*promrules.Group, now time.Time) []*Firing {
	var began []*Firing
	seen := map[string]bool{}
	for _, g := range groups {
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if a.State != promrules.StateFiring {
					continue
				}
				one := Firing{Trigger: a.Labels.Get("trigger"), Severity: a.Labels.Get("severity"),
					Region: a.Labels.Get("region"), Release: a.Labels.Get("release"), From: now.UTC()}
				one.Value = a.Value / cmp.Or(f.scale[one.Trigger], 1)
				one.Worst = one.Value
				key := strings.Join([]string{one.Trigger, one.Severity, one.Region, one.Release, a.Labels.Get("role")}, "\x00")
				seen[key] = true
				known, ok := f.active[key]
				if !ok {
					known = &one
					f.active[key], f.all = known, append(f.all, known)
					began = append(began, known)
				}
				known.To = now.UTC()
				known.Worst = f.worse(known.Trigger, known.Worst, one.Value)
			}
		}
	}
	for key := range f.active {
		if !seen[key] {
			delete(f.active, key)
		}
	}
	slices.SortFunc(began, func(a, b *Firing) int { return cmp.Compare(a.Trigger+a.Region, b.Trigger+b.Region) })
	return began
}

func (f *firings) worse(trigger string, a, b float64) float64 {
	if f.falls[trigger] {
		return math.Min(a, b)
	}
	return math.Max(a, b)
}

// list ends the book: what fires now had not ended.
func (f *firings) list() []Firing {
	for _, one := range f.active {
		one.Still = true
	}
	out := make([]Firing, 0, len(f.all))
	for _, one := range f.all {
		out = append(out, *one)
	}
	slices.SortStableFunc(out, func(a, b Firing) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Trigger, b.Trigger))
	})
	return out
}
