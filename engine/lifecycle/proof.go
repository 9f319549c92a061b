package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

// beginProof has the step that was just taken proved: a flip, or all traffic.
func (s *State) beginProof(why string, now time.Time) {
	r := s.Release
	if why != "flip" && r.Weight != 100 {
		return
	}
	r.Proof = &record.Proof{Epoch: r.Epoch, Since: now, Deadline: now.Add(s.Runbook.Verification.Within.Std())}
}

// checked takes one poll of what must be good after the step.
func (s *State) checked(ev Checked, now time.Time) {
	if s.Release == nil || !s.Release.Proving() || ev.Release != s.Release.ID || ev.Epoch != s.Release.Epoch {
		return
	}
	p := s.Release.Proof
	if now.Sub(p.PolledAt).Abs() < s.Runbook.Verification.Every.Std()*9/10 {
		return // another replica's poll
	}
	p.Health, p.Reason = verify.Judge(ev.Answers)
	p.Reason = record.Truncate(p.Reason, record.MaxLine)
	p.PolledAt, p.Answers, p.Polls = now, slim(ev.Answers), verify.Count(p.Polls, p.Health)
	if p.Bads++; !slices.ContainsFunc(ev.Answers, func(a record.Answer) bool { return a.Health == record.Bad && verify.IsCheck(a) }) {
		p.Bads = 0 // levels alone are the triggers' business until the deadline
	}
	s.concludeProof(now)
}

// concludeProof ends the proof once [verify.Conclude] does. Anything but good freezes the
// promotion; what is bad is put to a human as well. No data is neither, and pages.
func (s *State) concludeProof(now time.Time) {
	if s.Release == nil || !s.Release.Proving() {
		return
	}
	r, p := s.Release, s.Release.Proof
	v, ok := verify.Conclude(verify.Course{Answers: p.Answers, Step: true, Polls: p.Polls, Bads: p.Bads,
		Need: s.Runbook.Verification.Polls, Deadline: p.Deadline}, now)
	if !ok {
		return
	}
	p.DoneAt, p.Reason = now, record.Truncate(v.Reason, record.MaxLine)
	p.Health = map[record.Outcome]record.Health{
		record.Recovered: record.Good, record.NotRecovered: record.Bad, record.CannotTell: record.Unknown,
	}[v.Outcome]
	if n := len(r.Moves); n > 0 {
		r.Moves[n-1].Checked = string(p.Health)
	}
	if p.Health != record.Good {
		r.Frozen = fmt.Sprintf("the checks after the step to %v %% are %s: %s.", r.Weight, p.Health, p.Reason)
	}
	if p.Health != record.Bad || !s.askAboutChecks(now) {
		s.Write.Messages = append(s.Write.Messages, report.ProofMsg(*r, s.Runbook, now))
	}
}

// askAboutChecks puts a rollback to a human, if the policy says so, and reports whether
// it did.
func (s *State) askAboutChecks(now time.Time) bool {
	r, p := s.Release, s.Release.Proof
	b := record.Breach{Severity: runbook.Mild, State: record.NotBreaching, StartedAt: p.Since, AskedAt: now}
	in := s.input(b)
	d := policy.Checks(in, p.Reason, now)
	if d.Action != record.Ask {
		return false
	}
	s.open(AlertChecked{
		Alert:  record.Alert{Service: r.Service, Region: r.Region, Severity: runbook.Mild, Source: record.Watcher, StartsAt: p.Since, ReceivedAt: now, Firing: true},
		Breach: b,
	}, now)
	s.Incident.Answers, s.Incident.Health, s.Incident.PolledAt = slices.Clone(p.Answers), p.Health, p.PolledAt
	s.Incident.Inputs = policy.RecordedChecks(in, p.Reason)
	s.apply(d, now)
	return true
}

// maxAnswers bounds what a release keeps of a poll.
const maxAnswers = 20

// slim keeps an answer's words and numbers, and of too many those that are not good: a
// release is small.
func slim(answers []record.Answer) []record.Answer {
	kept := slices.Clone(answers)
	if len(kept) > maxAnswers {
		order := []record.Health{record.Bad, record.Unknown, record.Good}
		slices.SortStableFunc(kept, func(a, b record.Answer) int {
			return slices.Index(order, a.Health) - slices.Index(order, b.Health)
		})
		kept = kept[:maxAnswers]
	}
	for n := range kept {
		kept[n].Text = record.Truncate(kept[n].Text, record.MaxLine)
		kept[n].Query = record.Query{Name: kept[n].Query.Name, At: kept[n].Query.At}
	}
	return kept
}
