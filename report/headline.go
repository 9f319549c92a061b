package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// told is what a headline is made of.
type told struct {
	inc record.Incident
	rb  *runbook.Runbook
	o   Options
}

// Headline says what happened in one line with its numbers, for somebody who reads nothing else. It is
// data where it names things: escape it.
func Headline(inc record.Incident, rb *runbook.Runbook) string {
	return visible(situationOf(inc).headline(told{inc: inc, rb: rb}), maxCell)
}

func (t told) from() string { return cmp.Or(t.inc.Candidate.Version, "the candidate") }

func (t told) to() string { return cmp.Or(t.inc.Stable.Version, "the stable version") }

// clauses joins what is known; a sentence needs no full stop in a headline.
func clauses(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimRight(p, ". "); p != "" {
			out = append(out, p)
		}
	}
	return upper(strings.Join(out, "; "))
}

// harm says what was confirmed of the candidate, and for how long: "v2 made 12 % of requests fail for
// 3 m". Empty where nothing is known to be wrong.
func (t told) harm() string {
	b, tr := t.inc.Breach, trigger(t.inc, t.rb)
	if b.Trigger == "" {
		return ""
	}
	if b.State != record.Breaching {
		return "alert " + b.Trigger + " fires for " + t.from()
	}
	text := t.from() + ": " + effect(b, tr)
	switch {
	case tr.Type == runbook.ErrorRate:
		text = fmt.Sprintf("%s made %s of requests fail", t.from(), runbook.Percent(b.Value))
	case tr.Absolute():
		text = effect(b, tr)
	}
	if short, against := strings.CutSuffix(text, " stable"); against {
		text = short + " " + t.to()
	}
	return quantile.ReplaceAllString(text, "${1}p$2") + t.lasted()
}

// quantile begins a name that is written small in a sentence: p95.
var quantile = regexp.MustCompile(`(^|: )P([0-9])`)

// lasted is for how long it went on, or since when it does.
func (t told) lasted() string {
	began := t.inc.Harm().At
	switch {
	case began.IsZero():
		return ""
	case !t.inc.DrainedAt.IsZero():
		return " for " + runbook.Span(t.inc.DrainedAt.Sub(began))
	case t.inc.ActedAt.IsZero() && !isOver(t.inc):
		return " since " + timeOf(began) + " UTC"
	}
	return ""
}

// moved says who moved the traffic, and how long after what.
func (t told) moved() string {
	inc := t.inc
	after := ""
	if found := noticed(inc).at; inc.Breach.Trigger != "" && !found.IsZero() {
		after = " " + runbook.Span(inc.ActedAt.Sub(found)) + " after detection"
	}
	switch idle := inc.Change != nil && inc.Change.From[inc.Candidate.Backend] == 0; {
	case !hasActed(inc):
		return "no traffic was moved"
	case idle && inc.By != "":
		return inc.By + " ended the release of " + t.from() + ", which had no traffic"
	case inc.By != "":
		return fmt.Sprintf("%s moved all traffic to %s%s", inc.By, t.to(), after)
	}
	return fmt.Sprintf("traffic moved to %s%s", t.to(), after)
}

// keeps says what the candidate still has.
func (t told) keeps() string {
	if i := t.inc.Inputs; i != nil && i.Release.Weight > 0 {
		return fmt.Sprintf("%s keeps %v %% of the traffic", t.from(), i.Release.Weight)
	}
	return t.from() + " keeps its traffic"
}

func (t told) verdictAfter() string {
	v := t.inc.Verdict
	if v == nil || v.At.IsZero() || !hasActed(t.inc) {
		return ""
	}
	return " " + runbook.Span(v.At.Sub(t.inc.ActedAt)) + " later"
}

func (t told) why() string {
	if r := t.inc.Decision.Reasons; len(r) > 0 {
		return r[0]
	}
	return "why is not recorded"
}

func recovered(t told) string {
	return clauses(t.harm(), t.moved(), "recovered"+t.verdictAfter())
}

func businessBad(t told) string {
	return clauses(t.harm(), t.moved(), "recovered"+t.verdictAfter(), "but business metrics have NOT: "+t.inc.Business.Reason)
}

func businessUnknown(t told) string {
	return clauses(t.harm(), t.moved(), "recovered"+t.verdictAfter(), "whether business metrics did cannot be told")
}

func notRecovered(t told) string {
	return clauses(t.harm(), t.moved(), fmt.Sprintf("users had NOT recovered%s, with all traffic on %s", t.verdictAfter(), t.to()))
}

func stillSent(t told) string {
	return clauses(t.harm(), t.moved(), fmt.Sprintf("users had NOT recovered%s, and %s still got requests", t.verdictAfter(), t.from()))
}

func wrongCauseActed(t told) string {
	return clauses(t.harm(), t.moved(), fmt.Sprintf("it did not help: %s was unhealthy before as well", t.to()))
}

func wrongCause(t told) string {
	return clauses(t.harm(), fmt.Sprintf("%s is unhealthy as well, so %s is not the cause", t.to(), t.from()), "no traffic was moved")
}

func cannotTell(t told) string {
	return clauses(t.harm(), t.moved(), "whether users recovered cannot be told")
}

func otherVerdict(t told) string {
	return clauses(t.harm(), t.moved(), "verdict: "+cmp.Or(string(t.inc.Verdict.Outcome), "none"))
}

func draining(t told) string {
	return clauses(t.harm(), t.moved(), "waiting until no request reaches "+t.from())
}

func notApplied(t told) string {
	return clauses(t.harm(), t.moved(), "but the router still sends requests to "+t.from())
}

func verifying(t told) string {
	return clauses(t.harm(), t.moved(), "checking whether users recover: "+plural(t.inc.Polls, "good poll", "good polls")+" in a row")
}

func notGoodYet(t told) string {
	return clauses(t.harm(), t.moved(), "users have not recovered yet")
}

func plural(n int, one, more string) string {
	return fmt.Sprintf("%d %s", n, map[bool]string{true: one, false: more}[n == 1])
}

func significanceUnknown(t told) string {
	return clauses(t.harm(), "not known yet whether it is more than chance", "no traffic was moved")
}

func notConfirmed(t told) string {
	return clauses(t.harm(), "not confirmed: Prometheus does not answer", "no traffic was moved")
}

func waiting(t told) string {
	return clauses(t.harm(), "waiting for your answer: "+t.question())
}

func waitingAboutChecks(t told) string {
	return clauses("the checks after the step of "+t.from()+" are bad", "waiting for your answer: "+t.question())
}

func (t told) question() string { return fmt.Sprintf("roll %s back to %s?", t.from(), t.to()) }

func notAnswered(t told) string {
	return clauses(t.harm(), t.why(), "no traffic was moved: "+t.keeps())
}

func external(t told) string {
	if i := t.inc.Inputs; i != nil && i.Release.Held != nil {
		h := i.Release.Held
		return fmt.Sprintf("Somebody else changed the split of %s: wanted %s, found %s; automation waits for a human", t.from(), h.Want, h.Found)
	}
	return fmt.Sprintf("Somebody else changed the split of %s; automation waits for a human", t.from())
}

func observed(t told) string {
	return clauses(t.harm(), "observe mode: no traffic was moved; active mode would "+t.would())
}

func observedShared(t told) string {
	return clauses(t.harm(), t.to()+" is unhealthy as well", "observe mode: no traffic was moved; active mode would "+t.would())
}

func (t told) would() string {
	switch t.inc.Decision.Would {
	case record.RollBack:
		return fmt.Sprintf("have rolled %s back to %s", t.from(), t.to())
	case record.Ask:
		return "have asked a human"
	case record.Freeze:
		return "have stopped promotion"
	}
	return "have moved none either"
}

func noData(t told) string {
	return clauses(t.harm(), "Prometheus has no fresh data to judge it by", "no traffic was moved")
}

func held(t told) string {
	return joinedBy(" ", upper(endSentence(t.harm())), upper(endSentence(t.why())), "No traffic was moved")
}

func frozen(t told) string {
	return clauses(t.harm(), "promotion of "+t.from()+" is stopped", "no traffic was moved")
}

func rejected(t told) string {
	return clauses(t.harm(), t.byWhom("somebody", "rejected")+" rejected the rollback", t.keeps())
}

func splitSettled(t told) string {
	if who := t.byWhom("", "split_accepted"); who != "" {
		return clauses("somebody else changed the split of "+t.from(), who+" accepted it")
	}
	return clauses("somebody else changed the split of "+t.from(), "it was put back")
}

func cleared(t told) string {
	return clauses("alert "+cmp.Or(t.inc.Breach.Trigger, "(unnamed)")+" fired for "+t.from(), "Prometheus says that it is not true", "no traffic was moved")
}

func closedUnproved(t told) string {
	return clauses(t.harm(), t.moved(), t.byWhom("it", "recovered")+" was closed before anything was proved")
}

func closed(t told) string {
	return clauses(t.harm(), "no traffic was moved", "closed by "+t.byWhom("a human", "resumed", "recovered"))
}

func other(t told) string {
	return clauses(t.harm(), t.moved(), "phase: "+cmp.Or(string(t.inc.Phase), "none"))
}

// byWhom is who ended it, as the timeline has it.
func (t told) byWhom(otherwise string, kinds ...string) string {
	for _, r := range slices.Backward(t.inc.Timeline) {
		if slices.Contains(kinds, r.Kind) && r.By != "" {
			return r.By
		}
	}
	return otherwise
}
