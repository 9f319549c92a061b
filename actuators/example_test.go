package actuators_test

import (
	"fmt"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// A plan says which keys change, from what to what, and gives the operations that do it;
// whatever else stands in the router's document stays.
func ExampleRouter_Plan() {
	router, err := actuators.For(runbook.Routing{Router: runbook.JSONKey, Key: "routes/ranker/weights"})
	if err != nil {
		fmt.Println(err)
		return
	}
	snap := store.Snapshot{Entries: []store.Entry{{
		Key: "routes/ranker/weights", Index: 7,
		Value: []byte(`{"weights":{"ranker-v1":80,"ranker-v2":20},"sticky":true}`),
	}}}
	change, ops, err := router.Plan(snap, record.Split{"ranker-v1": 100, "ranker-v2": 0}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s to %s\n", change.From, change.To)
	for _, op := range ops {
		fmt.Printf("%s, if it is still at %d:\n%s\n", op.Key, op.Index, op.Value)
	}
	// Output:
	// ranker-v1 80, ranker-v2 20 to ranker-v1 100, ranker-v2 0
	// routes/ranker/weights, if it is still at 7:
	// {"weights":{"ranker-v1":100,"ranker-v2":0},"sticky":true,"schema":1,"revision":1,"by":"autorollback"}
}
