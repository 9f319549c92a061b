package record

// Live is how things stand for a question to a human, asked when somebody looks at it.
type Live struct {
	Release Release
	Breach  Breach // of the incident's trigger; Prometheus not answering is a state of it
	Plan    Change // that a yes would write
	// Triggers are how all of them stand, where the question is about the next step.
	Triggers []TriggerNow
	// Impact is that of the incident, so far; nil: nothing is known.
	Impact *Impact
	// Curves are the levels of the triggers over time; none: none are known.
	Curves []Curve
	// Waiting are answers of first people that wait for a second one.
	Waiting []WaitingOrder
}
