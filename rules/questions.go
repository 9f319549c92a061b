package rules

import "github.com/autorollback/autorollback/runbook"

// FiringQuery asks for all firing alerts of autorollback in one query. Each series
// carries service, trigger, severity and, for comparative triggers, region and
// release. The watchdog's trigger is [WatchdogTrigger], a companion's [BlindTrigger];
// neither is a breach.
const FiringQuery = `ALERTS{autorollback="true",alertstate="firing"}`

// Values of the label trigger that no runbook may use as a trigger's name.
const (
	WatchdogTrigger = "watchdog" // always firing: its silence means the path to us is broken
	BlindTrigger    = "blind"    // one side of an open release has no data
)

// A Role is the part a version plays in a release: the value of the label role of
// autorollback_release_role.
type Role string

const (
	Candidate Role = "candidate"
	Stable    Role = "stable"
)

// Questions are what the daemon may ask Prometheus about one service. Each is one
// instant query; values from a release appear only as quoted label values.
type Questions struct{ rb *runbook.Runbook }

// Ask prepares the questions of a runbook.
func Ask(rb *runbook.Runbook) (Questions, error) { return Questions{rb}, errUnwritten }

// Breach is the trigger's own alert expression, restricted to the release. It
// answers with the effect (error share, ratio of quantiles, ratio of KPIs, …) if and
// only if the trigger is breaching now. An unknown trigger is an error.
func (q Questions) Breach(trigger string, rel runbook.Release) (Expr, error) {
	return Expr{}, errUnwritten
}

// Effect is the number of the trigger whether or not it breaches; empty means no data.
func (q Questions) Effect(trigger string, rel runbook.Release) (Expr, error) {
	return Expr{}, errUnwritten
}

// Evidence is the log e-value behind a comparative trigger, the greatest of its
// windows; false for absolute_slo, which has none.
func (q Questions) Evidence(trigger string, rel runbook.Release) (Expr, bool) {
	return Expr{}, false
}

// Age is the seconds since the newest recorded sample of this release; empty means
// that nothing was recorded.
func (q Questions) Age(rel runbook.Release) Expr { return Expr{} }

// StableSick has at least one series if the stable side itself breaks an absolute
// limit of the runbook now.
func (q Questions) StableSick(rel runbook.Release) Expr { return Expr{} }

// Pods is the number of pods of that side that are fresh and ready: one series
// always, 0 if there is none.
func (q Questions) Pods(rel runbook.Release, side Role) Expr { return Expr{} }

// Rate is the requests per second of that side over the verification window; 0 if
// its series stand still, empty if it has none.
func (q Questions) Rate(rel runbook.Release, side Role) Expr { return Expr{} }

// Recovery is what must be good for users, one entry for each check.
func (q Questions) Recovery(rel runbook.Release) []Recovery { return nil }

// A Recovery is one check of what users get now from any version.
type Recovery struct {
	Name     string // "error rate", "p95 latency", "kpi conversion"
	Business bool
	Unit     string // "ratio" or "s"
	Now      Expr   // the level now; empty means no data
	Before   Expr   // the stable side's level: evaluate it at the breach's time minus the trigger's window
	Samples  Expr   // requests (or trials) behind Now

	Floor      bool    // Now must be at least Limit; otherwise at most
	Absolute   float64 // a limit whatever the level before; 0: none
	Relative   float64 // tolerated share of the level before, 0.15 = 15 %
	Added      float64 // tolerated on top of the level before, in the check's unit
	MinSamples float64 // fewer samples cannot tell
}

// Limit is the bound that Now must keep, given the level before. Where before is not
// known, pass a NaN: the absolute limit alone holds, or NaN if there is none.
func (r Recovery) Limit(before float64) float64 { return 0 }
