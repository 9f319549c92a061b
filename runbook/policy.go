package runbook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Mode is how much the daemon may do.
type Mode string

const (
	Observe Mode = "observe" // say what would be done, do nothing
	Active  Mode = "active"
	Paused  Mode = "paused" // somebody's stop switch; never for ever
)

// Policy says when automation may act for the service.
type Policy struct {
	Mode             Mode        `yaml:"mode" json:"mode"`                             // observe: say what would be done, and do nothing; active: do it; default observe
	Approvers        []string    `yaml:"approvers" json:"approvers"`                   // people who may approve, as they sign in; needed with a mild trigger, a schedule, or promote: ask
	Operators        []string    `yaml:"operators" json:"operators,omitempty"`         // people who may start, promote, hold, resume and roll back this service, as they sign in, beside those of the roles file
	ApprovalTTL      Duration    `yaml:"approval_ttl" json:"approval_ttl"`             // how long a question waits, at most 24h; default 30m
	OnExpiry         string      `yaml:"on_expiry" json:"on_expiry"`                   // when nobody answered: page a human, or roll back if it is still true; default "page"
	Cooldown         Duration    `yaml:"cooldown" json:"cooldown"`                     // between two automatic rollbacks of the service; sooner, a human is asked; default 60m
	MaxRollbacks     int         `yaml:"max_rollbacks" json:"max_rollbacks"`           // automatic ones of the service in 24 h; beyond it a human is asked; default 2
	MinCandidatePods int         `yaml:"min_candidate_pods" json:"min_candidate_pods"` // with fewer pods every breach asks, default 2
	TwoPeople        []TwoPeople `yaml:"two_people" json:"two_people,omitempty"`       // what two people must order: reject_twice, promote_after_freeze, accept_split, lift_quarantine; rolling back takes one; default none
	Schedule         []Schedule  `yaml:"schedule" json:"schedule"`                     // the hours in which automation may act; left out: always
}

// TwoPeople is something that one person may not order alone, where a runbook says so.
type TwoPeople string

// What may take two people. Rolling back is never among it.
const (
	RejectTwice        TwoPeople = "reject_twice"         // a second no to rolling back the same weights
	PromoteAfterFreeze TwoPeople = "promote_after_freeze" // let a ramp continue that a breach froze or held
	AcceptSplit        TwoPeople = "accept_split"         // continue with a split that somebody else wrote
	LiftQuarantine     TwoPeople = "lift_quarantine"
)

// Schedule opens a span of time, again and again. Outside all spans of policy.schedule
// even a severe breach asks; outside those of rollout.schedule nothing is promoted.
type Schedule struct {
	Cron     string   `yaml:"cron" json:"cron"`         // when it opens: five fields, e.g. "0 9 * * 1-5"
	For      Duration `yaml:"for" json:"for"`           // how long it is open
	Timezone string   `yaml:"timezone" json:"timezone"` // IANA name, default UTC
}

// longestApproval keeps a link from being good for days.
const longestApproval = Duration(24 * time.Hour)

func (r *Runbook) checkPolicy(p *decoder) {
	o := r.Policy
	p.oneOf("policy.mode", string(o.Mode), string(Observe), string(Active))
	p.oneOf("policy.on_expiry", o.OnExpiry, "page", "rollback")
	p.positive("policy.approval_ttl", o.ApprovalTTL)
	if o.ApprovalTTL > longestApproval {
		p.add("policy.approval_ttl", fmt.Sprintf("%s is more than a day", o.ApprovalTTL), "write 24h or less")
	}
	p.atLeast("policy.max_rollbacks", o.MaxRollbacks, 1)
	p.atLeast("policy.min_candidate_pods", o.MinCandidatePods, 1)
	r.checkApprovers(p)
	for i, what := range o.TwoPeople {
		at := fmt.Sprintf("policy.two_people[%d]", i)
		p.oneOf(at, string(what), string(RejectTwice), string(PromoteAfterFreeze), string(AcceptSplit), string(LiftQuarantine))
		if what == RejectTwice && len(o.Approvers) == 1 {
			p.add(at, "nobody could be the second: policy.approvers names one person", "name two approvers")
		}
	}
	for i, s := range o.Schedule {
		s.check(p, fmt.Sprintf("policy.schedule[%d]", i))
	}
}

func (r *Runbook) checkApprovers(p *decoder) {
	const at = "policy.approvers"
	p.people(at, r.Policy.Approvers)
	p.people("policy.operators", r.Policy.Operators)
	mild := slices.IndexFunc(r.Triggers, func(t Trigger) bool { return t.Severity == Mild })
	switch {
	case len(r.Policy.Approvers) > 0:
	case mild >= 0:
		p.missing(at, fmt.Sprintf("name the people who may approve: trigger %q is mild and asks a human", r.Triggers[mild].Name))
	case len(r.Policy.Schedule) > 0:
		p.missing(at, "name the people who may approve: outside the schedule every breach asks a human")
	}
}

func (p *decoder) people(at string, names []string) {
	for i, who := range names {
		p.need(fmt.Sprintf("%s[%d]", at, i), who, "name a person as they sign in")
	}
}

func (s Schedule) check(p *decoder, at string) {
	p.positive(at+".for", s.For)
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" || s.Timezone == "" {
		p.add(at+".timezone", fmt.Sprintf("%q is not a known time zone", s.Timezone), "write an IANA name such as Europe/Berlin, or UTC")
	}
	if _, problem, fix := parseCron(s.Cron); problem != "" {
		p.add(at+".cron", problem, fix)
	}
}

// A Calendar is a cron expression in a time zone. Only [ParseCalendar] makes one. No other
// code of the program reads cron: the library panics at some time zone prefixes, and skips
// what falls into the hour that summer time takes away.
type Calendar struct {
	starts *cron.SpecSchedule
	zone   *time.Location
	hourly bool // of every hour: goes by the hours that are lived through, not by their names
}

// ParseCalendar reads five cron fields (minute hour day month weekday; no @daily, no
// CRON_TZ= or TZ= prefix) and an IANA time zone, default UTC. What never comes is refused.
// It never panics, and its errors say what to write instead.
func ParseCalendar(text, timezone string) (Calendar, error) {
	starts, problem, fix := parseCron(text)
	if problem != "" {
		return Calendar{}, fmt.Errorf("%s; %s", problem, fix)
	}
	zone, err := time.LoadLocation(timezone)
	if err != nil {
		return Calendar{}, fmt.Errorf("%q is not a known time zone; write an IANA name such as Europe/Berlin, or UTC", timezone)
	}
	const everyHour = 1<<24 - 1
	return Calendar{starts, zone, starts.Hour&everyHour == everyHour}, nil
}

// parseCron reads the expression, or says what is wrong with it and what to write.
func parseCron(text string) (starts *cron.SpecSchedule, problem, fix string) {
	fix = "write five fields: minute hour day month weekday, e.g. \"0 9 * * 1-5\""
	if strings.Contains(text, "TZ=") {
		return nil, fmt.Sprintf("%q names a time zone", text), "write it in the field timezone"
	}
	if len(strings.Fields(text)) != 5 {
		return nil, fmt.Sprintf("%q is not a cron expression", text), fix
	}
	read, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
	starts, ok := read.(*cron.SpecSchedule)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("%q is not a cron expression: %s", text, err), fix
	case !ok || starts.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero():
		return nil, fmt.Sprintf("%q never comes", text), fix
	}
	starts.Location = time.UTC // a wall clock has no jumps
	return starts, "", ""
}

// Wall is what the zone's clock shows at t, as a UTC time.
func (c Calendar) Wall(t time.Time) time.Time {
	t = t.In(c.zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// NextWall is the first start after wall on a clock that is never put forward or back, as
// [Calendar.Wall] shows it; zero if none comes within five years.
func (c Calendar) NextWall(wall time.Time) time.Time { return c.starts.Next(wall) }

// Zone is where the calendar's clock hangs.
func (c Calendar) Zone() *time.Location { return c.zone }

// Next is the first start after t, in the calendar's zone; zero if none comes within five
// years. A start in the hour that summer time takes away is at the first moment after it,
// once for all of them; one in the hour that comes twice is in the first only. A calendar
// of every hour has nothing to make up for, and goes on in the second.
func (c Calendar) Next(t time.Time) time.Time {
	wall := c.Wall(t)
	last, change := t.In(c.zone).ZoneBounds()
	if shown := c.shownBefore(last); !c.hourly && wall.Before(shown) { // t is in the hour that comes again
		t, wall = t.Add(shown.Sub(wall)-time.Second), shown.Add(-time.Second)
	}
	for range 64 {
		start := c.NextWall(wall)
		if start.IsZero() {
			return start
		}
		if at := t.Add(start.Sub(wall)); change.IsZero() || at.Before(change) {
			return at.In(c.zone)
		}
		before, after := c.shownBefore(change), c.Wall(change)
		t, wall = change.Add(-time.Second), after.Add(-time.Second)
		switch {
		case c.hourly:
		case start.Before(after): // in the hour that is taken away
			return change.In(c.zone)
		case after.Before(before): // that hour was there already
			t, wall = t.Add(before.Sub(after)), before.Add(-time.Second)
		}
		_, change = change.In(c.zone).ZoneBounds()
	}
	return time.Time{}
}

// shownBefore is what the clock would have shown at the moment of a change without it;
// zero if there was none.
func (c Calendar) shownBefore(change time.Time) time.Time {
	if change.IsZero() {
		return change
	}
	return c.Wall(change.Add(-time.Second)).Add(time.Second)
}
