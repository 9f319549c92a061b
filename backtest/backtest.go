package backtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	promrules "github.com/prometheus/prometheus/rules"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// A Backtest replays a service's generated rules over its past.
type Backtest struct {
	Runbook   *runbook.Runbook
	Source    Source
	From, To  time.Time
	Releases  []PastRelease
	Derived   bool           // the releases were found in the traffic
	Incidents []RealIncident // nil: no list was given; empty: nothing was wrong
	Tolerance time.Duration  // how far an alert may be from an incident to count as a hit
	Factors   []float64      // thresholds are also tried multiplied by these
	Progress  Progress       // may be nil
}

// A Report is what a backtest found.
type Report struct {
	Service   string          `json:"service"`
	From      time.Time       `json:"from"`
	To        time.Time       `json:"to"`
	Interval  string          `json:"interval"`
	Observes  bool            `json:"observes"` // the runbook's mode is observe; decisions are those of active
	Derived   bool            `json:"releases_derived"`
	Releases  []PastRelease   `json:"releases"`
	Triggers  []TriggerReport `json:"triggers"`
	Firings   []Firing        `json:"firings"`
	Judged    bool            `json:"judged"` // a list of incidents was given
	Incidents []RealIncident  `json:"incidents"`
	Warnings  []string        `json:"warnings,omitempty"`
	Speed     Speed           `json:"speed"`
}

// A TriggerReport is one trigger over the whole period.
type TriggerReport struct {
	Trigger   string `json:"trigger"`
	Severity  string `json:"severity"`
	Threshold string `json:"threshold"`
	Tally
	Sensitivity []Variant `json:"sensitivity,omitempty"`

	curve []point
	limit float64
	has   bool // limit is a number

}

// A Variant is a trigger with its number multiplied.
type Variant struct {
	Factor    float64 `json:"factor"`
	Threshold string  `json:"threshold"`
	Tally
}

// Speed is how fast the replay was.
type Speed struct {
	Days          float64 `json:"days"`
	Seconds       float64 `json:"seconds"`
	DaysPerMinute float64 `json:"days_per_minute"`
	Evaluations   int     `json:"evaluations"`
}

// A variant is the runbook with other thresholds, on its own series or on those of
// the runbook itself.
type variant struct {
	factor  float64
	group   rules.Group
	firings *firings
	alerts  []*promrules.Group // evaluated in the runbook's own world
	world   *world             // or in one of its own
}

// Run replays. What it writes is in a temporary folder, which is gone afterwards.
func (b Backtest) Run(ctx context.Context) (Report, error) {
	began := time.Now()
	if err := b.check(); err != nil {
		return Report{}, err
	}
	g, err := rules.Compile(b.Runbook)
	if err != nil {
		return Report{}, err
	}
	h := history{source: b.Source, from: b.From, to: b.To}
	if h.need, err = needs(b.Runbook, g); err != nil {
		return Report{}, err
	}
	dir, err := os.MkdirTemp("", "autorollback-backtest-")
	if err != nil {
		return Report{}, fmt.Errorf("make scratch folder: %w", err)
	}
	defer os.RemoveAll(dir)
	r, err := b.prepare(dir, g)
	if err != nil {
		return Report{}, err
	}
	defer r.close()
	r.begins = h.begin()
	if err := r.replay(ctx, h); err != nil {
		return Report{}, err
	}
	return r.report(time.Since(began)), nil
}

func (b Backtest) check() error {
	if !b.From.Before(b.To) {
		return fmt.Errorf("the period ends at %s, not after its beginning %s", b.To.Format(time.RFC3339), b.From.Format(time.RFC3339))
	}
	regions := b.Runbook.Regions
	for _, r := range b.Releases {
		if len(regions) > 0 && !slices.Contains(regions, r.Region) {
			return fmt.Errorf("release %s: region %q is none of the runbook's %v", r.ID, r.Region, regions)
		}
	}
	return nil
}

// A replaying is a backtest under way.
type replaying struct {
	Backtest
	group    rules.Group
	world    *world
	firings  *firings
	officer  *officer
	curves   *curves
	variants []*variant
	begins   time.Time     // where the reading begins
	gap      time.Duration // between samples
	samples  int
}

func (b Backtest) prepare(dir string, g rules.Group) (*replaying, error) {
	r := &replaying{Backtest: b, group: g, firings: newFirings(b.Runbook, g)}
	var err error
	if r.world, err = openWorld(dir, "own", b.Runbook, g, b.Releases); err != nil {
		return nil, err
	}
	if r.officer, err = newOfficer(r.world, b.Runbook); err != nil {
		return nil, err
	}
	r.curves = newCurves(r.world, r.officer.questions, b.From, b.To)
	for _, factor := range b.Factors {
		v, err := r.vary(dir, factor)
		if err != nil {
			return nil, fmt.Errorf("thresholds times %g: %w", factor, err)
		}
		r.variants = append(r.variants, v)
	}
	return r, nil
}

func openWorld(dir, name string, rb *runbook.Runbook, g rules.Group, releases []PastRelease) (*world, error) {
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	return newWorld(dir, rb, g, releases)
}

func (r *replaying) vary(dir string, factor float64) (*variant, error) {
	rb := scaled(r.Runbook, factor)
	g, err := rules.Compile(rb)
	if err != nil {
		return nil, err
	}
	v := &variant{factor: factor, group: g, firings: newFirings(rb, g)}
	if onlyAlerts(r.group, g) && sameSignificance(r.Runbook, rb) {
		v.alerts, err = r.world.load(fmt.Sprintf("times-%g", factor), alertsOf(g, factor))
		return v, err
	}
	v.world, err = openWorld(dir, fmt.Sprintf("times-%g", factor), rb, g, r.Releases)
	return v, err
}

func (r *replaying) close() {
	r.world.close()
	for _, v := range r.variants {
		if v.world != nil {
			v.world.close()
		}
	}
}

func (r *replaying) replay(ctx context.Context, h history) error {
	walkers := []walker{r.own}
	for _, v := range r.variants {
		if v.world != nil {
			walkers = append(walkers, func(ctx context.Context, chunk []Stretch, from, to time.Time) error {
				return v.world.pass(ctx, chunk, from, to, r.From, func(now time.Time) error {
					v.firings.look(v.world.groups(), now)
					return nil
				})
			})
		}
	}
	return h.walk(ctx, func(until time.Time) {
		r.Progress.tell(until.Sub(h.begin()), r.To.Sub(h.begin()), fmt.Sprintf("%d alerts so far", len(r.firings.all)))
	}, walkers...)
}

// own is the walk of the runbook as it is, with the variants that need no series of
// their own.
func (r *replaying) own(ctx context.Context, chunk []Stretch, from, to time.Time) error {
	r.samples += len(chunk)
	if r.gap == 0 {
		r.gap = scrapeGap(chunk)
	}
	return r.world.pass(ctx, chunk, from, to, r.From, func(now time.Time) error {
		for _, f := range r.firings.look(r.world.groups(), now) {
			r.officer.decide(ctx, f, now)
		}
		r.curves.look(ctx, now, r.firings.active)
		for _, v := range r.variants {
			if v.world == nil {
				r.world.run(ctx, v.alerts, now)
				v.firings.look(v.alerts, now)
			}
		}
		return nil
	})
}

func (w *world) groups() []*promrules.Group { return slices.Concat(w.always, w.inFlight) }
