package policy

import (
	"time"

	"github.com/autorollback/autorollback/record"
)

// The names of the guards, as they stand in [record.Decision]. Package doc has their
// order and meaning.
const (
	GuardUnknownTrigger  = "unknown_trigger"
	GuardUnreachable     = "unreachable"
	GuardBlind           = "blind"
	GuardNotConfirmed    = "not_confirmed"
	GuardWentBack        = "store_went_back"
	GuardAbsoluteSLO     = "absolute_slo"
	GuardStableUnhealthy = "stable_unhealthy"
	GuardNothing         = "nothing"
	GuardManualOverride  = "manual_override"
	GuardPaused          = "paused"
	GuardLKGQuarantined  = "lkg_quarantined"
	GuardLKGNotWarm      = "lkg_not_warm"
	GuardRouter          = "router"
	GuardStandby         = "standby"
	GuardAlreadyActed    = "already_acted"
	GuardPauseExpired    = "pause_expired"
	GuardRuleDrift       = "rule_drift"
	GuardNoControl       = "no_control"
	GuardFewPods         = "few_pods"
	GuardCooldown        = "cooldown"
	GuardDailyLimit      = "daily_limit"
	GuardBudget          = "budget"
	GuardSchedule        = "schedule"
	GuardMild            = "mild"
	GuardSevere          = "severe"  // no guard objects
	GuardObserve         = "observe" // would have been something else
	GuardHuman           = "human"   // a person's own rollback
	GuardChecks          = "checks"  // see [Checks]
	GuardExpired         = record.ApprovalExpired
)

// A guard objects to an automatic rollback, or returns nil.
type guard struct {
	name        string
	object      func(Input, time.Time) *objection
	confirms    bool // speaks of what Prometheus answered, so says nothing if it was not asked
	stopsHumans bool // even a human's rollback stops here
}

// An objection is what to do instead, and why.
type objection struct {
	action  record.Action
	page    bool
	why     string
	choices []string
}

func hold(why string) *objection { return &objection{action: record.Hold, why: why} }

func holdAndPage(why string, choices ...string) *objection {
	return &objection{action: record.Hold, page: true, why: why, choices: choices}
}

func freeze(why string, choices ...string) *objection {
	return &objection{action: record.Freeze, page: true, why: why, choices: choices}
}

func ask(in Input, why string) *objection {
	expiry := in.Runbook.Policy.OnExpiry
	if expiry == "" {
		expiry = "page"
	}
	return &objection{action: record.Ask, page: true, why: why, choices: []string{"approve the rollback", "reject it and keep the split", "do nothing: when it expires, policy.on_expiry applies (" + expiry + ")"}}
}

// Guards are the names that a decision's guard may have: those that object, in their
// order, and what decides where none does or a question is over.
func Guards() []string {
	var names []string
	for _, g := range guards() {
		names = append(names, g.name)
	}
	return append(names, GuardSevere, GuardObserve, GuardHuman, GuardChecks, GuardExpired)
}

// guards is the fixed order: every hold and freeze, then every question.
func guards() []guard {
	return []guard{
		{name: GuardUnknownTrigger, object: unknownTrigger, confirms: true},
		{name: GuardUnreachable, object: unreachable, confirms: true},
		{name: GuardBlind, object: blind, confirms: true},
		{name: GuardNotConfirmed, object: notConfirmed, confirms: true},
		{name: GuardWentBack, object: wentBack},
		{name: GuardAbsoluteSLO, object: absoluteSLO, confirms: true},
		{name: GuardStableUnhealthy, object: stableUnhealthy, confirms: true},
		{name: GuardAlreadyActed, object: alreadyActed},
		{name: GuardNothing, object: nothing, stopsHumans: true},
		{name: GuardManualOverride, object: manualOverride, stopsHumans: true},
		{name: GuardPaused, object: paused},
		{name: GuardLKGQuarantined, object: lkgQuarantined},
		{name: GuardLKGNotWarm, object: lkgNotWarm, confirms: true},
		{name: GuardRouter, object: routerKeys, stopsHumans: true},
		{name: GuardStandby, object: weakStandby},
		{name: GuardPauseExpired, object: pauseExpired},
		{name: GuardRuleDrift, object: ruleDrift, confirms: true},
		{name: GuardNoControl, object: noControl, confirms: true},
		{name: GuardFewPods, object: fewPods, confirms: true},
		{name: GuardCooldown, object: cooldown},
		{name: GuardDailyLimit, object: dailyLimit},
		{name: GuardBudget, object: budget},
		{name: GuardSchedule, object: schedule},
		{name: GuardMild, object: mild, confirms: true},
	}
}
