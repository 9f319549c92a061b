package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A decided is a decision of the real policy with what it rested on.
type decided struct {
	in policy.Input
	d  record.Decision
	of *record.Inputs
}

// twists are what makes guards object, one each.
var twists = map[string]func(*policy.Input){
	"as it is":     func(*policy.Input) {},
	"mild":         func(in *policy.Input) { in.Breach.Trigger, in.Breach.Value = "conversion", 0.951 },
	"slow":         func(in *policy.Input) { in.Breach.Trigger, in.Breach.Value = "latency-p95", 1.342 },
	"limit of all": func(in *policy.Input) { in.Breach.Trigger, in.Breach.Value = "users", 0.31 },
	"no such":      func(in *policy.Input) { in.Breach.Trigger = "cosmic-rays" },
	"away":         func(in *policy.Input) { in.Breach.State, in.Breach.Problem = record.Unreachable, "connection refused" },
	"unjudged": func(in *policy.Input) {
		in.Breach.State, in.Breach.Problem = record.Unreachable, "it is being rebuilt"
		in.Breach.Significance = record.Significance{Problem: in.Breach.Problem}
	},
	"no data":        func(in *policy.Input) { in.Breach.State, in.Breach.Problem = record.NoData, "the newest sample is old" },
	"not true":       func(in *policy.Input) { in.Breach.State = record.NotBreaching },
	"went back":      func(in *policy.Input) { in.WentBack = "Release rel-42 is missing." },
	"both unhealthy": func(in *policy.Input) { in.Breach.StableUnhealthy = true },
	"idle":           func(in *policy.Input) { in.Release.Weight = 0 },
	"over":           func(in *policy.Input) { in.Release.Phase = record.RolledBack },
	"external": func(in *policy.Input) {
		in.ExternalChange, in.Release.Held = true, &record.HumanHold{Since: after(0), Want: record.Split{"a": 95}, Found: record.Split{"a": 50}}
	},
	"paused": func(in *policy.Input) {
		in.Control = record.Control{Mode: runbook.Paused, By: "ann", Reason: "maintenance", Until: after(time.Hour)}
	},
	"pause over":    func(in *policy.Input) { in.Control = record.Control{Mode: runbook.Paused, By: "ann", Until: after(0)} },
	"observing":     func(in *policy.Input) { in.Control.Mode = runbook.Observe },
	"observe":       func(in *policy.Input) { in.Runbook.Policy.Mode = runbook.Observe },
	"quarantined":   func(in *policy.Input) { in.StableQuarantined = true },
	"no stable pod": func(in *policy.Input) { in.Breach.StablePods = 0 },
	"few":           func(in *policy.Input) { in.Breach.StablePods = 1 },
	"router":        func(in *policy.Input) { in.Router = "the key is not a number" },
	"cold": func(in *policy.Input) {
		in.Release.Standby = &record.Standby{State: record.Cold, Since: after(0), Why: "v1 has 1 pod ready and needs 3"}
	},
	"unhealthy": func(in *policy.Input) {
		in.Release.Standby = &record.Standby{State: record.StandbyUnhealthy, Since: after(0), Why: "a probe of v1 is bad"}
	},
	"drift":       func(in *policy.Input) { in.Breach.RulesDrift = "the limit is 0.1" },
	"no control":  func(in *policy.Input) { in.Breach.StableRate = 0 },
	"one pod":     func(in *policy.Input) { in.Breach.CandidatePods = 1 },
	"just rolled": func(in *policy.Input) { in.Release.Rollbacks = []time.Time{after(-time.Minute)} },
	"by a human":  func(in *policy.Input) { in.ByHuman = true },
	"human, asked": func(in *policy.Input) {
		in.ByHuman, in.Breach = true, record.Breach{State: record.Breaching, AskedAt: after(0)}
	},
}

// decisions are all that the policy decides on two twists at once, and what follows from silence, from
// checks and from an external change.
func decisions() (all []decided) {
	seen := map[string]bool{}
	add := func(in policy.Input, d record.Decision, of *record.Inputs) {
		choices := d.Choices
		if d.Action == record.RollBack {
			choices = nil
		}
		key := fmt.Sprint(d.Action, d.Guard, d.Would, choices, in.Breach.State, in.Breach.Trigger, in.Breach.StableUnhealthy, in.Release.NoRollback())
		if !seen[key] {
			seen[key] = true
			all = append(all, decided{in, d, of})
		}
	}
	now := after(12200 * time.Millisecond)
	for _, one := range slices.Sorted(maps.Keys(twists)) {
		for _, other := range slices.Sorted(maps.Keys(twists)) {
			rb := ranker()
			rb.Policy.MinCandidatePods, rb.Policy.MaxRollbacks, rb.Policy.Cooldown, rb.LastKnownGood.MinPods = 2, 5, runbook.Duration(time.Hour), 3
			inc := base("errors", runbook.Severe)
			inc.Breach.Value = 0.084
			in := policy.Input{Runbook: rb, Breach: inc.Breach, Release: record.Release{ID: "rel-42", Service: "ranker", Region: "eu", Phase: record.Open,
				Weight: 5, Epoch: 3, Stable: inc.Stable, Candidate: inc.Candidate}}
			twists[one](&in)
			twists[other](&in)
			add(in, policy.Decide(in, now), policy.Recorded(in))
			add(in, policy.Checks(in, "pair 10.0.0.1 is bad", now), policy.RecordedChecks(in, "pair 10.0.0.1 is bad"))
			if in.ExternalChange {
				add(in, policy.ExternalChange(in, now), policy.RecordedExternal(in))
			}
			for _, expiry := range []string{"page", "rollback"} {
				rb.Policy.OnExpiry = expiry
				in.Incident = &record.Incident{ID: inc.ID, Phase: record.Awaiting, Decision: record.Decision{Guard: policy.GuardMild}}
				if d, again := policy.Expired(in, now, now.Add(time.Hour)); !again {
					add(in, d, policy.RecordedExpiry(in, now))
				}
			}
		}
	}
	return all
}

// lives are the incidents that a decision may lead to, at every moment until they are over.
func lives(of decided) (all []record.Incident) {
	inc := base(of.in.Breach.Trigger, runbook.Severe)
	inc.Breach, inc.Decision, inc.Inputs = of.in.Breach, of.d, of.of
	if inc.Breach.State == record.Breaching && inc.Breach.Trigger != "" {
		inc.Breach.Significance.Onset = record.Onset{From: after(-100 * time.Second), To: after(-70 * time.Second), At: after(-85 * time.Second)}
	}
	if inc.Breach.Trigger == "" {
		inc.Alerts, inc.Triggers, inc.By = nil, nil, "ann"
	}
	at := func(phase record.Phase) record.Incident {
		i := inc
		i.Phase = phase
		return i
	}
	over := func(kind, by string) record.Incident {
		i := at(record.Done)
		i.ClosedAt = after(10 * time.Minute)
		i.Timeline = append(slices.Clone(i.Timeline), record.Record{At: i.ClosedAt, Kind: kind, By: by})
		return i
	}
	switch of.d.Action {
	case record.RollBack:
		all := rolledBack(inc)
		ended := all[0]
		ended.Phase, ended.ClosedAt = record.Done, after(10*time.Minute)
		return append(all, ended)
	case record.Ask:
		waits := at(record.Awaiting)
		waits.Approval = "00112233445566778899aabbccddeeff"
		no := over("rejected", "ann")
		no.RejectedAt = no.ClosedAt
		return []record.Incident{waits, no, over("resumed", "ann")}
	case record.Freeze:
		frozen := at(record.Frozen)
		ended := over("resumed", "ann")
		if inc.Breach.StableUnhealthy {
			frozen.Verdict = &record.Verdict{Outcome: record.WrongCause, Reason: of.d.Reasons[0], At: after(13 * time.Second)}
			ended.Verdict = frozen.Verdict
		}
		return []record.Incident{frozen, at(record.Frozen), ended, over("resumed", "ann")}
	}
	if of.d.Guard == policy.GuardUnreachable {
		return []record.Incident{at(record.Unconfirmed), over("resumed", "ann")}
	}
	return []record.Incident{at(record.HeldPhase), over("resumed", "ann"), over("split_accepted", "ann"), over("hold_ended", "")}
}

// rolledBack are all ways in which a rollback may go on and end.
func rolledBack(inc record.Incident) (all []record.Incident) {
	acted := shift(inc)
	acted.Decision, acted.Inputs = inc.Decision, inc.Inputs
	if inc.Decision.Guard == policy.GuardHuman {
		acted.By = "ann"
	}
	for _, twist := range []func(*record.Incident){
		func(*record.Incident) {},
		func(i *record.Incident) { i.NotAppliedAt = after(time.Minute) },
		func(i *record.Incident) { i.Applied = incidents()["verifying"].Applied },
		func(i *record.Incident) { i.Stragglers = []record.Straggler{{Region: "us", Why: "it has v2 at 5 %"}} },
		func(i *record.Incident) { i.Change.From = record.Split{"ranker-v1": 100, "ranker-v2": 0} },
	} {
		i := acted
		change := *acted.Change
		i.Change = &change
		twist(&i)
		all = append(all, i)
		for _, drained := range []time.Time{{}, after(21 * time.Second)} {
			i.DrainedAt = drained
			for _, h := range []record.Health{"", record.Good, record.Bad, record.Unknown} {
				v := i
				v.Phase, v.Health, v.Polls = record.Verifying, h, map[bool]int{true: 2}[h == record.Good]
				all = append(all, v)
			}
			for _, o := range []record.Outcome{record.Recovered, record.NotRecovered, record.WrongCause, record.CannotTell, "of another version"} {
				for _, b := range []record.Outcome{"", record.Recovered, record.NotRecovered, record.CannotTell} {
					v := i
					v.Phase, v.ClosedAt = record.Done, after(10*time.Minute)
					v.Verdict = &record.Verdict{Outcome: o, Reason: "the error rate is 0.3 %, its limit 0.5 %", At: after(96 * time.Second)}
					if b != "" && o == record.Recovered {
						v.Business = &record.Verdict{Outcome: b, Reason: "conversion is 4 %, its limit 5 %", At: after(time.Hour)}
					}
					all = append(all, v)
				}
			}
		}
	}
	return all
}

var (
	badly     = regexp.MustCompile(`  |; ;|;$|: ;|; \.|; (?:[A-OQ-Z]|P[^r])|%!|\bV[12]\b|\.\.|;[^ ]|0001-01-01|no number`)
	denied    = regexp.MustCompile(`(?i)(no traffic|nothing) (was|is) moved`)
	claims    = regexp.MustCompile(`(?i)(not |has |had |users )?\brecovered\b`)
	rollsBack = regexp.MustCompile(`autorollback rollback [^ ]+( --region [^ ]+)? --reason`)
)

// Whatever was decided and however it went on, the page has one headline, and nothing on it
// contradicts the rest of it.
func TestNoSituationContradictsItself(t *testing.T) {
	seen, lines := map[string]string{}, map[string]map[string]bool{}
	n, proposed := 0, 0
	for _, of := range decisions() {
		for _, inc := range lives(of) {
			questions := []Options{{}}
			if inc.Phase == record.Awaiting {
				questions = append(questions, Options{Approval: &record.Approval{Status: record.Pending, ExpiresAt: after(15 * time.Minute)}},
					Options{Approval: &record.Approval{Status: record.Expired}})
			}
			for _, o := range questions {
				n++
				s := situationOf(inc)
				contradicts(t, inc, of.in.Runbook, o)
				if t.Failed() {
					t.Fatalf("%s: %s\n%s\n%s\nnow: %q\n%+v", s.name, s.badge, Headline(inc, of.in.Runbook), lede(inc), DoNow(inc, of.in.Runbook, o), inc.Decision)
				}
				if seen[s.name] == "" {
					seen[s.name] = fmt.Sprintf("%s (%s)\n%s\n", s.badge, s.mood, Headline(inc, of.in.Runbook))
					lines[s.name] = map[string]bool{}
				}
				for _, item := range DoNow(inc, of.in.Runbook, o) {
					if !hasActed(inc) && rollsBack.MatchString(item) {
						proposed++
					}
					lines[s.name]["- "+upper(item)] = true
				}
			}
		}
	}
	var all strings.Builder
	for _, s := range situations() {
		if seen[s.name] == "" && s.name != "other" {
			t.Errorf("no incident is in the situation %q", s.name)
			continue
		}
		fmt.Fprintf(&all, "== %s: %s%s\n\n", s.name, seen[s.name], strings.Join(slices.Sorted(maps.Keys(lines[s.name])), "\n"))
	}
	if n < 1000 || proposed < 100 {
		t.Errorf("looked at %d incidents only, %d rollbacks were proposed: the test sees nothing", n, proposed)
	}
	golden(t, "situations.txt", []byte(all.String()))
}

func contradicts(t *testing.T, inc record.Incident, rb *runbook.Runbook, o Options) {
	t.Helper()
	head, why, now := Headline(inc, rb), lede(inc), DoNow(inc, rb, o)
	badge, mood := standing(inc)
	said, items := head+" "+why+" "+strings.Join(inc.Decision.Reasons, " "), strings.Join(now, "\n")
	recovered := inc.Verdict != nil && inc.Verdict.Outcome == record.Recovered
	for what, wrong := range map[string]bool{
		"nothing is said":                                head == "" || badge == "" || mood == "" || len(now) == 0,
		"the words are broken":                           badly.MatchString(head) || badly.MatchString(items),
		"traffic was moved, and it says that it was not": hasActed(inc) && denied.MatchString(said),
		"no traffic was moved, and it says that it was":  !hasActed(inc) && strings.Contains(head, "oved to") || !hasActed(inc) && strings.Contains(head, "moved all"),
		"recovery is claimed":                            !recovered && claimed(head),
		"recovery is not said":                           recovered && !claimed(head),
		"it feels good":                                  mood == "good" && !recovered,
		"a rollback that would not help is proposed":     strings.Contains(said, "would not help") && !hasActed(inc) && rollsBack.MatchString(items),
		"a rollback to a version that is unhealthy":      mentionsBoth(said) && !hasActed(inc) && rollsBack.MatchString(items),
		"a rollback that is not possible is proposed":    strings.Contains(said, "not possible right now") && rollsBack.MatchString(items) && !strings.Contains(items, "can take all traffic, roll back"),
		"a rollback of what was rolled back":             hasActed(inc) && rollsBack.MatchString(items) && !strings.Contains(items, "look at region"),
		"it waits for a verdict that is there":           inc.Verdict != nil && strings.Contains(items, "verification"),
		"nobody answered, and nobody was asked":          inc.Decision.Guard != record.ApprovalExpired && !strings.Contains(why, "nobody answered") && strings.Contains(strings.ToLower(head), "nobody answered"),
		"users are not on the stable version":            inc.DrainedAt.IsZero() && strings.Contains(items, "all traffic is on"),
		"something is to be done, and nothing":           len(now) > 1 && slices.ContainsFunc(now, func(item string) bool { return strings.HasPrefix(item, "nothing") }),
		"a human is needed, and has nothing to do":       (mood == "bad" || mood == "warn" && inc.Phase != record.Awaiting) && calm(now),
		"it is over, and something is to be done":        (mood == "good" || mood == "open") && !calm(now) && behind(inc) == "" && len(inc.Stragglers) == 0,
	} {
		if wrong {
			t.Errorf("%s", what)
		}
	}
}

func claimed(head string) bool {
	for _, m := range claims.FindAllString(head, -1) {
		if m == "recovered" {
			return true
		}
	}
	return false
}

func mentionsBoth(said string) bool {
	return strings.Contains(said, "unhealthy as well") || strings.Contains(said, "breaks an absolute limit as well") || strings.Contains(said, "breaks a limit as well")
}
