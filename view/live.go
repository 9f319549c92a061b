package view

import "github.com/autorollback/autorollback/record"

// Live is how things stand for a question to a human, asked when somebody looks at it.
type Live struct {
	Release record.Release
	Breach  record.Breach // of the incident's trigger; Prometheus not answering is a state of it
	Plan    record.Change // that a yes would write
	// Triggers are how all of them stand, where the question is about the next step.
	Triggers []TriggerNow
	// Impact is that of the incident, so far; nil: nothing is known.
	Impact *record.Impact
	// Curves are the levels of the triggers over time; none: none are known.
	Curves []record.Curve
	// Waiting are answers of first people that wait for a second one.
	Waiting []record.WaitingOrder
}
