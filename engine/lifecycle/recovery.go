package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

// drained takes the answer whether the candidate still gets traffic. A written key is
// not traffic that moved.
func (s *State) drained(ev Drained, now time.Time) {
	i := s.Incident
	if awaitsDrain(*s) {
		if ev.Answer.Health == record.Good {
			i.DrainedAt = now
			s.note(now, "drained", "", ev.Answer.Text)
		}
		return
	}
	if i == nil || i.Phase != record.Acted || tooSoon(*i, *s.Runbook, now) {
		return
	}
	i.PolledAt = now
	i.Health, i.Answers = ev.Answer.Health, []record.Answer{ev.Answer}
	switch {
	case ev.Answer.Health == record.Good && s.Release.Unwritten() == nil:
		i.Phase, i.DrainedAt = record.Verifying, now
		i.Health = ""
		s.note(now, "drained", "", ev.Answer.Text)
		s.tell(report.VerifyingMsg, now)
	default:
		grace := 30*time.Second + 2*s.Runbook.Metrics.Step().Std()
		if now.Sub(i.ActedAt) > grace && i.NotAppliedAt.IsZero() {
			i.NotAppliedAt = now
			s.note(now, "not_applied", "", fmt.Sprintf("%s the router still sends %s traffic: %s",
				s.asWritten(), i.Candidate.Version, ev.Answer.Text))
			s.tell(report.NotAppliedMsg, now)
		}
	}
}

// asWritten says whether the router was told.
func (s *State) asWritten() string {
	if w := s.Release.Unwritten(); w != nil {
		return w.NotYet() + ":"
	}
	return "Weights written, but"
}

// polled takes one poll of the recovery questions.
func (s *State) polled(ev RecoveryPolled, now time.Time) {
	i := s.Incident
	if i == nil || i.Phase != record.Verifying || tooSoon(*i, *s.Runbook, now) {
		return
	}
	health, why := verify.Judge(ev.Answers)
	i.PolledAt, i.Answers, i.Polls = now, ev.Answers, verify.Count(i.Polls, health)
	i.Unproved = questions(verify.Pending(ev.Answers))
	i.Poll(slices.DeleteFunc(slices.Clone(ev.Answers), verify.IsCheck), s.Runbook.Verification.Every, now)
	if health != i.Health {
		i.Health = health
		s.note(now, "poll", "", fmt.Sprintf("%s: %s", health, why))
	}
	s.conclude(now)
}

// conclude gives the verdict once there is one: after a full row of good polls, or at
// the deadline.
func (s *State) conclude(now time.Time) {
	i := s.Incident
	v, ok := verify.Conclude(verify.Course{Answers: i.Answers, Polls: i.Polls, Need: s.Runbook.Verification.Polls,
		Deadline: i.Deadline, StableUnhealthy: i.Breach.StableUnhealthy}, now)
	if !ok {
		return
	}
	i.Verdict, i.Phase = &v, record.Settled
	s.note(now, "verdict", "", fmt.Sprintf("%s: %s", v.Outcome, v.Reason))
	s.tell(report.VerdictMsg, now)
}

func questions(answers []record.Answer) []string {
	var n []string
	for _, a := range answers {
		n = append(n, a.Question)
	}
	return n
}

// tooSoon keeps two replicas from counting their polls twice. A last poll far ahead of
// now is a clock that was set back, and does not stop the polling.
func tooSoon(i record.Incident, rb runbook.Runbook, now time.Time) bool {
	return now.Sub(i.PolledAt).Abs() < rb.Verification.Every.Std()*9/10
}

// archived takes the sealed evidence folder. A folder that could not be written does
// not keep the incident open, but it says so for ever.
func (s *State) sealed(ev Sealed, now time.Time) {
	i := s.Incident
	if i == nil || !i.EvidenceAt.IsZero() {
		return
	}
	i.EvidenceAt = now
	i.Evidence, i.EvidenceDigest, i.Impact, i.EvidenceLacks = ev.Path, ev.Digest, ev.Impact, ev.Lacks
	if ev.Problem != "" {
		i.Evidence = "incomplete: " + ev.Problem
	}
	if text := report.ImpactLine(*i); text != "" {
		s.note(now, "impact", "", text)
	}
	s.note(now, "evidence", "", cmp.Or(ev.Problem, "sealed "+ev.Digest))
	s.tell(report.EvidenceMsg, now)
	if i.Phase == record.Settled {
		s.close(now)
	}
}

// lacking notes, once, that evidence is incomplete while it is asked for again. What it lacks in the end
// is known when the folder is sealed.
func (s *State) lacking(ev Lacking, now time.Time) {
	i := s.Incident
	if i == nil || !i.EvidenceAt.IsZero() || len(i.EvidenceLacks) > 0 || len(ev.Lacks) == 0 {
		return
	}
	i.EvidenceLacks = ev.Lacks
	s.note(now, "evidence", "", "evidence incomplete: "+strings.Join(ev.Lacks, "; ")+"; it is asked for again")
}

func (s *State) close(now time.Time) {
	s.Incident.Phase, s.Incident.ClosedAt = record.Done, now
}

// A business metric that could not be proved within the verification is followed
// until it can: asked every followEvery, for followFor at most, or until the target's
// next release begins.
const (
	followEvery = 5 * time.Minute
	followFor   = 24 * time.Hour
)

// follows reports whether the recovered incident still owes a word about business.
func follows(s State) bool {
	i := s.Incident
	return i != nil && i.Phase == record.Done && i.Verdict != nil && i.Verdict.Outcome == record.Recovered &&
		len(i.Unproved) > 0 && i.Business == nil &&
		s.Release != nil && s.Release.Incident == i.ID && s.Release.Phase == record.RolledBack
}

// followed takes one look at what was not proved in time.
func (s *State) followed(ev KPIPolled, now time.Time) {
	i := s.Incident
	if !follows(*s) || now.Sub(i.PolledAt) < followEvery*9/10 {
		return
	}
	var owed []record.Answer
	for _, a := range ev.Answers {
		if slices.Contains(i.Unproved, a.Question) {
			owed = append(owed, a)
		}
	}
	health, why := verify.Judge(owed)
	pending := questions(verify.Pending(owed))
	i.PolledAt = now
	v := record.Verdict{At: now, Reason: why, Answers: owed}
	switch {
	case health == record.Bad:
		v.Outcome = record.NotRecovered
	case len(owed) > 0 && len(pending) == 0:
		v.Outcome = record.Recovered
	case now.Sub(i.ActedAt) >= followFor:
		v.Outcome = record.CannotTell
	default:
		return
	}
	i.Business = &v
	s.note(now, "business", "", fmt.Sprintf("%s: %s", v.Outcome, v.Reason))
	s.tell(report.BusinessMsg, now)
}
