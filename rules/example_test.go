package rules_test

import (
	"fmt"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// One runbook becomes one group: what is recorded, and an alert of each trigger, which is
// the runbook's effect and the daemon's significance.
func ExampleCompile() {
	rb, err := runbook.Parse("ranker.yaml", []byte(`
schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking-oncall"}
metrics:
  selector: job="ranker"
  requests: {counter: model_requests_total, errors: code=~"5.."}
triggers:
  - {name: error-rate, type: error_rate, severity: severe, above: 5%, for: 3m}
routing: {router: json, key: routes/ranker/weights}
verification: {system: {error_rate: {below: 2%}}}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	group, err := rules.Compile(rb)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range group.Rules {
		if r.Alert != "" {
			fmt.Println(r.Alert, r.Labels["severity"])
		}
	}
	// Output:
	// AutorollbackRankerErrorRate severe
	// AutorollbackRankerBlind page
}
