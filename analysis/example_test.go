package analysis_test

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// Each interval the test is fed with what the pods counted. A candidate of which every
// tenth request fails is proved to be worse after a few of them; before, its effect alone
// fires nothing.
func ExampleTest_Observe() {
	rb := &runbook.Runbook{
		Service: "ranker",
		Metrics: runbook.Metrics{Interval: runbook.Duration(15 * time.Second)},
		Triggers: []runbook.Trigger{{
			Name: "error-rate", Type: runbook.ErrorRate, Severity: runbook.Severe,
			Above: 0.05, For: runbook.Duration(time.Minute),
		}},
	}
	test, err := analysis.New(rb, "error-rate")
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := 1; ; n++ {
		r := test.Observe([]analysis.PodCount{
			{Pod: "a", Role: runbook.Stable, All: 300, Bad: 1},
			{Pod: "b", Role: runbook.Stable, All: 300, Bad: 1},
			{Pod: "c", Role: runbook.Candidate, All: 30, Bad: 3},
			{Pod: "d", Role: runbook.Candidate, All: 30, Bad: 3},
		})
		fmt.Printf("interval %d: effect %.2f, significance %.1f, fires: %t\n", n, r.Effect, r.Significance, r.Fires())
		if r.Fires() || n == 20 {
			break
		}
	}
	// Output:
	// interval 1: effect 0.10, significance 0.4, fires: false
	// interval 2: effect 0.10, significance 0.9, fires: false
	// interval 3: effect 0.10, significance 1.3, fires: true
}
