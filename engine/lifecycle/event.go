package lifecycle

import (
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An Event is something that happened to a target. The set is closed.
type Event interface{ event() }

type (
	// AlertChecked is an alert together with Prometheus' own answer to its trigger, asked
	// for the release it names.
	AlertChecked struct {
		Alert   record.Alert
		Breach  record.Breach
		Release string
		Epoch   int
	}
	// Tick is time passing, and the split being looked at.
	Tick struct{}
	// Drained is the answer to "does the candidate still get traffic?".
	Drained struct{ Answer record.Answer }
	// RecoveryPolled is one poll of the recovery questions, the candidate's traffic among them.
	RecoveryPolled struct{ Answers []record.Answer }
	// KPIPolled is one look, after the incident was closed, at the business questions
	// that could not be proved in time.
	KPIPolled struct{ Answers []record.Answer }
	// Archived says that the evidence folder is complete, or why it is not.
	Archived struct{ Path, Digest, Problem string }
	// MessageSent says that a message reached the team, or that it was given up.
	MessageSent struct {
		Message, Incident, Text string
		GaveUp                  bool
	}
	// Promoted is the answer whether a rollback is possible right now, and with it the
	// next step of the ramp if nothing objects: by a human, or if By is empty by the
	// daemon, which asks first if the runbook says so.
	Promoted struct {
		By      string
		Flip    bool // only as the first step of blue and green
		Release string
		Epoch   int
		Ready   record.Readiness
	}
	// Checked is one poll of what must be good after a flip, or with all traffic.
	Checked struct {
		Release string
		Epoch   int
		Answers []record.Answer
	}
	// Stopped is a human stopping the ramp where it is.
	Stopped struct{ By, Reason string }
	// Resumed is a human letting a ramp go on that was stopped, frozen or held.
	Resumed struct{ By, Reason string }
	// Launched is a human starting a release.
	Launched struct {
		Launch runbook.Launch
		By     string
	}
	// Demanded is a human asking for a rollback.
	Demanded struct{ By, Reason string }
	// Answered is a human's answer to an approval.
	Answered struct {
		Approval, By, How, Reason string
		Yes                       bool
		Ready                     record.Readiness // asked for a yes to the next step
	}
	// SplitAccepted is a human letting a held release go on with the split that was found.
	SplitAccepted struct{ By, Reason string }
)

func (AlertChecked) event()   {}
func (Tick) event()           {}
func (Drained) event()        {}
func (RecoveryPolled) event() {}
func (KPIPolled) event()      {}
func (Archived) event()       {}
func (MessageSent) event()    {}
func (Promoted) event()       {}
func (Checked) event()        {}
func (Stopped) event()        {}
func (Resumed) event()        {}
func (Launched) event()       {}
func (Demanded) event()       {}
func (Answered) event()       {}
func (SplitAccepted) event()  {}
