package verify

import (
	"fmt"
	"math"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// A measure is one check's numbers. Before and limit are NaN where unknown.
type measure struct {
	check         rules.Recovery
	window        time.Duration
	problem       string
	value         float64
	hasValue      bool
	samples       float64
	before, limit float64
	then          float64 // trials behind before, of a business check
	variance      float64 // of one trial, where the check is of a mean
	stablePods    int
}

func (m measure) judge() (record.Health, string) {
	switch {
	case m.problem != "":
		return m.unknown(m.problem)
	case m.stablePods <= 0:
		return m.unknown("no pod of the stable side reports")
	case !m.hasValue:
		return m.unknown("no data in the last " + runbook.Seconds(m.window.Seconds()))
	case m.samples < m.check.MinSamples:
		return m.unknown(fmt.Sprintf("%s %s in the last %s, %s needed",
			count(m.samples), m.noun(), runbook.Seconds(m.window.Seconds()), count(m.check.MinSamples)))
	case m.isMean() && math.IsNaN(m.variance):
		return m.unknown(m.level() + "; the counter of squares has no data, so nobody knows how far chance moves it")
	case math.IsNaN(m.limit):
		return m.unknown(m.level() + "; no level before to compare with")
	case m.check.Business:
		return m.judgeBusiness()
	case m.breaks():
		return record.Bad, m.sentence()
	}
	return record.Good, m.sentence()
}

// judgeBusiness asks for proof both ways: with too few trials, now or before, a KPI is neither
// back nor gone.
func (m measure) judgeBusiness() (record.Health, string) {
	need := m.trials()
	switch worth := m.equalTrials(); {
	case worth >= need && !m.breaks():
		return record.Good, m.sentence()
	case worth >= need, m.breaks() && m.provenBelow():
		return record.Bad, m.sentence()
	case math.IsInf(need, 0):
		return record.Unknown, m.sentence() + "; cannot be proved: no level before to compare with"
	case m.then < m.samples: // the window of the level before grows as well, if there was traffic
		return record.Unknown, fmt.Sprintf("%s of %s trials; cannot be proved yet: %s trials needed, now and before",
			m.sentence(), count(m.then), count(need))
	default:
		return record.Unknown, fmt.Sprintf("%s; cannot be proved yet: %s trials needed, at this traffic %s",
			m.sentence(), count(need), runbook.Seconds(need/worth*m.window.Seconds()))
	}
}

// equalTrials is how many trials each of two samples of equal size would need, to tell as much
// as those now and those before: their harmonic mean.
func (m measure) equalTrials() float64 { return 2 / (1/m.samples + 1/m.then) }

func (m measure) isMean() bool { return !m.check.Variance.IsZero() }

func (m measure) trials() float64 {
	if m.isMean() {
		return MeanTrials(m.before, m.limit, m.variance)
	}
	return Trials(m.before, m.limit)
}

func (m measure) provenBelow() bool {
	if m.isMean() {
		return provenMeanBelow(m.value, m.limit, m.variance, m.equalTrials())
	}
	return provenBelow(m.value, m.limit, m.equalTrials())
}

func (m measure) breaks() bool {
	if m.check.Floor {
		return m.value < m.limit
	}
	return m.value > m.limit
}

func (m measure) unknown(why string) (record.Health, string) {
	return record.Unknown, fmt.Sprintf("%s: cannot tell: %s", m.check.Name, why)
}

func (m measure) level() string {
	return fmt.Sprintf("%s %s of %s %s", m.check.Name, runbook.Quantity(m.value, m.check.Unit), count(m.samples), m.noun())
}

func (m measure) noun() string {
	if m.check.Business {
		return "trials"
	}
	return "requests"
}

func (m measure) sentence() string {
	before := "the level before is not known, the absolute limit alone counts"
	if !math.IsNaN(m.before) {
		before = "before " + runbook.Quantity(m.before, m.check.Unit)
	}
	return fmt.Sprintf("%s; limit %s; %s", m.level(), runbook.Quantity(m.limit, m.check.Unit), before)
}

// count writes a number of requests, trials or pods.
func count(n float64) string { return runbook.Figure(math.Round(n)) }
