package demo

import (
	"time"

	"github.com/autorollback/autorollback/record"
)

// A Breach is what happens to the model versions of one release, and how it must end.
type Breach struct {
	Title   string
	Well    *Behaviour // of a good version; nil: [Well]
	Acts    []Act
	Outcome record.Outcome // of the verdict; empty: no incident at all
	Watch   time.Duration  // how long to go on at most, or, with no incident to come, how long to look for one
}

// An Act changes a behaviour some time after the release is under observation.
type Act struct {
	After     time.Duration
	Candidate *Behaviour
	Stable    *Behaviour
	Says      string
}

// Breaches are the modes of demo --breach. One with ", busy" is the same for a machine that has other
// things to do.
func Breaches() map[string]Breach {
	slow := Behaviour{Latency: 175 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	broken := Behaviour{Latency: 175 * time.Millisecond, Errors: 0.4, Conversion: 0.3}
	slower := Behaviour{Latency: 80 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	calm := Behaviour{Latency: 200 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	calmer := Behaviour{Latency: 320 * time.Millisecond, Errors: 0.002, Conversion: 0.3}
	outage := Behaviour{Latency: 50 * time.Millisecond, Errors: 0.3, Conversion: 0.3}
	return map[string]Breach{
		"severe": {Title: "v2 turns slow, and then fails", Outcome: record.Recovered, Watch: 4 * time.Minute, Acts: []Act{
			{Candidate: &slow, Says: "v2 turns slow: 175 ms instead of 50 ms"},
			{After: 2 * time.Second, Candidate: &broken, Says: "v2 fails: 40 % of its answers are errors"}}},
		"mild": {Title: "v2 is half again as slow", Outcome: record.Recovered, Watch: 5 * time.Minute, Acts: []Act{
			{Candidate: &slower, Says: "v2 turns a little slow: 80 ms instead of 50 ms"}}},
		// Four times as slow on both sides: what a busy machine adds to each answer then hardly
		// changes how many times as slow v2 is.
		"mild, busy": {Title: "v2 is half again as slow", Well: &calm, Outcome: record.Recovered, Watch: 5 * time.Minute, Acts: []Act{
			{Candidate: &calmer, Says: "v2 turns a little slow: 320 ms instead of 200 ms"}}},
		"none": {Title: "v2 is a good release", Watch: 40 * time.Second, Acts: []Act{{Says: "nothing happens: v2 is as good as v1"}}},
		"both": {Title: "v1 and v2 fail together", Outcome: record.WrongCause, Watch: 4 * time.Minute, Acts: []Act{
			{Candidate: &outage, Stable: &outage, Says: "something behind both versions breaks: 30 % of all answers are errors"}}},
	}
}
