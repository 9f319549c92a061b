package question

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/view"
)

// An Ended is a question that can be answered no more, or was answered just now, with what came of it.
type Ended struct {
	// Approval is as stored; of one that has left the store it has what its link says, and no status.
	Approval record.Approval
	Incident *record.Incident // nil: there is none, or it cannot be read
	Release  record.Release   // the newest of the target; zero: it cannot be read
	At       time.Time
	Gone     bool   // the incident has left the store
	Newer    string // the address of the question that waits instead, for people who signed in; empty: none is known
	Problem  string // why not more is known
}

// Subject names the service, and its region where there are several.
func (e Ended) Subject() string { return subject(e.Approval) }

// Title is the page in a list of windows.
func (e Ended) Title() string { return e.Subject() + ": " + e.Heading() }

func (e Ended) answered() bool {
	return e.Approval.Status == record.Approved || e.Approval.Status == record.Rejected
}

// Heading says what became of it.
func (e Ended) Heading() string {
	if e.Problem != "" {
		return "This link has expired"
	}
	switch e.Approval.Status {
	case record.Approved:
		return e.done()
	case record.Rejected:
		return e.left()
	case record.Superseded:
		return "This question was overtaken"
	case record.Pending, record.Expired:
		return "This question has expired"
	}
	return "This link has expired"
}

// done says what a yes did.
func (e Ended) done() string {
	candidate, stable := e.versions()
	switch e.Approval.Kind {
	case record.Promotion:
		return candidate + " took the next step"
	case record.AcceptSplit:
		return candidate + " continues"
	}
	return candidate + " was rolled back to " + stable
}

// left says what a no left as it was.
func (e Ended) left() string {
	candidate, _ := e.versions()
	switch e.Approval.Kind {
	case record.Promotion:
		return candidate + " did not take the next step"
	case record.AcceptSplit:
		return candidate + " stays held"
	}
	return candidate + " keeps its traffic"
}

func (e Ended) versions() (candidate, stable string) {
	q := Question{Live: view.Live{Release: e.Release}}
	if e.Incident != nil {
		q.Incident = *e.Incident
	}
	return q.Candidate().Version, q.Stable().Version
}

// Said says who answered, when and how they are known, or that nobody did.
func (e Ended) Said() string {
	a := e.Approval
	switch {
	case e.Problem != "":
		return e.Problem
	case e.answered():
		return fmt.Sprintf("%s by %s at %s, %s ago.", strings.ToUpper(string(a.Status[:1]))+string(a.Status[1:]), who(a), moment(a.DecidedAt, e.At),
			report.Span(max(0, e.At.Sub(a.DecidedAt))))
	case a.Status == record.Superseded && a.DecidedAt.IsZero():
		return "Nobody answered it."
	case a.Status == record.Superseded:
		return "Nobody answered it: it was overtaken at " + moment(a.DecidedAt, e.At) + "."
	case a.Status == "":
		return "Its time to answer is over."
	}
	return "Nobody answered in time: it was open until " + moment(a.ExpiresAt, e.At) + "."
}

func who(a record.Approval) string {
	if how := How(a.How); how != "" {
		return a.By + " (" + how + ")"
	}
	return a.By
}

// How says in words how somebody is known.
func How(how string) string {
	switch how {
	case record.BasicAuth:
		return "signed in with a password"
	case record.ClientCertificate:
		return "signed in with a client certificate"
	case record.ProxyHeader:
		return "signed in at the proxy"
	case record.LinkOnly:
		return "by link only: nobody signed in"
	case record.Unauthenticated:
		return "unauthenticated"
	}
	return how
}

// Reason is what was said with the answer.
func (e Ended) Reason() string { return e.Approval.Reason }

// Moved is what was written, on one line; empty: nothing was moved, or not by this question's end.
func (e Ended) Moved() string {
	i := e.Incident
	if i == nil || i.Change == nil || i.ActedAt.IsZero() {
		return ""
	}
	stable, candidate := (Question{Incident: *i}).sides()
	return moves(shares(*i.Change, stable, candidate))
}

// Next says what happens now.
func (e Ended) Next() string {
	switch i := e.Incident; {
	case e.Approval.Kind == record.Promotion:
		return e.nextStep()
	case e.Gone:
		return "The incident is no longer in the store."
	case i == nil:
		return ""
	case i.Verdict != nil:
		return "The verdict: " + report.Stands(*i) + "."
	case !i.ActedAt.IsZero():
		return fmt.Sprintf("Traffic was moved at %s. Next, the candidate must drain and users must recover; the verdict comes by %s, and you get a message.",
			moment(i.ActedAt, e.At), moment(i.Deadline, e.At))
	case e.Approval.Status == record.Approved && e.Approval.Kind == record.AcceptSplit:
		return "The release continues, and its triggers watch it again."
	case e.Approval.Status == record.Approved:
		return "The rollback is being carried out."
	case e.Approval.Status == record.Rejected && e.Approval.Kind == record.AcceptSplit:
		return "Nothing is moved automatically until somebody puts the split back or accepts it."
	case e.Approval.Status == record.Rejected:
		return fmt.Sprintf("%s keeps its traffic. Only another trigger's severe breach is acted on, or asked about.", i.Candidate.Version)
	case e.Waiting() != "":
		return replaced
	}
	return "The incident is " + report.Stands(*e.Incident) + "."
}

func (e Ended) nextStep() string {
	rel, version := e.Release, e.Release.Candidate.Version
	switch {
	case rel.ID == "" || rel.ID != e.Approval.Release:
		return ""
	case rel.Phase == record.RolledBack:
		return version + " was rolled back."
	case rel.Phase == record.Closed:
		return version + " is proved, and the release is closed."
	case rel.Stopped != nil:
		return fmt.Sprintf("%s stays at %v %% until somebody resumes the ramp. A breach still rolls it back.", version, rel.Weight)
	case e.Waiting() != "":
		return replaced
	}
	return fmt.Sprintf("%s has %v %%. A breach still rolls it back.", version, rel.Weight)
}

const replaced = "A newer question waits for an answer: it came with a message of its own."

// Waiting is the id of another question that waits for an answer instead; empty: none is known.
func (e Ended) Waiting() string {
	id := ""
	switch i := e.Incident; {
	case e.Approval.Kind == record.Promotion && e.Release.Phase == record.Open:
		id = e.Release.Asking
	case i != nil && i.Phase == record.Awaiting:
		id = i.Approval
	}
	if id == e.Approval.ID {
		return ""
	}
	return id
}

// ByHand is the command that still does what a yes would have done; empty: it is done, or over.
func (e Ended) ByHand() string {
	a := e.Approval
	switch i := e.Incident; {
	case a.Status == record.Approved, i != nil && (i.Phase == record.Done && a.Status != record.Rejected || !i.ActedAt.IsZero()):
		return ""
	case e.Release.ID != "" && (e.Release.ID != a.Release || e.Release.Phase != record.Open):
		return ""
	case a.Kind == record.Promotion && e.Release.Stopped != nil:
		return report.ResumeByHand(a.Service, a.Region)
	}
	return report.ByHand(a.Kind, a.Service, a.Region)
}
