package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// guardStories bring the engine to a decision by each guard of the policy.
var guardStories = map[string]func(p *play) State{
	policy.GuardUnknownTrigger: func(p *play) State { return p.hears(fixture.Breach("cosmic-rays", record.NoData)) },
	policy.GuardUnreachable:    func(p *play) State { return p.hears(fixture.Breach("errors", record.Unreachable)) },
	policy.GuardBlind:          func(p *play) State { return p.hears(fixture.Breach("errors", record.NoData)) },
	policy.GuardNotConfirmed: func(p *play) State {
		p.hears(fixture.Breach("errors", record.Unreachable))
		return p.must(p.asked(fixture.Breach("errors", record.NotBreaching)))
	},
	policy.GuardWentBack: func(p *play) State {
		p.launch()
		known := p.s.Release.Clone()
		known.Phase, known.Epoch = record.RolledBack, known.Epoch+1
		p.s.Known.Release = &known
		return p.breach("errors")
	},
	policy.GuardAbsoluteSLO: func(p *play) State { return p.hears(fixture.Breach("slo", record.Breaching)) },
	policy.GuardStableUnhealthy: func(p *play) State {
		return p.bent(func(b *record.Breach) { b.StableUnhealthy = true })
	},
	policy.GuardAlreadyActed: func(p *play) State {
		act(p)
		return p.breach("slow")
	},
	policy.GuardNothing: func(p *play) State {
		l := fixture.Launch(p.tb)
		l.Weight = 0
		p.must(Launched{Launch: l, By: fixture.By("ann")})
		return p.breach("errors")
	},
	policy.GuardManualOverride: func(p *play) State {
		p.launch()
		p.s.Split = record.Split{"ranker-v1": 50, "ranker-v2": 50}
		return p.must(Tick{})
	},
	policy.GuardPaused: func(p *play) State {
		p.s.Control = record.Control{Mode: runbook.Paused}
		return p.hears(fixture.Breach("errors", record.Breaching))
	},
	policy.GuardLKGQuarantined: func(p *play) State {
		p.launch()
		bundle := p.s.Release.Stable.Bundle
		p.s.Quarantined[bundle] = record.Quarantine{Bundle: bundle}
		return p.breach("errors")
	},
	policy.GuardLKGNotWarm: func(p *play) State {
		return p.bent(func(b *record.Breach) { b.StablePods = 0 })
	},
	policy.GuardStandby: func(p *play) State {
		return p.bent(func(b *record.Breach) { b.StablePods = 1 })
	},
	policy.GuardRouter: func(p *play) State {
		p.launch()
		p.s.PlanProblem = "read routes/ranker/weights: not JSON"
		return p.breach("errors")
	},
	policy.GuardPauseExpired: func(p *play) State {
		p.s.Control = record.Control{Mode: runbook.Paused, Until: p.now.Add(-minute)}
		return p.hears(fixture.Breach("errors", record.Breaching))
	},
	policy.GuardRuleDrift: func(p *play) State {
		return p.bent(func(b *record.Breach) { b.RulesDrift = "the expression differs" })
	},
	policy.GuardNoControl: func(p *play) State {
		return p.bent(func(b *record.Breach) { b.StableRate = 0 })
	},
	policy.GuardFewPods: func(p *play) State {
		return p.bent(func(b *record.Breach) { b.CandidatePods = 1 })
	},
	policy.GuardCooldown: func(p *play) State {
		p.launch()
		p.s.Release.Rollbacks = []time.Time{p.now.Add(-minute)}
		return p.breach("errors")
	},
	policy.GuardDailyLimit: func(p *play) State {
		p.launch()
		p.s.Release.Rollbacks = []time.Time{p.now.Add(-5 * time.Hour), p.now.Add(-6 * time.Hour)}
		return p.breach("errors")
	},
	policy.GuardBudget: func(p *play) State {
		p.s.Budget.Recent = []time.Time{p.now, p.now, p.now}
		return p.hears(fixture.Breach("errors", record.Breaching))
	},
	policy.GuardSchedule: func(p *play) State {
		p.s.Runbook.Policy.Schedule = []runbook.Schedule{{Cron: "0 20 * * *", For: fixture.Minutes(60)}}
		return p.hears(fixture.Breach("errors", record.Breaching))
	},
	policy.GuardMild:   func(p *play) State { return p.hears(fixture.Breach("slowish", record.Breaching)) },
	policy.GuardSevere: func(p *play) State { return p.hears(fixture.Breach("errors", record.Breaching)) },
	policy.GuardObserve: func(p *play) State {
		p.s.Runbook.Policy.Mode = runbook.Observe
		return p.hears(fixture.Breach("errors", record.Breaching))
	},
	policy.GuardHuman: func(p *play) State {
		p.launch()
		return p.must(Demanded{By: fixture.By("ann"), Reason: "it feels wrong"})
	},
	policy.GuardChecks: func(p *play) State {
		l := fixture.Launch(p.tb)
		l.Weight = 0
		p.s.Runbook.Rollout = &runbook.Rollout{Strategy: runbook.BlueGreen, Promote: runbook.PromoteAutomatic, Bake: fixture.Minutes(60), Holdback: 5}
		p.must(Launched{Launch: l, By: fixture.By("ann")})
		ev := p.alive(minute).readyAs("ann")
		ev.Flip = true
		p.must(ev)
		return p.checkedAs(record.Bad, p.s.Runbook.Verification.Polls)
	},
	policy.GuardExpired: func(p *play) State {
		p.hears(fixture.Breach("slowish", record.Breaching))
		return p.after(p.s.Runbook.Policy.ApprovalTTL.Std() + minute).must(Tick{})
	},
}

// hears starts a release and lets an alert come, with what Prometheus says of it.
func (p *play) hears(b record.Breach) State {
	p.launch()
	return p.must(p.asked(b))
}

func (p *play) bent(bend func(*record.Breach)) State {
	b := fixture.Breach("errors", record.Breaching)
	bend(&b)
	return p.hears(b)
}

// Each guard of the policy decides in some story of the engine.
func TestTheEngineReachesEveryGuard(t *testing.T) {
	for _, guard := range policy.Guards() {
		t.Run(guard, func(t *testing.T) {
			story, ok := guardStories[guard]
			if !ok {
				t.Fatal("no story reaches this guard")
			}
			s := story(playOf(t, "page"))
			i := s.Incident
			if guard == policy.GuardWentBack { // no incident: its id may be that of one that was lost
				if d := s.Said.Decision; i != nil || d.Guard != guard || d.Action != record.Hold || s.Behind == nil || s.Write.Shift {
					t.Fatalf("decided by %s: %+v", d.Guard, s.Behind)
				}
				return
			}
			if guard == policy.GuardAlreadyActed { // the rollback's own decision stays
				said := func(r record.Record) bool { return strings.Contains(r.Text, "one incident gets one rollback") }
				if i.Decision.Guard != policy.GuardSevere || !slices.ContainsFunc(i.Timeline, said) {
					t.Fatalf("decided by %s: %+v", i.Decision.Guard, i.Timeline)
				}
				return
			}
			if i == nil || i.Decision.Guard != guard || len(i.Decision.Reasons) == 0 || i.Decision.At.IsZero() {
				t.Fatalf("incident %+v", i)
			}
		})
	}
}

// rampGuardStories bring the engine to a step of the ramp to which that guard objects.
var rampGuardStories = map[string]func(p *play, ev *Promoted){
	"no_ramp":  func(p *play, _ *Promoted) { p.s.Runbook.Rollout = nil },
	"no_flip":  func(_ *play, ev *Promoted) { ev.Flip = true },
	"incident": func(p *play, _ *Promoted) { p.breach("slowish") },
	"stopped":  func(p *play, _ *Promoted) { p.must(Stopped{By: fixture.By("bob"), Reason: "lunch"}) },
	"switched_off": func(p *play, _ *Promoted) {
		p.s.Control = record.Control{Mode: runbook.Paused}
	},
	"not_possible": func(p *play, _ *Promoted) { p.s.Hazards = []string{"a typo"} },
	"not_applied": func(p *play, _ *Promoted) {
		p.s.Runbook.Routing.Instances = []string{"http://10.0.0.5:8080"}
	},
	"standby": func(p *play, _ *Promoted) {
		p.must(StandbyProbed{Release: p.s.Release.ID, State: record.Cold, Why: "v1 has 1 pod ready and needs 2 to take all traffic"})
	},
	"too_early": func(p *play, _ *Promoted) { p.now = p.now.Add(-9 * minute) },
	"not_proved": func(p *play, ev *Promoted) {
		p.s.Release.Proof = &record.Proof{Epoch: p.s.Release.Epoch, Deadline: p.now.Add(time.Hour)}
		ev.By = record.Caller{}
	},
	"schedule": func(p *play, _ *Promoted) {
		p.s.Runbook.Rollout.Schedule = []runbook.Schedule{{Cron: "0 20 * * *", For: fixture.Minutes(60)}}
	},
	"no_watchdog": func(p *play, _ *Promoted) { p.s.Watchdog = time.Time{} },
	"manual": func(p *play, ev *Promoted) {
		p.s.Runbook.Rollout.Promote = runbook.PromoteManual
		ev.By = record.Caller{}
	},
	"not_ready": func(_ *play, ev *Promoted) { ev.Ready.CandidatePods = 0 },
}

// Each guard of a step keeps the engine from taking one, by its own words.
func TestTheEngineReachesEveryGuardOfTheRamp(t *testing.T) {
	for _, guard := range policy.RampGuards() {
		t.Run(guard, func(t *testing.T) {
			story, ok := rampGuardStories[guard]
			if !ok {
				t.Fatal("no story reaches this guard")
			}
			p := rampOf(t, runbook.PromoteAutomatic)
			p.launch()
			p.alive(11 * minute)
			ev := p.readyAs("ann")
			story(p, &ev)
			ev.Epoch = p.s.Release.Epoch
			in := p.s.ramp(&ev.Ready, ev.By.Name != "")
			in.Flip = ev.Flip
			by, why := policy.Promote(in, p.now)
			if by != guard {
				t.Fatalf("%s objects: %s", by, why)
			}
			s, err := p.step(ev)
			switch {
			case s.Release.Weight != 20:
				t.Fatalf("the step to %v %% was taken", s.Release.Weight)
			case ev.By.Name != "":
				fixture.Refused(t, err, runbook.ErrRefused)
				if !strings.Contains(err.Error(), why) {
					t.Fatalf("%v, want %s", err, why)
				}
			default:
				waiting(t, s, why)
			}
		})
	}
}
