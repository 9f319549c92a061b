package report

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Harmed says what users lost beyond chance, for somebody who decides: "about 400 failed requests, 7.5
// more each second". It is empty where nothing is known, and where there is nothing beyond chance.
func Harmed(x *record.Impact) string {
	if x == nil {
		return ""
	}
	var out []string
	for _, l := range x.Losses {
		if l.Low > 0 {
			out = append(out, "about "+lost(l, about(l.Excess))+each1s(l))
		}
	}
	return strings.Join(out, "; ")
}

// each1s says how much more comes each second, while it does.
func each1s(l record.Loss) string {
	if !(l.Rate > 0) {
		return ""
	}
	return fmt.Sprintf(", %s more each second", withUnit(l, runbook.Figure(about2(l.Rate))))
}

// about writes a number that is an estimate: two digits, and no fraction above ten.
func about(v float64) string {
	if v >= 10 {
		return runbook.Figure(math.Round(about2(v)))
	}
	return runbook.Figure(about2(v))
}

// about2 has two digits.
func about2(v float64) float64 {
	if !(v > 0) {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Round(v/unit) * unit
}

// lost says so many of a kind of loss.
func lost(l record.Loss, number string) string {
	number = withUnit(l, number)
	switch name := plain(l.Name, 100); l.Kind {
	case record.Failures:
		return number + " failed requests"
	case record.Slow:
		return joinedBy(" ", number, "slow requests", name)
	case record.Misfits:
		return number + " requests that do not fit the schema"
	case record.Nulls:
		return number + " missing feature values"
	case record.Value:
		return number + " less " + name
	case record.Missed:
		return number + " lost successes of " + name
	default:
		return number + " more " + name
	}
}

func withUnit(l record.Loss, number string) string {
	if l.Kind == record.Value {
		return joinedBy(" ", number, plain(l.Unit, 20))
	}
	return number
}

// ImpactLine says in a message what users lost, so far or in the end.
func ImpactLine(inc record.Incident) string {
	x := inc.Impact
	switch {
	case x == nil:
		return ""
	case x.Problem != "":
		return "Impact: cannot be told: " + sentence(x.Problem)
	}
	name, harm := "Impact", Harmed(x)
	if x.Ongoing {
		name = "Impact so far"
	}
	if harm == "" {
		harm = "nothing beyond chance"
	}
	return fmt.Sprintf("%s, against %s: %s.", name, against(inc), harm)
}

// against says what users' losses are held against.
func against(inc record.Incident) string {
	switch x := inc.Impact; {
	case x.Whole:
		return "the hour before, all traffic"
	case x.Basis == record.BeforeHarm:
		return word(stableName(inc)) + " in the hour before"
	}
	return word(stableName(inc)) + " at the same time"
}

// impact is what users lost with bounds, how that was counted, and why it cannot be told.
func impact(inc record.Incident) (title string, f []fact) {
	x := inc.Impact
	switch {
	case x == nil:
		return "Impact", add(f, "Not counted yet", cmp.Or(upper(reached(inc)), "nothing is known"))
	case x.Problem != "":
		return "Impact", add(f, "Cannot be told", joinedBy("; ", x.Problem, reached(inc)))
	}
	if title = "Impact"; x.Ongoing {
		title = "Impact so far"
	}
	for _, l := range x.Losses {
		f = add(f, upper(lossName(l)), lossWords(inc, l))
	}
	return title, add(f, "Counted", counted(inc))
}

// counted says of which time an impact is, and how it was estimated.
func counted(inc record.Incident) string {
	x := inc.Impact
	from := "from about " + clock(x.From)
	if inc.Harm().At.IsZero() {
		from = "from the candidate's first request, " + clock(x.From) + ", as nobody can tell when harm began,"
	}
	who := "the candidate"
	if x.Whole {
		who = "all traffic, as the candidate is not the cause,"
		return fmt.Sprintf("%s to %s; %s against the hour before; bounds of 95 %%", from, clock(x.Until), who)
	}
	return fmt.Sprintf("%s to %s; %s against %s; bounds of 95 %%", from, clock(x.Until), who, against(inc))
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
	case record.Misfits:
		return "schema mismatches"
	case record.Nulls:
		return "missing feature values"
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
func lossWords(inc record.Incident, l record.Loss) string {
	rate := stableName(inc) + "'s rate"
	if inc.Impact.Whole {
		rate = "the rate before"
	}
	word, good := directions(l)
	if l.Low <= 0 && l.High >= 0 {
		return fmt.Sprintf("no more than chance beside %s (%s %s to %s %s)%s", rate,
			amount(l, -l.Low), good, amount(l, l.High), word, among(l))
	}
	more := each1s(l)
	if l.High < 0 {
		word, l.Excess, l.Low, l.High, more = good, -l.Excess, -l.High, -l.Low, ""
	}
	return fmt.Sprintf("%s %s than at %s (%s to %s)%s%s", amount(l, l.Excess), word, rate,
		amount(l, l.Low), amount(l, l.High), among(l), more)
}

// amount is a number of requests or successes, or a value in its unit.
func amount(l record.Loss, v float64) string {
	if l.Kind == record.Value {
		return withUnit(l, runbook.Figure(v))
	}
	return runbook.Figure(math.Round(v))
}

// among says of how many the loss is, and what is slow.
func among(l record.Loss) string {
	all := runbook.Figure(math.Round(l.All))
	switch l.Kind {
	case record.Missed, record.Value:
		return ", in " + all + " trials"
	case record.Slow:
		return fmt.Sprintf(", of %s; slow is above the stable p%s of that time, %s", all,
			runbook.Figure(l.Quantile*100), runbook.Seconds(l.Limit))
	}
	return ", of " + all
}

// reached says how much traffic the candidate had, where its impact is not known.
func reached(inc record.Incident) string {
	var parts []string
	if c := inc.Change; c != nil && c.From[inc.Candidate.Backend] > 0 {
		parts = append(parts, "the candidate had "+runbook.Percent(share(c.From, inc.Candidate.Backend))+" of the traffic")
	}
	if rate := inc.Breach.CandidateRate; rate > 0 {
		parts = append(parts, "it got "+runbook.Figure(rate)+" req/s when that was confirmed")
	}
	return strings.Join(parts, "; ")
}

func share(s record.Split, backend string) float64 {
	all := s.Sum()
	if all == 0 {
		return 0
	}
	return float64(s[backend]) / float64(all)
}
