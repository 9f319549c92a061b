package record_test

import (
	"fmt"

	"github.com/autorollback/autorollback/record"
)

// An incident's name follows from what it is about: replicas that meet the same breach name
// the same incident, and a new epoch has a new one.
func ExampleIncidentID() {
	one := record.IncidentID("ranker", "default", "rel-1", 1)
	fmt.Println(one)
	fmt.Println(one == record.IncidentID("ranker", "default", "rel-1", 1))
	fmt.Println(one == record.IncidentID("ranker", "default", "rel-1", 2))
	// Output:
	// inc-f6d74e3dad93
	// true
	// false
}
