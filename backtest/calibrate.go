package backtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow/stat"
)

// promised is the chance that a good release ever fires, over all its triggers with
// significance together; the rules are built for it. Triggers without promise nothing.
const promised = 0.01

// A Calibration runs releases in which nothing was released: random pods of the
// stable version pose as the candidate, in real history. Whatever then fires is a
// false alarm.
type Calibration struct {
	Runbook  *runbook.Runbook
	Source   Source
	From, To time.Time
	Length   time.Duration // of one trial
	Draws    int           // trials at the same time, each with other pods
	Share    float64       // of the pods that pose, at least two
	Seed     uint64
	Progress Progress // may be nil
}

// A CalibrationReport is what the trials found.
type CalibrationReport struct {
	Service    string             `json:"service"`
	From       time.Time          `json:"from"`
	To         time.Time          `json:"to"`
	Length     string             `json:"trial_length"`
	Seed       uint64             `json:"seed"`
	Trials     int                `json:"trials"`
	Promised   float64            `json:"promised_rate"`
	Any        Rate               `json:"any_with_significance"` // trials in which any trigger with significance fired
	Triggers   []Rate             `json:"triggers"`
	Blind      Rate               `json:"blind"` // not a false alarm: a side without data
	Dispersion []Dispersion       `json:"dispersion"`
	Alarms     []CalibrationAlarm `json:"alarms"`
	Skipped    []string           `json:"skipped,omitempty"`
	Warnings   []string           `json:"warnings,omitempty"`
	Speed      Speed              `json:"speed"`
}

// A Rate is in how many trials a trigger fired, with the exact (Clopper–Pearson)
// 95 % interval.
type Rate struct {
	Trigger string  `json:"trigger"`
	Fired   int     `json:"fired"`
	Trials  int     `json:"trials"`
	Rate    float64 `json:"rate"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
}

// Dispersion is how much more the stable pods differ by a trigger's count than chance says:
// 1 is chance, and 2 is what is assumed with fewer than three stable pods. The
// significance is divided by it.
type Dispersion struct {
	Trigger string  `json:"trigger"`
	Looks   int     `json:"looks"`
	Median  float64 `json:"median"`
	P90     float64 `json:"p90"`
	Max     float64 `json:"max"`
}

// A CalibrationAlarm is one false alarm, with the pods that posed.
type CalibrationAlarm struct {
	Firing
	Posing []string `json:"posing"`
}

// Worse reports whether the trials prove that the rules fire more often than they
// promise.
func (r CalibrationReport) Worse() bool { return r.Any.Low > r.Promised }

// Run runs the trials, one stretch of history after the other.
func (c Calibration) Run(ctx context.Context) (CalibrationReport, error) {
	began := time.Now()
	if c.Length <= c.Runbook.Metrics.Warmup.Std() || c.Draws < 1 || c.Share <= 0 || c.Share >= 1 {
		return CalibrationReport{}, fmt.Errorf("a trial of %s, %d at a time, with a share of %g cannot be run; take more than the warm-up %s, at least one, and a share between 0 and 1",
			c.Length, c.Draws, c.Share, c.Runbook.Metrics.Warmup)
	}
	g, err := rules.Compile(c.Runbook)
	if err != nil {
		return CalibrationReport{}, err
	}
	n, err := needs(c.Runbook, g)
	if err != nil {
		return CalibrationReport{}, err
	}
	s := &trials{Calibration: c, group: g, need: n, fired: map[string]int{}, phi: map[string][]float64{}}
	for i := 0; ; i++ {
		from := c.From.Add(time.Duration(i) * c.Length)
		to := from.Add(c.Length)
		if to.After(c.To) {
			break
		}
		if err := s.stretch(ctx, i, from, to); err != nil {
			return CalibrationReport{}, err
		}
	}
	return s.report(time.Since(began)), nil
}

// trials are a calibration under way.
type trials struct {
	Calibration
	group    rules.Group
	need     need
	count    int
	fired    map[string]int // by trigger: trials; "" is any with significance
	phi      map[string][]float64
	alarms   []CalibrationAlarm
	skipped  []string
	warnings []string
	evals    int
}

// A trial is one draw of pods over one stretch of history.
type trial struct {
	draw    draw
	world   *world
	firings *firings
	phi     map[string][]float64
	next    time.Time
}

func (s *trials) stretch(ctx context.Context, number int, from, to time.Time) error {
	h := history{source: s.Source, need: s.need, from: from, to: to}
	casts, err := casting(ctx, s.Source, s.Runbook, h)
	if err != nil {
		return err
	}
	if len(casts) == 0 {
		s.skipped = append(s.skipped, from.UTC().Format(time.RFC3339)+": no pods to draw from")
	}
	casts = slices.DeleteFunc(casts, func(c cast) bool {
		few := len(c.pods) < 2*leastSide
		if few {
			s.skipped = append(s.skipped, fmt.Sprintf("%s, region %s: %s has %d pods, and %d are needed", from.UTC().Format(time.RFC3339), c.region, c.version, len(c.pods), 2*leastSide))
		}
		return few
	})
	if len(casts) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "autorollback-calibrate-")
	if err != nil {
		return fmt.Errorf("make scratch folder: %w", err)
	}
	defer os.RemoveAll(dir)
	var all []*trial
	var walkers []walker
	for i := range s.Draws {
		t, err := s.trial(dir, number*s.Draws+i, casts, from, to)
		if err != nil {
			return err
		}
		defer t.world.close()
		all, walkers = append(all, t), append(walkers, t.walk(from))
	}
	err = h.walk(ctx, func(until time.Time) {
		s.Progress.tell(until.Sub(s.From), s.To.Sub(s.From), fmt.Sprintf("%d trials, %d false alarms so far", s.count, s.fired[""]))
	}, walkers...)
	if err != nil {
		return err
	}
	for _, t := range all {
		s.add(t, casts)
	}
	return nil
}

func (s *trials) trial(dir string, number int, casts []cast, from, to time.Time) (*trial, error) {
	d := deal(s.Runbook, casts, s.Share, s.Seed, number)
	var releases []PastRelease
	for _, c := range casts {
		percent := runbook.Weight(100 * posing(len(c.pods), s.Share) / len(c.pods))
		releases = append(releases, PastRelease{ID: fmt.Sprintf("aa-%d", number), Region: c.region, Stable: c.version, Candidate: poser,
			Start: from, End: to.Add(time.Hour), Weights: []Weight{{from, percent}}})
	}
	w, err := openWorld(dir, fmt.Sprint(number), s.Runbook, s.group, releases)
	if err != nil {
		return nil, err
	}
	w.pose, w.always = d.poses, nil // what asks about all versions is not on trial
	return &trial{draw: d, world: w, firings: newFirings(d.rb, s.group), phi: map[string][]float64{}, next: from}, nil
}

// phiEvery is how often the dispersion is looked at.
const phiEvery = 5 * time.Minute

func (t *trial) walk(judge time.Time) walker {
	return func(ctx context.Context, chunk []Stretch, from, to time.Time) error {
		return t.world.pass(ctx, chunk, from, to, judge, func(now time.Time) error {
			t.firings.look(t.world.groups(), now)
			if now.Before(t.next) {
				return nil
			}
			t.next = now.Add(phiEvery)
			for _, o := range t.world.observed {
				for trigger, r := range o.results {
					t.phi[trigger] = append(t.phi[trigger], r.Dispersion)
				}
			}
			return nil
		})
	}
}

// add counts a trial: each region is one.
func (s *trials) add(t *trial, casts []cast) {
	s.count += len(casts)
	s.evals += t.world.evals
	s.warnings = append(s.warnings, t.world.warnings()...)
	for trigger, values := range t.phi {
		s.phi[trigger] = append(s.phi[trigger], values...)
	}
	seen := map[[2]string]bool{}
	for _, f := range t.firings.list() {
		var posing []string
		for _, pod := range slices.Sorted(maps.Keys(t.draw.listed[f.Region])) {
			if t.draw.listed[f.Region][pod] {
				posing = append(posing, pod)
			}
		}
		s.alarms = append(s.alarms, CalibrationAlarm{f, posing})
		if !seen[[2]string{f.Trigger, f.Region}] {
			seen[[2]string{f.Trigger, f.Region}] = true
			s.fired[f.Trigger]++
		}
		t, _ := s.Runbook.Trigger(f.Trigger)
		if whole := [2]string{"", f.Region}; t.Proved() && !seen[whole] {
			seen[whole] = true
			s.fired[""]++
		}
	}
}

func (s *trials) report(took time.Duration) CalibrationReport {
	days := float64(s.count) * s.Length.Hours() / 24
	r := CalibrationReport{Service: s.Runbook.Service, From: s.From.UTC(), To: s.To.UTC(), Length: runbook.Duration(s.Length).String(), Seed: s.Seed,
		Trials: s.count, Promised: promised, Any: s.rate(""), Blind: s.rate(rules.BlindTrigger), Alarms: s.alarms, Skipped: s.skipped, Warnings: s.warnings,
		Speed: Speed{Days: days, Seconds: took.Seconds(), DaysPerMinute: days / took.Minutes(), Evaluations: s.evals}}
	for _, rule := range s.group.Rules {
		if t := rule.Labels["trigger"]; rule.Alert != "" && t != rules.BlindTrigger && standsOnOurs(rule.Expr) {
			r.Triggers = append(r.Triggers, s.rate(t))
		}
	}
	for _, trigger := range slices.Sorted(maps.Keys(s.phi)) {
		r.Dispersion = append(r.Dispersion, dispersion(trigger, s.phi[trigger]))
	}
	if s.count == 0 {
		r.Warnings = append(r.Warnings, "no trial was run: check the period, --length, and the number of pods of the stable version")
	}
	return r
}

func (s *trials) rate(trigger string) Rate {
	r := Rate{Trigger: cmp.Or(trigger, "any with significance"), Fired: s.fired[trigger], Trials: s.count}
	r.Low, r.High = stat.ShareBounds(int64(r.Fired), int64(r.Trials), (1-confidence)/2)
	if r.Trials > 0 {
		r.Rate = float64(r.Fired) / float64(r.Trials)
	}
	return r
}

func dispersion(trigger string, values []float64) Dispersion {
	slices.Sort(values)
	at := func(q float64) float64 { return values[int(math.Round(q*float64(len(values)-1)))] }
	return Dispersion{Trigger: trigger, Looks: len(values), Median: at(0.5), P90: at(0.9), Max: values[len(values)-1]}
}
