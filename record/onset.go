package record

import "time"

// An Onset is when harm began, estimated from the counts that the significance rests on: not when
// somebody noticed. The zero value: nobody can tell.
type Onset struct {
	From time.Time `json:"from,omitzero"` // it began between From …
	To   time.Time `json:"to,omitzero"`   // … and To, with 95 %
	At   time.Time `json:"at,omitzero"`   // the most likely moment, between them
	// Open says that harm may have been there since the candidate's first request, which is From then.
	Open   bool   `json:"open,omitempty"`
	Method string `json:"method,omitempty"` // how it was estimated
}

// OnsetMethod names how an onset is estimated. It changes whenever the same counts would give
// another one.
const OnsetMethod = "change point of greatest likelihood, 2026-11-29"

// Harm is when harm began, if that could be estimated.
func (i *Incident) Harm() Onset { return i.Breach.Significance.Onset }
