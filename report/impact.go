package report

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// impact appends what users got: what was counted once the candidate was drained, and until then how
// many requests it was sent.
func impact(f []fact, inc record.Incident, rb *runbook.Runbook, now time.Time) []fact {
	x := inc.Impact
	switch {
	case x == nil:
		return add(f, "Impact", reached(inc, rb, now))
	case x.Problem != "":
		return add(f, "Impact", joinedBy("; ", reached(inc, rb, now), "not counted: "+x.Problem))
	}
	for _, l := range x.Losses {
		f = add(f, "Impact: "+lossName(l), lossWords(l, stableName(inc)))
	}
	how := fmt.Sprintf("from about %s to %s, the candidate against %s at the same time; bounds of 95 %%",
		clock(x.From), clock(x.Until), stableName(inc))
	return add(f, "Impact counted", how)
}

func joinedBy(sep string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, sep)
}

func stableName(inc record.Incident) string { return cmp.Or(inc.Stable.Version, "stable") }

func lossName(l record.Loss) string {
	switch l.Kind {
	case record.Failures:
		return "failed requests"
	case record.Slow:
		return joinedBy(" ", "slow requests", l.Name)
	}
	return l.Name
}

// directions are the words for harm and for its opposite.
func directions(l record.Loss) (harm, good string) {
	switch l.Kind {
	case record.Missed:
		return "fewer", "more"
	case record.Value:
		return "less", "more"
	}
	return "more", "fewer"
}

// lossWords say a loss with its bounds, and so whether there was one at all.
func lossWords(l record.Loss, stable string) string {
	word, good := directions(l)
	if l.Low <= 0 && l.High >= 0 {
		return fmt.Sprintf("no more than chance beside %s's rate (%s %s to %s %s)%s", stable,
			amount(l, -l.Low), good, amount(l, l.High), word, among(l))
	}
	if l.High < 0 {
		word, l.Excess, l.Low, l.High = good, -l.Excess, -l.High, -l.Low
	}
	return fmt.Sprintf("%s %s than at %s's rate (%s to %s)%s", amount(l, l.Excess), word, stable,
		amount(l, l.Low), amount(l, l.High), among(l))
}

// amount is a number of requests or successes, or a value in its unit.
func amount(l record.Loss, v float64) string {
	if l.Kind == record.Value {
		return joinedBy(" ", runbook.Figure(v), l.Unit)
	}
	return runbook.Figure(math.Round(v))
}

// among says of how many the loss is, and what is slow.
func among(l record.Loss) string {
	all := runbook.Figure(math.Round(l.All))
	switch l.Kind {
	case record.Failures:
		return ", of " + all
	case record.Slow:
		return fmt.Sprintf(", of %s; slow is above the stable p%s of that time, %s", all,
			runbook.Figure(l.Quantile*100), runbook.Seconds(l.Limit))
	}
	return ", in " + all + " trials"
}

// impactLine says in a message what was lost beyond what chance explains.
func impactLine(inc record.Incident) string {
	if inc.Impact == nil {
		return ""
	}
	var out []string
	for _, l := range inc.Impact.Losses {
		if word, _ := directions(l); l.Low > 0 {
			out = append(out, fmt.Sprintf("%s: %s %s (%s to %s)", plain(lossName(l), 100), amount(l, l.Excess), word,
				amount(l, l.Low), amount(l, l.High)))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "Impact, against " + word(stableName(inc)) + " at the same time: " + strings.Join(out, ", ") + "."
}

// reached estimates how many requests the candidate answered while it was bad: its
// rate when it was confirmed, times the time until it was drained.
func reached(inc record.Incident, rb *runbook.Runbook, now time.Time) string {
	var parts []string
	if c := inc.Change; c != nil && c.From[inc.Candidate.Backend] > 0 {
		had := runbook.Percent(share(c.From, inc.Candidate.Backend))
		parts = append(parts, fmt.Sprintf("the candidate had %s of the traffic", had))
	}
	until := now
	for _, t := range []time.Time{inc.DrainedAt, inc.ActedAt, inc.ClosedAt} {
		if !t.IsZero() {
			until = t
			break
		}
	}
	lasted := until.Sub(origin(inc))
	if rate := inc.Breach.CandidateRate; rate > 0 && !until.IsZero() && lasted > 0 {
		n := rate * lasted.Seconds()
		parts = append(parts, fmt.Sprintf("about %s requests went to the candidate in %s (%s req/s when confirmed)",
			runbook.Figure(n), span(lasted), runbook.Figure(rate)))
		if trigger(inc, rb).Type == runbook.ErrorRate && inc.Breach.State == record.Breaching {
			parts = append(parts, fmt.Sprintf("at %s errors, about %s of them failed",
				runbook.Percent(inc.Breach.Value), runbook.Figure(n*inc.Breach.Value)))
		}
	}
	return upper(strings.Join(parts, "; "))
}

func share(s record.Split, backend string) float64 {
	all := s.Sum()
	if all == 0 {
		return 0
	}
	return float64(s[backend]) / float64(all)
}
