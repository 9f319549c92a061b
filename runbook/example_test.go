package runbook_test

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

const ranker = `
schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking-oncall"}
metrics:
  selector: job="ranker"
  requests: {counter: model_requests_total, errors: code=~"5.."}
triggers:
  - {name: error-rate, type: error_rate, severity: severe, above: 5%, for: 3m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
verification:
  system: {error_rate: {below: 2%}}
`

// What a runbook leaves out has its default.
func ExampleParse() {
	rb, err := runbook.Parse("ranker.yaml", []byte(ranker))
	if err != nil {
		fmt.Println(err)
		return
	}
	t, _ := rb.Trigger("error-rate")
	fmt.Printf("%s: %s above %s for %s\n", rb.Service, t.Type, t.Above, t.For)
	fmt.Printf("mode %s, cooldown %s, recovery within %s\n", rb.Policy.Mode, rb.Policy.Cooldown, rb.Verification.Within)
	// Output:
	// ranker: error_rate above 5% for 3m
	// mode observe, cooldown 1h, recovery within 10m
}

// A runbook from its file, as the daemon loads it.
func ExampleLoad() {
	rb, err := runbook.Load("../examples/runbooks/ranker.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range rb.Triggers {
		fmt.Println(t.Name, t.Type, t.Severity)
	}
	// Output:
	// latency-p95 latency_quantile severe
	// latency-p95-mild latency_quantile mild
	// error-rate error_rate severe
	// conversion-drop kpi_drop severe
	// users-see-errors absolute_slo page
}

// Every mistake has its place in the file and says what would be right.
func ExampleParse_mistakes() {
	_, err := runbook.Parse("ranker.yaml", []byte(`schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking-oncall"}
metrics: {selector: job="ranker", requests: {counter: requests_total, errors: code="500"}}
triggers:
  - {name: error-rate, type: error_rate, severity: huge, above: 5%, for: 3m}
routing: {router: json, key: routes/ranker/weights}
verification: {system: {error_rate: {below: 2%}}}
`))
	fmt.Println(err)
	// Output:
	// ranker.yaml:6: triggers[0].severity: "huge" is unknown; write one of severe, mild
}
