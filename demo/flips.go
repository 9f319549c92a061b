package demo

// A Flip is a story of blue and green: green takes over by a human's word, and turns bad while it bakes.
type Flip struct {
	Title   string
	Rollout string // YAML that is put under the demo's runbook
	Rate    int    // requests per second
	Bad     Behaviour
	Says    string
}

// Flips are the stories of demo --story in which green turns bad.
func Flips() map[string]Flip {
	failing, costly := Well, Well
	failing.Errors = 0.4
	costly.Conversion *= 0.7
	return map[string]Flip{
		"bluegreen": {Title: "green takes over, turns bad, and all goes back", Rate: 100, Bad: failing, Says: "green fails: 40 % of its answers are errors",
			Rollout: "\nrollout: {strategy: bluegreen, holdback: 10, bake: 10m, promote: ask}\n"},
		// The share that blue keeps must be able to prove a drop of a KPI: it is larger here.
		"encoder": {Title: "a new encoder costs conversions, and model and features go back as a pair", Rate: 400, Bad: costly,
			Says: "with encoder v5 the conversion is 30 % lower", Rollout: "\nrollout: {strategy: bluegreen, holdback: 40, bake: 10m, promote: ask}\n"},
	}
}
